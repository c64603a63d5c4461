package dev.holdfast.cache.containers;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.testkit.CacheStoreContract;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.testcontainers.containers.GenericContainer;

/** The contract on a cluster whose nodes announce the container's ports and are reached by those that Docker gave them. */
abstract class ClusterContainerContract extends CacheStoreContract {
    private static GenericContainer<?> container;

    static void start(Image image) {
        container = image.cluster();
    }

    @AfterAll
    static void stop() {
        if (container != null) {
            container.stop();
        }
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return ClusterStore.of(ClusterConfig.of(List.of(reached(Image.FIRST_PORT)))
                .withAddressMapper(
                        announced -> reached(Integer.parseInt(announced.substring(announced.lastIndexOf(':') + 1))))
                .withCommandTimeout(Duration.ofSeconds(10))
                .withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }

    private static String reached(int port) {
        return container.getHost() + ':' + container.getMappedPort(port);
    }
}
