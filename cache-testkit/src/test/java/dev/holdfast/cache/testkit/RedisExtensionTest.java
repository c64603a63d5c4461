package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Whatever a test does to the Redis of its class, the next one begins with one that runs and is empty. */
class RedisExtensionTest {
    @RegisterExtension
    static final RedisExtension redis = RedisExtension.create();

    private static void use() {
        assertEquals(0L, redis.server().command("DBSIZE"));
        assertEquals("redis://127.0.0.1:" + redis.server().port(), redis.url());
        redis.server().command("SET", "k", "v");
    }

    @Test
    void aTestThatKillsIt() {
        use();
        redis.server().kill();
    }

    @Test
    void aTestThatFreezesIt() {
        use();
        redis.server().freeze();
    }

    @Test
    void aTestThatLeavesKeys() {
        use();
    }

    @Test
    void oneThatIsNotRegisteredSaysSo() {
        assertThrows(IllegalStateException.class, () -> RedisExtension.create().url());
    }

    /** Tests within tests have the same Redis. */
    @Nested
    class Within {
        @Test
        void itIsThere() {
            use();
        }
    }
}
