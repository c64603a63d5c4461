package dev.holdfast.cache.upstash;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.CacheStoreContract;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class UpstashStoreContractTest extends CacheStoreContract {
    private static GatewayUnderTest server;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return UpstashStore.create(
                server.config(keyPrefix).withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(30)));
    }

    @Override
    protected Collection<String> secrets() {
        return List.of(GatewayUnderTest.TOKEN);
    }

    /** A gateway away from this machine would need seconds for more. */
    @Override
    protected int maxKeysOfACall() {
        return 20_000;
    }

    /** Base64 of it must fit into a command of 10 MiB. */
    @Override
    protected int maxValueBytes() {
        return 7 << 20;
    }
}
