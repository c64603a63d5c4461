package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** What a store tells of its commands: each with the node that it went to. */
class ObservedCommandsTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private final Queue<String> ended = new ConcurrentLinkedQueue<>();

    private List<String> told() {
        List<String> told = new ArrayList<>(ended);
        ended.clear();
        return told.stream().sorted().toList();
    }

    private static String at(RedisServer node) {
        return " 127.0.0.1:" + node.port();
    }

    @Test
    void eachCommandIsToldOfWithItsNodeAndItsEnd() {
        try (RedisCluster cluster = RedisCluster.builder()
                        .requireFullCoverage(false)
                        .replicasPerMaster(0)
                        .start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            store.observe(
                    (name, place) -> failure -> ended.add(name + ' ' + place + (failure == null ? "" : " failed")));
            List<RedisServer> masters = cluster.masters();
            String one = Shards.keyOn(masters.get(0));
            String other = Shards.keyOn(masters.get(1));
            store.put(one, Shards.bytes("v"), TTL);
            assertEquals(List.of("SET" + at(masters.get(0))), told());

            store.put(other, Shards.bytes("v"), TTL);
            told();
            store.getAll(List.of(one, one + "2", other));
            assertEquals(
                    List.of("GET" + at(masters.get(1)), "PIPELINE GET" + at(masters.get(0))).stream()
                            .sorted()
                            .toList(),
                    told());

            assertThrows(CacheRejectedException.class, () -> store.increment(one, 1, TTL));
            assertTrue(told().stream().allMatch(each -> each.endsWith(at(masters.get(0)) + " failed")));

            // A frozen node takes the command. Of one that was killed it may be known already, and then nothing is
            // sent.
            masters.get(0).freeze();
            CacheStore hasty = store.within(Duration.ofMillis(300));
            assertThrows(CacheUnavailableException.class, () -> hasty.get(one));
            assertTrue(told().contains("GET" + at(masters.get(0)) + " failed"));
            store.get(other);
            assertTrue(told().contains("GET" + at(masters.get(1))));
        }
    }
}
