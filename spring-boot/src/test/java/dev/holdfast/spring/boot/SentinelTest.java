package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisSentinels;
import dev.holdfast.cache.testkit.RedisServer;
import org.junit.jupiter.api.Test;

/** The server that real sentinels name to an application with Spring's properties for them. */
class SentinelTest {

    @Test
    void springsPropertiesOfSentinelLeadToTheMaster() {
        String password = "p@ss%/word:1";
        String watch = "watch:er@1";
        try (RedisSentinels sentinels =
                RedisSentinels.start("shop", RedisServer.builder().password(password), watch)) {
            Contexts.plain()
                    .withPropertyValues(
                            "spring.data.redis.sentinel.master=shop",
                            "spring.data.redis.sentinel.nodes=" + String.join(",", sentinels.addresses()),
                            "spring.data.redis.sentinel.password=" + watch,
                            "spring.data.redis.password=" + password)
                    .run(context -> {
                        CacheClient client = context.getBean(CacheClient.class);
                        assertThat(client.health().type()).isEqualTo("native-redis");
                        Cache<String, String> cache = client.cache("users", String.class, String.class)
                                .build();
                        cache.put("k", "v");
                        assertThat(sentinels.master().command("DBSIZE")).isNotEqualTo(0L);
                    });
        }
    }
}
