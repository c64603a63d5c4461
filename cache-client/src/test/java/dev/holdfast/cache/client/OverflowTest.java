package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** More was changed than can be remembered: what stands for it is the caches' prefixes, and the server comes back. */
@Execution(ExecutionMode.CONCURRENT)
class OverflowTest {
    private static final int KEYS = 100;
    private static final FailoverConfig FORGETFUL = FailoverConfig.DEFAULT.withMaxDirtyKeys(KEYS / 2);

    private static void until(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!holds.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    /** What it may have forgotten of the last changes is more than that already, and nobody has changed anything since. */
    @Test
    void aServerWhoseEndIsNoticedByAReadComesBack() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier(SingleConfig.of(redis.url()))
                        .failover(FORGETFUL)
                        .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            for (int i = 0; i < KEYS; i++) {
                cache.put("k" + i, "v");
            }
            redis.kill();
            until("memory answers", () -> {
                assertNull(cache.get("another"));
                return !serves(client);
            });
            redis.restart(RedisServer.Data.KEEP);
            until("the server serves again", () -> serves(client));
            cache.put("k0", "after");
            assertEquals("after", cache.get("k0"));
        }
    }

    private static boolean serves(CacheClient client) {
        return client.health().tiers().get(0).serving();
    }
}
