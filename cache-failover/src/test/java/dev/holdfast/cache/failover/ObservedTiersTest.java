package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** A composite tells of the commands of each tier, of a lower server too. */
class ObservedTiersTest {
    @Test
    void eachTiersCommandsAreToldOfUntilTheObserverEnds() {
        Queue<String> told = new ConcurrentLinkedQueue<>();
        try (RedisServer first = RedisServer.start();
                RedisServer second = RedisServer.start();
                FailoverStore store = FailoverStore.builder()
                        .tier("first", SingleStore.of(SingleConfig.of(first.url())))
                        .tier("second", SingleStore.of(SingleConfig.of(second.url())))
                        .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                        .build()) {
            Runnable end = store.observe((name, place) -> failure -> told.add(name + ' ' + place));
            store.get("k");
            assertEquals(List.of("GET 127.0.0.1:" + first.port()), List.copyOf(told));
            store.forceFailover("first");
            store.get("k");
            assertTrue(told.contains("GET 127.0.0.1:" + second.port()), told::toString);
            end.run();
            told.clear();
            store.get("k");
            assertEquals(List.of(), List.copyOf(told));
        }
    }
}
