package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Environments that are ready and some that are not, on real servers. */
@Execution(ExecutionMode.CONCURRENT)
class ValidationTest {
    private static final String SECRET = "s3cret-of-this-test";

    private static RedisServer.Builder bounded() {
        return RedisServer.builder().maxMemory(64 << 20).line("maxmemory-policy allkeys-lru");
    }

    private static List<?> keysOfRuns(RedisServer server) {
        return (List<?>) Objects.requireNonNull(server.command("KEYS", "*#validate*"));
    }

    @Test
    void aGoodSingleServerIsReadyAndIsLeftAsItWas() {
        try (RedisServer redis = bounded()
                .user("app", SECRET, "~app:* +@all -@admin -@dangerous +info")
                .start()) {
            redis.command("SET", "app:other", "value");
            redis.command("HSET", "theirs", "a", "b");
            Object before = List.of(
                    Objects.requireNonNull(redis.command("DUMP", "app:other")),
                    Objects.requireNonNull(redis.command("DUMP", "theirs")),
                    Objects.requireNonNull(redis.command("PTTL", "app:other")));

            Run run = Run.patient(
                    "REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app", "REDIS_MONITORING_ENABLED", "true");

            run.mustBeReady("Excellent").mustHide(SECRET);
            assertEquals(List.of(), keysOfRuns(redis));
            assertEquals(2L, redis.command("DBSIZE"));
            assertEquals(
                    before,
                    List.of(
                            Objects.requireNonNull(redis.command("DUMP", "app:other")),
                            Objects.requireNonNull(redis.command("DUMP", "theirs")),
                            Objects.requireNonNull(redis.command("PTTL", "app:other"))));
            assertTrue(run.line("single: latency").contains("1000 reads"), run.output());
            assertTrue(run.line("single: failover").contains("stayed removed"), run.output());
        }
    }

    @Test
    void aServerWithoutABoundIsReadyWithWarnings() {
        try (RedisServer redis = RedisServer.start()) {
            Run run = Run.patient("REDIS_URL", redis.url());
            run.mustBeReady("Good");
            assertTrue(run.line("single: memory").startsWith("warn"), run.output());
            assertTrue(run.line("monitoring").contains("REDIS_MONITORING_ENABLED=true"), run.output());
        }
    }

    @Test
    void aGoodUpstashDatabaseIsReadyAndAWrongTokenIsNot() {
        try (RedisServer redis = bounded().start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), SECRET)) {
            Run.patient("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", SECRET)
                    .mustBeReady("Good")
                    .mustHide(SECRET);
            assertEquals(0L, redis.command("DBSIZE"));
            Run.patient("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", "wrong-" + SECRET)
                    .mustFail("upstash: login", "UPSTASH_REDIS_REST_TOKEN")
                    .mustHide(SECRET);
        }
    }

    @Test
    void aDeadServerIsNamedWithItsVariable() {
        RedisServer redis = RedisServer.start();
        redis.close();
        Run.patient("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "" + redis.port())
                .mustFail("single: address", "connection refused", "REDIS_HOST and REDIS_PORT");
        Run.patient("REDIS_URL", "redis://nowhere.invalid:6379")
                .mustFail("single: address", "does not resolve", "REDIS_URL");
    }

    @Test
    void aWrongPasswordIsNamedWithItsVariableAndNotShown() {
        try (RedisServer redis = RedisServer.builder().password(SECRET).start()) {
            Run.patient("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "" + redis.port(), "REDIS_PASSWORD", "not-" + SECRET)
                    .mustFail("single: login", "WRONGPASS", "REDIS_PASSWORD")
                    .mustHide(SECRET);
            Run.patient("REDIS_URL", "redis://127.0.0.1:" + redis.port())
                    .mustFail("single: login", "NOAUTH", "REDIS_URL");
        }
    }

    @Test
    void rightsThatAreMissingAreNamedAsARuleOfAnAcl() {
        try (RedisServer redis =
                bounded().user("app", SECRET, "~app:* +@all -unlink -evalsha").start()) {
            Run.patient("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app")
                    .mustFail(
                            "single: commands",
                            "refuses EVALSHA, UNLINK",
                            "REDIS_URL",
                            "ACL SETUSER app +evalsha +unlink")
                    .mustHide(SECRET);
            assertEquals(List.of(), keysOfRuns(redis));
            Run.patient("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "other")
                    .mustFail("single: commands", "ACL SETUSER app ~other:* +");
        }
    }

    @Test
    void whoeverCantHearOfOtherClientsIsWarnedWhereTheyAreToAgree() {
        try (RedisServer redis = bounded()
                .user("app", SECRET, "~app:* +@all -zadd")
                .user("all", SECRET, "~* +@all")
                .start()) {
            String agree = "CACHE_AGREE_WITHIN";
            Run.patient("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app", agree, "5")
                    .mustBeReady("Good")
                    .mustSay("warn", "single: agreement", "+zadd", agree);
            Run.patient("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app").mustBeReady("Good");
            String other = redis.url().replace("app:", "all:");
            Run.patient("REDIS_URL", other, agree, "5")
                    .mustBeReady("Good")
                    .mustSay("ok", "single: agreement", agree + "=5");
        }
    }

    @Test
    void aReplicaIsNamed() {
        try (RedisServer master = RedisServer.start();
                RedisServer replica = RedisServer.start()) {
            replica.command("REPLICAOF", "127.0.0.1", "" + master.port());
            Run.patient("REDIS_URL", replica.url())
                    .mustFail("single: writes", "READONLY", "let REDIS_URL name the master");
        }
    }

    @Test
    void aServerThatIsFullAndForgetsNothingIsNamed() {
        try (RedisServer redis = RedisServer.builder().maxMemory(4 << 20).start()) {
            String value = "x".repeat(100_000);
            try {
                for (int i = 0; i < 100; i++) {
                    redis.command("SET", "filler-" + i, value);
                }
                throw new AssertionError("it took everything");
            } catch (IllegalStateException full) {
                assertTrue(String.valueOf(full.getMessage()).contains("OOM"), full.toString());
            }
            Run run = Run.patient("REDIS_URL", redis.url());
            run.mustFail("single: writes", "OOM", "REDIS_URL", "maxmemory-policy");
            assertTrue(run.line("single: memory").contains("noeviction"), run.output());
        }
    }

    @Test
    void aServerThatIsFarAwayMissesTheTargets() {
        try (RedisServer redis = bounded().start();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", redis.port())) {
            proxy.delay(Duration.ofMillis(100));
            Run.of(new String[] {"--seconds", "2"}, "REDIS_URL", "redis://127.0.0.1:" + proxy.port())
                    .mustFail("single: latency", "target 10 ms", "REDIS_URL");
        }
    }

    @ParameterizedTest
    @CsvSource({"login,commands", "memory,latency", "latency,failover"})
    void aServerThatFallsSilentInTheMiddleIsNamed(String before, String check) {
        try (RedisServer redis = bounded().start()) {
            AtomicBoolean silent = new AtomicBoolean();
            Run run = Run.watched(
                    line -> {
                        if (line.contains("single: " + before)) {
                            silent.set(true);
                            redis.freeze();
                        }
                    },
                    "REDIS_URL",
                    redis.url(),
                    "REDIS_COMMAND_TIMEOUT",
                    "2000");
            redis.thaw();
            assertTrue(silent.get(), run.output());
            run.mustFail("single: " + check);
            assertTrue(run.line("single: cleanup").contains("not all keys"), run.output());
        }
    }

    @Test
    void whatIsNoRedisAndNoDatabaseIsNamed() throws IOException {
        HttpServer web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.createContext("/", exchange -> {
            byte[] page = "<html>a shop</html>".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
        });
        web.start();
        try {
            String place = "127.0.0.1:" + web.getAddress().getPort();
            Run.patient("REDIS_URL", "redis://" + place).mustFail("single: login", "no Redis", "REDIS_URL");
            Run.patient("UPSTASH_REDIS_REST_URL", "http://" + place, "UPSTASH_REDIS_REST_TOKEN", SECRET)
                    .mustFail("upstash: login", "HTTP status 200 and no JSON", "UPSTASH_REDIS_REST_URL")
                    .mustHide(SECRET);
        } finally {
            web.stop(0);
        }
    }

    @Test
    void aServerThatTakesNoMoreConnectionsOrHasNoSuchDatabaseIsNamed() {
        try (RedisServer redis = RedisServer.builder().line("maxclients 1").start()) {
            Run.patient("REDIS_URL", redis.url()).mustFail("single: login", "max number of clients", "maxclients");
        }
        try (RedisServer redis = RedisServer.start()) {
            Run.patient("REDIS_URL", redis.url() + "/99").mustFail("single: login", "index", "REDIS_DB");
        }
    }

    @Test
    void twoRunsAtOnceLeaveEachOtherAndOthersAlone() throws Exception {
        try (RedisServer redis = bounded().start()) {
            for (int i = 0; i < 1_000; i++) {
                redis.command("SET", "app:" + i, "v" + i);
            }
            redis.command("SET", "#validate:theirs", "v");
            List<Thread> threads = new ArrayList<>();
            List<Run> runs = Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 2; i++) {
                Thread thread = new Thread(() -> runs.add(Run.patient("REDIS_URL", redis.url())));
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(2, runs.size());
            runs.forEach(run -> run.mustBeReady("Good"));
            assertEquals(1_001L, redis.command("DBSIZE"));
            for (int i = 0; i < 1_000; i++) {
                assertEquals("v" + i, redis.command("GET", "app:" + i));
            }
        }
    }

    @Test
    void theJsonHasTheSameAsTheLines() {
        try (RedisServer redis = RedisServer.builder().password(SECRET).start()) {
            Run run =
                    Run.of(new String[] {"--json", "--p50-ms", "5000", "--p99-ms", "60000"}, "REDIS_URL", redis.url());
            run.mustHide(SECRET);
            JsonNode json = run.json();
            assertEquals("PRODUCTION READY - Good", json.get("verdict").asString());
            assertEquals(0, json.get("failed").asInt());
            assertTrue(json.get("checks").size() >= 10, run.output());
            assertEquals(1, run.lines().size());
        }
    }

    @Test
    void unknownArgumentsAreRefusedWithTheUsage() {
        Run run = Run.of(new String[] {"--jsn"});
        assertEquals(2, run.exit());
        assertTrue(run.errors().contains("--jsn is not known; usage: "), run.errors());
        assertEquals(2, Run.of(new String[] {"--p50-ms", "soon"}).exit());
    }

    @Test
    void whatAKilledRunLeavesIsRemovedByItsGuard() throws Exception {
        try (RedisServer redis = bounded().start();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", redis.port())) {
            redis.command("SET", "theirs", "v");
            proxy.delay(Duration.ofMillis(5));
            Process process = ValidateProcess.start("REDIS_URL", "redis://127.0.0.1:" + proxy.port());
            List<ProcessHandle> guards = List.of();
            try {
                await("a key of the run", () -> !keysOfRuns(redis).isEmpty());
                guards = process.descendants().toList();
                assertEquals(1, guards.size());
                for (Object key : keysOfRuns(redis)) {
                    long life = (Long) Objects.requireNonNull(redis.command("PTTL", key.toString()));
                    assertTrue(life <= 600_000, key + " lives for " + life + " ms");
                }
                process.destroyForcibly().waitFor();
                List<ProcessHandle> waitedFor = guards;
                await("the end of the guard", () -> waitedFor.stream().noneMatch(ProcessHandle::isAlive));
            } finally {
                process.destroyForcibly().waitFor();
                guards.forEach(ProcessHandle::destroyForcibly);
            }
            assertEquals(List.of(), keysOfRuns(redis));
            assertEquals("v", redis.command("GET", "theirs"));
        }
    }

    private static void await(String what, BooleanSupplier seen) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!seen.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, "waited for " + what);
            LockSupport.parkNanos(2_000_000);
        }
    }

    @Test
    void aProcessEndsWithTheCodeOfTheVerdictAndLeavesNobody() throws Exception {
        Process process = ValidateProcess.start("REDIS_URL", "redis://127.0.0.1:1");
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            assertEquals(1, process.exitValue());
            assertEquals(0, process.descendants().count());
        } finally {
            process.destroyForcibly();
        }
    }
}
