package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Refusals that no node gives to what it was asked. */
class HostileNodeTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private static final List<Consumer<CacheStore>> CALLS = List.of(
            store -> store.get("k"),
            store -> store.getAll(List.of("a", "b")),
            store -> store.put("k", new byte[1], TTL),
            store -> store.putAll(Map.of("k", new byte[1]), TTL),
            store -> store.putIfAbsent("k", new byte[1], TTL),
            store -> store.replace("k", new byte[1], new byte[1], TTL),
            store -> store.remove("k"),
            store -> store.remove("k", new byte[1]),
            store -> store.removeAll(List.of("a", "b")),
            store -> store.contains("k"),
            store -> store.ttl("k"),
            store -> store.expire("k", TTL),
            store -> store.increment("k", 1, TTL),
            store -> store.incrementOnce("k", 1, TTL, "id"),
            store -> store.removeByPrefix("p"),
            store -> store.probe(Duration.ofSeconds(5)));

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-NOSCRIPT No matching script",
                "-ERR Error running script (call to f_x): @user_script:1: -NOSCRIPT No matching script",
                "-EXECABORT Transaction discarded",
                "-UNKILLABLE Sorry",
                "-"
            })
    void whateverTheNodeRefusesWithACallEndsAsItsContractSays(String refusal) {
        try (PeerCluster cluster = PeerCluster.withoutCanaries((command, caller) -> caller.lines(refusal));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            for (int i = 0; i < CALLS.size(); i++) {
                try {
                    CALLS.get(i).accept(store);
                } catch (CacheUnavailableException | CacheRejectedException e) {
                    // What a caller can count on.
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("call " + i + " after " + refusal, e);
                }
            }
        }
    }
}
