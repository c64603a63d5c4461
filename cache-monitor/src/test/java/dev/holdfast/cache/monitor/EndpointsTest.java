package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.InstanceNotFoundException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What the endpoints answer, over HTTP, with real servers behind the client. */
@Execution(ExecutionMode.CONCURRENT)
class EndpointsTest {
    private static final String TOKEN = "0123456789abcdef";
    private static final List<String> OPEN = List.of(
            "/health",
            "/ready",
            "/api/health/cache",
            "/api/monitoring/health",
            "/api/monitoring/health/redis",
            "/api/monitoring/metrics/performance",
            "/api/monitoring/alerts");

    private static void assertHas(Http answer, String... parts) {
        for (String part : parts) {
            assertTrue(answer.body().contains(part), () -> part + " is not in " + answer.body());
        }
    }

    private static double number(Http answer, String field) {
        Matcher matcher = Pattern.compile('"' + field + "\":([0-9.]+)").matcher(answer.body());
        assertTrue(matcher.find(), () -> "no number " + field + " in " + answer.body());
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void everyPathAnswersOnceOpenAndIsNotStored() {
        try (Monitored here = new Monitored()) {
            List<String> paths = new ArrayList<>(OPEN);
            paths.addAll(List.of("/metrics", "/"));
            for (String path : paths) {
                Http answer = here.get(path);
                assertEquals(200, answer.status(), path);
                assertEquals("no-store", answer.headers().get("cache-control"));
                assertEquals("nosniff", answer.headers().get("x-content-type-options"));
                assertNull(answer.headers().get("access-control-allow-origin"));
                Http head = Http.send(here.port(), "HEAD", path);
                assertEquals(200, head.status());
                assertEquals("", head.body());
            }
            assertEquals("OK", here.get("/health").body());
            assertEquals("READY", here.get("/ready").body());
            assertEquals(404, here.get("/api/monitoring").status());
            assertEquals("{\"error\":\"not found\"}", here.get("/nothing").body());
        }
    }

    @Test
    void theHealthOfTheCacheIsThatOfTheClientToTheByte() {
        try (Monitored here = new Monitored()) {
            String clock = "\"uptime\":[0-9]+";
            String expected = here.client.healthJson().replaceAll(clock, "");
            assertEquals(expected, here.get("/api/health/cache").body().replaceAll(clock, ""));
        }
    }

    @Test
    void aServerThatIsKilledIsUnhealthyWithinTwoSecondsAndHealthyAgainAfterwards() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Http well = here.get("/api/monitoring/health/redis");
            assertEquals(200, well.status());
            assertHas(
                    well,
                    "\"status\":\"healthy\",\"redis\":{\"enabled\":true,\"connected\":true,\"connectionTest\":"
                            + "{\"connected\":true,\"status\":\"healthy\",\"latency\":");
            redis.kill();
            Duration took = Await.until(
                    Duration.ofSeconds(20),
                    () -> "503, but " + here.get("/api/monitoring/health/redis"),
                    () -> here.get("/api/monitoring/health/redis").status() == 503);
            assertTrue(took.compareTo(Duration.ofSeconds(2)) <= 0, () -> "took " + took);
            assertEquals(
                    "{\"status\":\"unhealthy\",\"redis\":{\"enabled\":true,\"connected\":false,\"connectionTest\":"
                            + "{\"connected\":false,\"status\":\"unhealthy\",\"latency\":null,"
                            + "\"error\":\"connection refused\"}}}",
                    awaitError(here));
            assertEquals(200, here.get("/api/monitoring/health").status(), "memory answers");
            assertEquals("READY", here.get("/ready").body());
            redis.restart(RedisServer.Data.KEEP);
            Await.until(
                    Duration.ofSeconds(30),
                    () -> "healthy again, but " + here.get("/api/monitoring/health/redis"),
                    () -> here.get("/api/monitoring/health/redis").body().startsWith("{\"status\":\"healthy\""));
        }
    }

    /** Until the failover, the test of the connection fails and the tier still serves. */
    private static String awaitError(Monitored here) {
        String[] body = {""};
        Await.until(Duration.ofSeconds(20), () -> "connection refused, but " + body[0], () -> {
            body[0] = here.get("/api/monitoring/health/redis").body();
            return body[0].contains("connection refused");
        });
        return body[0];
    }

    @Test
    void aServerThatIsDownSinceTheStartIsNotConnected() {
        try (Monitored here = new Monitored("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "1")) {
            Http answer = here.get("/api/monitoring/health/redis");
            assertEquals(503, answer.status());
            assertEquals(
                    "{\"status\":\"unhealthy\",\"redis\":{\"enabled\":true,\"connected\":false,\"connectionTest\":"
                            + "{\"connected\":false,\"status\":\"unhealthy\",\"latency\":null,"
                            + "\"error\":\"connection refused\"}}}",
                    awaitError(here));
            assertHas(here.get("/api/monitoring/health"), "\"redis\":{\"enabled\":true,\"connected\":false}");
        }
    }

    @Test
    void theKillSwitchIsDisabledAndContactsNobody() throws Exception {
        try (RedisServer redis = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
                Monitored here =
                        new Monitored("REDIS_URL", "redis://127.0.0.1:" + proxy.port(), "REDIS_ENABLED", "false")) {
            Http answer = here.get("/api/monitoring/health/redis");
            assertEquals(200, answer.status());
            assertEquals(
                    "{\"status\":\"disabled\",\"redis\":{\"enabled\":false,\"connected\":false,\"connectionTest\":null}}",
                    answer.body());
            assertHas(here.get("/api/monitoring/health"), "\"status\":\"disabled\"");
            assertHas(here.get("/api/monitoring/alerts"), "\"active\":[]");
            assertEquals(0, proxy.connections());
        }
    }

    @Test
    void theLatencyIsThatOfTheConnection() {
        Duration delay = Duration.ofMillis(20);
        try (RedisServer redis = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
                Monitored here = new Monitored("REDIS_URL", "redis://127.0.0.1:" + proxy.port())) {
            double near = number(here.get("/api/monitoring/health/redis"), "latency");
            proxy.delay(delay.dividedBy(2));
            double[] far = {0};
            Await.until(Duration.ofSeconds(20), () -> "a slow test, but " + far[0], () -> {
                far[0] = number(here.get("/api/monitoring/health/redis"), "latency");
                return far[0] >= delay.toMillis();
            });
            assertTrue(far[0] - near < 20 * delay.toMillis(), () -> near + " ms near, " + far[0] + " ms far");
        }
    }

    @Test
    void aThousandRequestsInASecondAreTwoTestsOfTheConnection() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            here.get("/api/monitoring/health/redis");
            long before = commands(redis);
            long begin = System.nanoTime();
            for (int i = 0; i < 1_000; i++) {
                assertEquals(200, here.get("/api/monitoring/health/redis").status());
            }
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin) + 1;
            long tests = (commands(redis) - before) / 2;
            assertTrue(tests <= 3 * seconds, () -> tests + " tests in " + seconds + " s");
        }
    }

    /** Those of clients; a test of the connection is a script or two commands. */
    private static long commands(RedisServer redis) {
        return Arrays.stream(
                        Objects.toString(redis.command("INFO", "commandstats")).split("\r?\n", -1))
                .filter(line -> line.matches("cmdstat_(get|set|eval|evalsha|ping|psetex|incr).*"))
                .mapToLong(line -> Long.parseLong(line.replaceAll(".*calls=([0-9]+).*", "$1")))
                .sum();
    }

    @Test
    void aFrozenServerHoldsNobody() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            here.get("/api/monitoring/health/redis");
            redis.freeze();
            Await.until(Duration.ofSeconds(20), () -> "503", () -> {
                long begin = System.nanoTime();
                boolean down = here.get("/api/monitoring/health/redis").status() == 503;
                long millis = (System.nanoTime() - begin) / 1_000_000;
                assertTrue(millis < 5_000, () -> "an answer took " + millis + " ms");
                return down;
            });
            for (int i = 0; i < 100; i++) {
                assertEquals("OK", here.get("/health").body());
                assertEquals("READY", here.get("/ready").body());
            }
            redis.thaw();
        }
    }

    @Test
    void theLastMinuteIsCountedAndNothingElse() {
        try (Monitored here = new Monitored()) {
            Http nothing = here.get("/api/monitoring/metrics/performance");
            assertHas(nothing, "\"cache\":{\"hitRate\":null,\"hits\":0,\"misses\":0");
            Cache<String, String> leads =
                    here.client.cache("leads", String.class, String.class).build();
            leads.put("there", "v");
            for (int i = 0; i < 1_000; i++) {
                leads.get(i < 724 ? "there" : "absent");
            }
            Http now = here.fresh("/api/monitoring/metrics/performance?window=60&history=5");
            assertHas(now, "\"hitRate\":72.4,\"hits\":724,\"misses\":276", "{\"name\":\"leads\",\"hitRate\":72.4");
            assertHas(now, "\"memory\":{\"usedBytes\":", "\"maxBytes\":67108864", "\"history\":[");
            assertFalse(now.body().contains(":-"), () -> "something is negative: " + now.body());
            assertEquals(
                    200,
                    here.get("/api/monitoring/metrics/performance?window=x&history=-4")
                            .status());
        }
    }

    @Test
    void aLostServerIsAnAlertAfterTenSecondsAndOverThirtyAfterItServes() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            redis.kill();
            long killed = System.nanoTime();
            // Somebody has to notice: an idle client would look after half a minute.
            here.client.cache("leads", String.class, String.class).build().get("k");
            awaitAlerts(here, "\"active\":[{\"id\":\"redis-connection-lost\",\"severity\":\"critical\"");
            long fired = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed);
            assertTrue(fired >= 10_000 && fired < 15_000, () -> "fired after " + fired + " ms");
            redis.restart(RedisServer.Data.KEEP);
            Await.until(Duration.ofSeconds(30), () -> "service, but " + here.client.healthJson(), () -> here.client
                    .healthJson()
                    .startsWith("{\"type\":\"native-redis\""));
            long served = System.nanoTime();
            awaitAlerts(here, "\"active\":[]");
            long over = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - served);
            assertTrue(over >= 29_000 && over < 36_000, () -> "over after " + over + " ms");
            assertHas(here.get("/api/monitoring/alerts"), "\"event\":\"failback\"", "\"event\":\"failover\"");
        }
    }

    private static void awaitAlerts(Monitored here, String part) {
        Await.until(
                Duration.ofSeconds(60),
                () -> part + " in " + here.get("/api/monitoring/alerts").body(),
                () -> here.get("/api/monitoring/alerts").body().contains(part));
    }

    @Test
    void noSecretIsInAnyAnswer() throws Exception {
        List<String> secrets = List.of(TOKEN, "s3cret-of-redis", "s3cret-of-the-webhook");
        try (RedisServer redis = RedisServer.builder().password(secrets.get(1)).start();
                Monitored here = new Monitored(
                        "REDIS_URL",
                        redis.url(),
                        "REDIS_MONITORING_TOKEN",
                        TOKEN,
                        "REDIS_ALERT_WEBHOOK_URL",
                        "http://127.0.0.1:1/services/" + secrets.get(2))) {
            List<String> paths = new ArrayList<>(OPEN);
            paths.addAll(List.of("/api/admin/cache/stats", "/api/admin/cache/cluster", "/metrics", "/"));
            for (boolean well : new boolean[] {true, false}) {
                for (String path : paths) {
                    String body =
                            here.get(path, "Authorization: Bearer " + TOKEN).body();
                    secrets.forEach(secret -> assertFalse(body.contains(secret), () -> path + " has " + secret));
                }
                if (well) {
                    redis.setPassword("another");
                    here.client.forceFailover("single");
                    awaitAlerts(here, "forced-failover");
                }
            }
            assertHas(here.get("/api/monitoring/alerts"), "\"channel\":\"json\"");
            String beans = beans();
            assertTrue(beans.contains("holdfast"), beans);
            secrets.forEach(secret -> assertFalse(beans.contains(secret), () -> secret + " in JMX"));
        }
    }

    /** What all our MBeans say, those of tests beside this one included. */
    private static String beans() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        StringBuilder all = new StringBuilder();
        for (ObjectName name : server.queryNames(new ObjectName("dev.holdfast.cache:*"), null)) {
            try {
                MBeanAttributeInfo[] attributes = server.getMBeanInfo(name).getAttributes();
                String[] names = Arrays.stream(attributes)
                        .map(MBeanAttributeInfo::getName)
                        .toArray(String[]::new);
                all.append(name).append(server.getAttributes(name, names));
            } catch (InstanceNotFoundException e) {
                all.append(name).append(" is gone");
            }
        }
        return all.toString();
    }

    @Test
    void upstashWhichBillsIsTestedOnceInHalfAMinute() {
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "t");
                Monitored here =
                        new Monitored("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", "t")) {
            assertEquals(200, here.get("/api/monitoring/health/redis").status());
            long before = gateway.requests();
            for (int i = 0; i < 200; i++) {
                assertEquals(200, here.get("/api/monitoring/health/redis").status());
            }
            here.fresh("/metrics");
            assertEquals(before, gateway.requests());
        }
    }

    @Test
    void theMemoryOfAServerThatHasABoundIsKnown() {
        try (RedisServer redis = RedisServer.builder().maxMemory(32 << 20).start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            Await.until(
                    Duration.ofSeconds(20),
                    () -> "its bound in " + here.get("/api/monitoring/metrics/performance"),
                    () -> here.get("/api/monitoring/metrics/performance").body().contains("\"maxBytes\":33554432,"));
            assertHas(
                    here.get("/metrics"), "holdfast_memory_max_bytes{client=\"holdfast\",tier=\"single\"} 3.3554432E7");
        }
    }

    @Test
    void whatAdministersNeedsTheTokenAndIsNotThereWithoutOne() {
        List<String> paths = List.of("/api/admin/cache/stats", "/api/admin/cache/cluster", "/api/admin/anything");
        try (Monitored here = new Monitored()) {
            paths.forEach(path -> assertEquals(404, here.get(path).status(), path));
        }
        try (Monitored here = new Monitored("REDIS_MONITORING_TOKEN", TOKEN)) {
            here.client.cache("leads", String.class, String.class).build().get("k");
            Http stats = here.fresh(paths.get(0), "Authorization: Bearer " + TOKEN);
            assertEquals(200, stats.status());
            assertHas(stats, "{\"client\":\"holdfast\",\"caches\":[{\"name\":\"leads\",\"hits\":0,\"misses\":1");
            assertEquals(
                    "{\"enabled\":false}",
                    here.get(paths.get(1), "Authorization: Bearer " + TOKEN).body());
            assertEquals(200, here.get("/api/monitoring/health").status(), "on this machine the rest is open");
            for (int i = 0; i < 10; i++) {
                Http refused = here.get(paths.get(0), "Authorization: Bearer wrong" + i);
                assertEquals(401, refused.status());
                assertTrue(refused.headers().get("www-authenticate").startsWith("Bearer"));
            }
            assertEquals(
                    429, here.get(paths.get(0), "Authorization: Bearer wrong").status());
            assertEquals(
                    429,
                    here.get(paths.get(0), "Authorization: Bearer " + TOKEN).status());
            for (Http answer : List.of(stats, here.get("/api/health/cache"))) {
                assertFalse(answer.body().contains(TOKEN));
            }
        }
    }
}
