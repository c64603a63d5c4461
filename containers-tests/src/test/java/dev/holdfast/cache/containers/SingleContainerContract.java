package dev.holdfast.cache.containers;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.CacheStoreContract;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.testcontainers.containers.GenericContainer;

/** The contract on one server. */
abstract class SingleContainerContract extends CacheStoreContract {
    private static GenericContainer<?> container;

    static void start(Image image) {
        container = image.single();
    }

    @AfterAll
    static void stop() {
        if (container != null) {
            container.stop();
        }
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return SingleStore.of(SingleConfig.of(container.getHost(), container.getMappedPort(Image.PORT))
                .withCommandTimeout(Duration.ofSeconds(10))
                .withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }
}
