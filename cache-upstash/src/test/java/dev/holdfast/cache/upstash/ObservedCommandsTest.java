package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.CallObserver;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** What a store tells of its commands. */
class ObservedCommandsTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = {1};

    private final Queue<String> ended = new ConcurrentLinkedQueue<>();
    private final Queue<Long> waits = new ConcurrentLinkedQueue<>();

    @Test
    void eachCommandIsToldOfWithItsServerItsEndAndItsWait() {
        try (GatewayUnderTest server = new GatewayUnderTest();
                UpstashStore store = server.store("observed")) {
            String address = URI.create(server.gateway.url()).getAuthority();
            Runnable end = store.observe(new CallObserver() {
                @Override
                public Ended began(String name, String place) {
                    return failure -> ended.add(name + ' ' + place + (failure == null ? "" : " failed"));
                }

                @Override
                public void waited(String place, long nanos) {
                    assertEquals(address, place);
                    waits.add(nanos);
                }
            });
            store.put("k", VALUE, TTL);
            store.putAll(Map.of("a", VALUE, "b", VALUE), TTL);
            assertThrows(CacheRejectedException.class, () -> store.increment("k", 1, TTL));
            end.run();
            store.get("k");

            List<String> told = List.copyOf(ended);
            assertEquals("SET " + address, told.get(0));
            assertEquals("PIPELINE SET " + address, told.get(1));
            assertTrue(told.stream().skip(2).allMatch(each -> each.endsWith(address + " failed")), told::toString);
            assertFalse(told.stream().anyMatch(each -> each.startsWith("GET")), told::toString);
            assertEquals(told.size(), waits.size());
            assertTrue(waits.stream().allMatch(nanos -> nanos >= 0), waits::toString);
        }
    }
}
