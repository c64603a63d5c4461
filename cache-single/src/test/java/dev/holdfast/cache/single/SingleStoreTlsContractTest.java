package dev.holdfast.cache.single;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract over TLS, as a user who may do no more than a cache needs, in another database than the first. */
class SingleStoreTlsContractTest extends CacheStoreContract {
    private static final String PASSWORD = "p%40ss/w:ö@rd";

    private static RedisServer server;
    private static SingleConfig config;

    @BeforeAll
    static void startServer() {
        server = RedisServer.builder()
                .tls()
                .user(
                        "cache",
                        PASSWORD,
                        "~contract* resetchannels -@all +@read +@write +@scripting +@connection +select")
                .line("user default off")
                .start();
        config = SingleConfig.of("localhost", server.port())
                .withUsername("cache")
                .withPassword(Secret.of(PASSWORD))
                .withDatabase(3)
                .withTls(
                        server.certificates().trustStore(),
                        Secret.of(server.certificates().trustStorePassword()));
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return SingleStore.of(config.withCommandTimeout(Duration.ofSeconds(30)).withKeyPrefix(KeyPrefix.of(keyPrefix)));
    }

    @Override
    protected Collection<String> secrets() {
        return List.of(PASSWORD);
    }
}
