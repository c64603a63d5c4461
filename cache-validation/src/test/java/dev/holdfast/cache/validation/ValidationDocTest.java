package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** docs/deployment.md shows what the program prints, word for word, but for figures that are measured and the server's address. */
class ValidationDocTest {
    private static final String SECRET = "s3cret-of-this-test";

    /** Of each command in the document, what it prints. */
    private static final List<List<String>> SHOWN = new ArrayList<>();

    @BeforeAll
    static void read() throws IOException {
        String document = Files.readString(Path.of("..", "docs", "deployment.md"));
        String from = document.substring(document.indexOf("\n$ REDIS_URL=") + 1);
        String block = from.substring(0, from.indexOf("\n```"));
        for (String run : block.split("\n\n", -1)) {
            SHOWN.add(run.lines().skip(1).map(ValidationDocTest::fixed).toList());
        }
        assertEquals(5, SHOWN.size(), block);
    }

    private static String fixed(String line) {
        return line.replaceAll("[0-9]+(\\.[0-9]+)?(?= (ms|us|MiB)\\b)", "N");
    }

    private static List<String> printed(Run run, RedisServer server, String address, boolean allLines) {
        return run.lines().stream()
                .filter(line -> allLines || line.matches("(FAIL|warn|NOT READY|PRODUCTION).*"))
                .map(line -> fixed(
                        line.replace("127.0.0.1:" + server.port(), address).replace("127.0.0.1", "10.2.0.17")))
                .toList();
    }

    @Test
    void aGoodEnvironment() {
        try (RedisServer redis = RedisServer.builder()
                .maxMemory(64 << 20)
                .line("maxmemory-policy allkeys-lru")
                .start()) {
            Run run = Run.patient("REDIS_URL", redis.url(), "REDIS_MONITORING_ENABLED", "true");
            assertEquals(SHOWN.get(0), printed(run, redis, "redis.internal:6379", true));
        }
    }

    @Test
    void noServerThere() {
        RedisServer redis = RedisServer.start();
        redis.close();
        Run run = Run.patient("REDIS_URL", "redis://127.0.0.1:" + redis.port());
        assertEquals(SHOWN.get(1), printed(run, redis, "redis.internal:6380", false));
    }

    @Test
    void aWrongPassword() {
        try (RedisServer redis = RedisServer.builder().password(SECRET).start()) {
            Run run = Run.patient(
                    "REDIS_HOST", "127.0.0.1", "REDIS_PORT", "" + redis.port(), "REDIS_PASSWORD", "not-" + SECRET);
            assertEquals(SHOWN.get(2), printed(run, redis, "redis.internal:6379", false));
        }
    }

    @Test
    void rightsThatAreMissing() {
        try (RedisServer redis = RedisServer.builder()
                .maxMemory(64 << 20)
                .line("maxmemory-policy allkeys-lru")
                .user("app", SECRET, "~app:* +@all -unlink -evalsha")
                .start()) {
            Run run = Run.patient("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app");
            assertEquals(SHOWN.get(3), printed(run, redis, "redis.internal:6379", false));
        }
    }

    @Test
    void aServerThatIsFullAndForgetsNothing() {
        try (RedisServer redis = RedisServer.builder().maxMemory(3 << 20).start()) {
            String value = "x".repeat(100_000);
            try {
                for (int i = 0; i < 100; i++) {
                    redis.command("SET", "filler-" + i, value);
                }
                throw new AssertionError("it took everything");
            } catch (IllegalStateException full) {
                Run run = Run.patient("REDIS_URL", redis.url());
                assertEquals(SHOWN.get(4), printed(run, redis, "redis.internal:6379", false));
            }
        }
    }
}
