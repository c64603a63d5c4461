package dev.holdfast.cache.cluster;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.RedisCluster;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract on three masters with a replica each, with a key prefix. */
class ClusterStoreContractTest extends CacheStoreContract {
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return ClusterStore.of(Shards.patient(cluster)
                .withCommandTimeout(Duration.ofSeconds(30)) // 16 MiB on a busy machine
                .withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }
}
