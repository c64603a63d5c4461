package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a store tells of its commands. */
class ObservedCommandsTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = {1};

    private final Queue<String> ended = new ConcurrentLinkedQueue<>();
    private final Queue<Long> waits = new ConcurrentLinkedQueue<>();

    private final CallObserver log = new CallObserver() {
        @Override
        public Ended began(String name, String place) {
            return failure -> ended.add(name
                    + ' '
                    + place
                    + ' '
                    + (failure == null ? "ok" : failure.getClass().getSimpleName()));
        }

        @Override
        public void waited(String place, long nanos) {
            waits.add(nanos);
        }
    };

    @Test
    void eachCommandIsToldOfWithItsServerAndItsEnd() {
        try (RedisServer redis = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            String address = "127.0.0.1:" + redis.port();
            Runnable end = store.within(Duration.ofSeconds(1)).observe(log);
            store.put("k", VALUE, TTL);
            store.putAll(Map.of("a", VALUE, "b", VALUE), TTL);
            store.getAll(List.of("a", "b"));
            assertThrows(CacheRejectedException.class, () -> store.increment("k", 1, TTL));
            store.probe(Duration.ofSeconds(5));
            redis.kill();
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            end.run();
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));

            assertEquals(
                    List.of(
                            "SET " + address + " ok",
                            "PIPELINE SET " + address + " ok",
                            "MGET " + address + " ok",
                            "EVALSHA " + address + " CacheRejectedException",
                            "EVAL " + address + " CacheRejectedException",
                            "GET " + address + " CacheUnavailableException"),
                    List.copyOf(ended));
        }
    }

    @Test
    void whoGotAConnectionIsToldHowLongThatTook() {
        try (RedisServer redis = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            store.observe(log);
            store.put("k", VALUE, TTL);
            store.get("k");
            assertEquals(2, waits.size());
            // The first had to wait until it was connected.
            assertTrue(
                    waits.stream().allMatch(nanos -> nanos >= 0 && nanos < TimeUnit.SECONDS.toNanos(30)),
                    waits::toString);
        }
    }
}
