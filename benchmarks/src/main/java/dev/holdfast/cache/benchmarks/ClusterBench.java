package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisURI;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.sync.RedisAdvancedClusterCommands;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** {@link ClusterStore} beside Lettuce's own cluster client, on three masters. */
final class ClusterBench {
    private static final int SOME = 100;

    private final Report report;
    private final Pace pace;
    private final Entries entries = new Entries("cluster:", 1_000, 100);

    ClusterBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .persistence(RedisServer.Persistence.NONE)
                        .start();
                ClusterStore store = ClusterStore.of(
                        ClusterConfig.of(Arrays.asList(cluster.seeds().split(",", -1))))) {
            store.putAll(entries.all(), CacheStore.FOREVER);
            RedisServer seed = cluster.node(0);
            RedisClusterClient client = RedisClusterClient.create(RedisURI.create(seed.host(), seed.port()));
            try (StatefulRedisClusterConnection<String, byte[]> connection = client.connect(Peers.LETTUCE_CODEC)) {
                compare(store, connection.sync());
            } finally {
                client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
            }
        }
    }

    private void compare(ClusterStore store, RedisAdvancedClusterCommands<String, byte[]> lettuce)
            throws InterruptedException {
        for (int threads : new int[] {1, 8, 64}) {
            new Contest("cluster, GET of 100 B, threads: " + threads, pace, load(threads))
                    .add("holdfast", index -> entries.require(index, store.get(entries.key(index))))
                    .add("lettuce", index -> entries.require(index, lettuce.get(entries.key(index))))
                    .run()
                    .ratio(report, "cluster.get.t" + threads, "holdfast", "lettuce");
        }
        new Contest("cluster, MGET of 100 keys, 1 thread", pace, load(1))
                .add("holdfast", index -> entries.require(index, SOME, store.getAll(entries.keys(index, SOME))))
                .add("lettuce", index -> {
                    // Not in the order of the keys.
                    Map<String, byte[]> values = new HashMap<>();
                    String[] keys = entries.keys(index, SOME).toArray(String[]::new);
                    for (KeyValue<String, byte[]> each : lettuce.mget(keys)) {
                        values.put(each.getKey(), each.getValue());
                    }
                    entries.require(index, SOME, values);
                })
                .run()
                .ratio(report, "cluster.getall", "holdfast", "lettuce");
    }

    private Load load(int threads) {
        return new Load(entries.count(), threads, false);
    }
}
