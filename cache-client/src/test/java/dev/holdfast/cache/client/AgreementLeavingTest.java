package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Who is closed in order owes nobody anything: no cache of another client is emptied for it, whatever the server has just been through. */
@Execution(ExecutionMode.CONCURRENT)
class AgreementLeavingTest {
    private static final String HEARD = "#roll:{roll}:heard";

    private static void until(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!holds.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    @Test
    void aClientThatOwesNothingLeavesBeforeItsServerServes() throws InterruptedException {
        closeOnTheWayBack(false);
    }

    @Test
    void aClientThatClearedMeanwhileSaysSoWhenItLeaves() throws InterruptedException {
        closeOnTheWayBack(true);
    }

    private static void closeOnTheWayBack(boolean clears) throws InterruptedException {
        try (RedisServer redis = RedisServer.start()) {
            try (CacheClient client =
                    CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "CACHE_AGREE_WITHIN", "5")))) {
                Cache<String, String> cache =
                        client.cache("agreed", String.class, String.class).build();
                cache.put("k", "v");
                until("it is on the roll", () -> (long) redis.command("ZCARD", HEARD) == 3);
                redis.freeze();
                until("memory serves", () -> cache.lookup("k").tier().equals("memory"));
                // What it was saying when the server froze, of which nobody hears the end, is given up after a second.
                Thread.sleep(1_500);
                if (clears) {
                    cache.clear();
                }
                redis.thaw();
                until("the server is on its way back", () -> client.healthJson().contains("\"recovering\""));
            }
            assertEquals(2L, redis.command("ZCARD", HEARD), () -> "" + redis.command("ZRANGE", HEARD, "0", "-1"));
            if (clears) {
                assertNotNull(redis.command("HGET", "#roll:{roll}:floors", "agreed:"));
            }
        }
    }
}
