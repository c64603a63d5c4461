package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
}
