package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Environments by what their variables say: files, addresses, switches, and what is malformed. */
class ValidationSettingsTest {
    private static final String SECRET = "s3cret-of-this-test";

    @Test
    void secretsAreReadFromTheFilesThatHoldThem(@TempDir Path dir) throws IOException {
        String file = Files.writeString(dir.resolve("secret"), SECRET + "\n").toString();
        try (RedisServer redis = RedisServer.builder().password(SECRET).start();
                RedisServer open = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + open.port(), SECRET)) {
            String port = "" + redis.port();
            Run.patient("REDIS_HOST", "127.0.0.1", "REDIS_PORT", port, "REDIS_PASSWORD_FILE", file)
                    .mustBeReady("Good")
                    .mustHide(SECRET);
            Run.patient("REDIS_URL", "redis://127.0.0.1:" + port, "REDIS_PASSWORD_FILE", file)
                    .mustBeReady("Good");
            Run.patient("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN_FILE", file)
                    .mustBeReady("Good")
                    .mustHide(SECRET);
        }
    }

    @Test
    void aServerWithoutHostAndPortFailsAndTheOtherTiersAreChecked() {
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), SECRET)) {
            for (String url : List.of("redis-sentinel://app:pw-of-it@127.0.0.1:1/shop", "unix:///run/nobody.sock")) {
                Run run = Run.patient(
                        "REDIS_URL", url, "UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", SECRET);
                run.mustFail("single: address", "by host and port").mustHide("pw-of-it");
                assertTrue(run.line("upstash: failover").startsWith("ok"), run.output());
            }
        }
    }

    @Test
    void aMalformedVariableIsNamedAndNothingIsContacted() {
        Run.patient("REDIS_URL", "redis://127.0.0.1:1", "CACHE_TTL", "5 minutes")
                .mustFail("settings", "CACHE_TTL", "a number with a unit");
        Run.patient().mustFail("settings", "no server is configured", "REDIS_URL");
    }

    @Test
    void theKillSwitchIsSaidAndTheServersAreCheckedNevertheless() {
        try (RedisServer redis = RedisServer.start()) {
            Run run = Run.patient("REDIS_URL", redis.url(), "REDIS_ENABLED", "false");
            run.mustBeReady("Good");
            assertTrue(run.line("settings").contains("REDIS_ENABLED is false"), run.output());
            assertTrue(run.line("single: login").startsWith("ok"), run.output());
        }
    }

    @Test
    void aVariableThatNobodyReadsIsNamedWithTheOneThatIsMeant() {
        try (RedisServer redis = RedisServer.start()) {
            Run run = Run.patient("REDIS_URL", redis.url(), "CACHE_TLL", "60", "REDIS_KEYPREFIX", "app");
            run.mustBeReady("Good");
            assertTrue(
                    run.line("settings").contains("CACHE_TLL is read by nobody: is it CACHE_TTL?")
                            && run.line("settings").contains("is it REDIS_KEY_PREFIX?"),
                    run.output());
            Run.patient("REDIS_ULR", redis.url())
                    .mustFail("settings", "no server is configured", "REDIS_ULR is read by nobody: is it REDIS_URL?");
        }
    }

    @Test
    void whatKubernetesAndOthersSetIsNoSlip() {
        try (RedisServer redis = RedisServer.start()) {
            Run run = Run.patient(
                    "REDIS_URL",
                    redis.url(),
                    "REDIS_PORT",
                    "tcp://10.0.0.1:6379",
                    "REDIS_SERVICE_HOST",
                    "10.0.0.1",
                    "REDIS_SERVICE_PORT",
                    "6379",
                    "REDIS_PORT_6379_TCP_ADDR",
                    "10.0.0.1",
                    "KV_URL",
                    "redis://h:1",
                    "REDIS_URI",
                    redis.url());
            assertTrue(run.line("settings").startsWith("ok"), run.output());
        }
    }

    @Test
    void partsOfAServerThatIsNotConfiguredAreNamed() {
        try (RedisServer redis = RedisServer.start()) {
            Run run = Run.patient(
                    "REDIS_URL", redis.url(), "REDIS_CLUSTER_PASSWORD", SECRET, "REDIS_CLUSTER_TLS", "true");
            run.mustBeReady("Good").mustHide(SECRET);
            assertTrue(
                    run.line("settings")
                            .contains("REDIS_CLUSTER_PASSWORD, REDIS_CLUSTER_TLS are set without REDIS_CLUSTER_NODES"),
                    run.output());
        }
        try (RedisServer redis = RedisServer.builder().password(SECRET).start()) {
            Run run = Run.patient("REDIS_URL", "redis://127.0.0.1:" + redis.port(), "REDIS_PASSWORD", SECRET);
            run.mustFail("single: login", "NOAUTH").mustHide(SECRET);
            assertTrue(run.line("settings").contains("REDIS_PASSWORD is not read beside REDIS_URL"), run.output());
        }
    }

    @Test
    void theNamesThatAreKnownAreThoseOfTheDocument() throws IOException {
        TreeSet<String> documented = new TreeSet<>();
        Matcher names = Pattern.compile("`((?:CACHE|REDIS|UPSTASH|KV)_[A-Z0-9_]*[A-Z0-9])`")
                .matcher(Files.readString(Path.of("..", "docs", "settings.md")));
        while (names.find()) {
            documented.add(names.group(1));
        }
        assertEquals(documented, Misspelt.known());
    }
}
