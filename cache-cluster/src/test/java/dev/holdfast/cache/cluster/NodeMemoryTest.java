package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What health says of the masters' memory, which it asks for in the background. */
class NodeMemoryTest {
    private static final int BOUND = 64 << 20;

    private static long infos(RedisServer server) {
        String stats = String.valueOf(server.command("INFO", "commandstats"));
        Matcher line = Pattern.compile("cmdstat_info:.*?\\bcalls=([0-9]+)").matcher(stats);
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    @Test
    void theFullestOfTheMastersThatHaveABoundCounts() {
        try (RedisCluster cluster = RedisCluster.start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            List<RedisServer> masters = cluster.masters();
            masters.get(0).command("CONFIG", "SET", "maxmemory", "" + BOUND);
            masters.get(1).command("CONFIG", "SET", "maxmemory", "" + 16 * BOUND);
            assertNull(store.health().memory(), "nobody has called it yet");
            for (int i = 0; i < 100; i++) {
                store.put("k" + i, new byte[] {1}, Duration.ofMinutes(1));
            }
            List<Long> before = masters.stream().map(NodeMemoryTest::infos).toList();
            MemoryUse use = null;
            long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while ((use == null || use.maxBytes() != BOUND) && System.nanoTime() - end < 0) {
                use = store.health().memory();
                LockSupport.parkNanos(1_000_000);
            }
            assertEquals(BOUND, use == null ? 0 : use.maxBytes());
            for (int i = 0; i < 1_000; i++) {
                store.health();
            }
            for (int i = 0; i < masters.size(); i++) {
                long asked = infos(masters.get(i)) - before.get(i) - 1;
                assertTrue(asked <= 1, () -> asked + " questions");
            }
        }
    }
}
