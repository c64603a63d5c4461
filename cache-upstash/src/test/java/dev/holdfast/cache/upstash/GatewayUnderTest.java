package dev.holdfast.cache.upstash;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;

/** A real Redis behind the gateway, for one test class. */
final class GatewayUnderTest implements AutoCloseable {
    static final String TOKEN = "AXq0-secret-token=";

    final RedisServer redis = RedisServer.start();
    final UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), TOKEN);

    UpstashConfig config(String keyPrefix) {
        return UpstashConfig.of(gateway.url(), Secret.of(TOKEN))
                .withKeyPrefix(KeyPrefix.of(keyPrefix))
                .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(5));
    }

    UpstashStore store(String keyPrefix) {
        return UpstashStore.create(config(keyPrefix));
    }

    @Override
    public void close() {
        gateway.close();
        redis.close();
    }
}
