package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.testkit.RedisServer;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.test.util.AopTestUtils;

/** Servers that can't be used when the application starts: it starts, and its methods are cached all the same. */
class UnusableServersTest {

    private static void startsAndCaches(String... properties) {
        ApplicationContextRunner application = Contexts.caching(Origin.class).withPropertyValues(properties);
        application.run(context -> {
            assertThat(context).hasNotFailed();
            Origin origin = context.getBean(Origin.class);
            assertThat(origin.find(1)).isEqualTo(new User(1, "user 1"));
            assertThat(origin.find(1)).isEqualTo(new User(1, "user 1"));
            Origin target = AopTestUtils.getTargetObject(origin);
            assertThat(target.calls).hasValue(1);
        });
    }

    @Test
    void aFrozenServer() {
        try (RedisServer redis = RedisServer.start()) {
            redis.freeze();
            startsAndCaches("spring.data.redis.url=" + redis.url());
        }
    }

    @Test
    void aKilledServer() {
        try (RedisServer redis = RedisServer.start()) {
            redis.kill();
            startsAndCaches("spring.data.redis.url=" + redis.url());
        }
    }

    @Test
    void aWrongPassword() {
        try (RedisServer redis = RedisServer.builder().password("right").start()) {
            startsAndCaches(
                    "spring.data.redis.host=127.0.0.1",
                    "spring.data.redis.port=" + redis.port(),
                    "spring.data.redis.password=wrong");
        }
    }

    @Test
    void tlsToAServerWithoutIt() {
        try (RedisServer redis = RedisServer.start()) {
            startsAndCaches("spring.data.redis.url=" + redis.url().replace("redis://", "rediss://"));
        }
    }

    @Test
    void noTlsToAServerWithIt() {
        try (RedisServer redis = RedisServer.builder().tls().start()) {
            startsAndCaches("spring.data.redis.url=" + redis.url().replace("rediss://", "redis://"));
        }
    }
}
