package dev.holdfast.cache.single;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract without a key prefix, on one connection. */
class SingleStoreWithoutPrefixContractTest extends CacheStoreContract {
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
    protected String keyPrefix() {
        return "";
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        if (keyPrefix.isEmpty()) {
            server.command("FLUSHALL");
        }
        return SingleStore.of(SingleConfig.of(server.url())
                .withCommandTimeout(Duration.ofSeconds(30))
                .withPoolSize(1)
                .withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }
}
