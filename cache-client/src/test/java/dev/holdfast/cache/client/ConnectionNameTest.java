package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Servers are told whose connections they have. */
class ConnectionNameTest {

    private static String clients(String client, Map<String, String> settings) {
        try (RedisServer redis = RedisServer.start();
                CacheClient opened = CacheClient.builder()
                        .name(client)
                        .settings(Settings.of(settings).withDefault("REDIS_URL", redis.url()))
                        .build()) {
            Cache<String, String> cache =
                    opened.cache("c", String.class, String.class).build();
            cache.put("k", "v");
            return String.valueOf(redis.command("CLIENT", "LIST"));
        }
    }

    @Test
    void aConnectionHasTheClientsNameAsFarAsServersTakeIt() {
        String clients = clients("the shop's", Map.of());
        assertTrue(clients.contains(" name=the-shop's "), clients);
    }

    @Test
    void aNameThatIsSetWins() {
        String clients = clients("shop", Map.of("REDIS_CLIENT_NAME", "shop-7"));
        assertTrue(clients.contains(" name=shop-7 "), clients);
    }
}
