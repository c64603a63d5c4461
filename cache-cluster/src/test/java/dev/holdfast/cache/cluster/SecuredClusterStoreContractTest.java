package dev.holdfast.cache.cluster;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisCluster;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract over TLS, as an ACL user who may do no more than a cache has to. */
class SecuredClusterStoreContractTest extends CacheStoreContract {
    private static final String PASSWORD = "not-to-be-seen";
    private static final Certificates AUTHORITY = Certificates.create();
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder()
                .replicasPerMaster(0)
                .tls(AUTHORITY)
                .user("app", PASSWORD, "~contract* +@all -@admin -@dangerous")
                .start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return ClusterStore.of(Shards.patient(cluster)
                .withCommandTimeout(Duration.ofSeconds(30))
                .withKeyPrefix(KeyPrefix.of(keyPrefix))
                .withPoolSize(2)
                .withUsername("app")
                .withPassword(Secret.of(PASSWORD))
                .withTls(AUTHORITY.trustStore(), Secret.of(AUTHORITY.trustStorePassword())));
    }

    @Override
    protected Collection<String> secrets() {
        return List.of(PASSWORD);
    }
}
