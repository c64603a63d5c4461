package dev.holdfast.cache.single;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract on a plain server, with a key prefix. */
class SingleStoreContractTest extends CacheStoreContract {
    private static RedisServer server;

    @BeforeAll
    static void startServer() {
        server = RedisServer.start();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return SingleStore.of(SingleConfig.of(server.host(), server.port())
                .withCommandTimeout(Duration.ofSeconds(30))
                .withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }
}
