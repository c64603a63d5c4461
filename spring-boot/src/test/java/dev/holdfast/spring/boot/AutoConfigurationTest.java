package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.data.redis.autoconfigure.DataRedisAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.CachingConfigurer;
import org.springframework.cache.concurrent.ConcurrentMapCacheManager;
import org.springframework.cache.interceptor.CacheResolver;
import org.springframework.cache.interceptor.SimpleCacheResolver;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.RedisConnectionFactory;

/** Which beans there are, which server they use, and when they keep away. */
class AutoConfigurationTest {
    private static RedisServer redis;
    private static RedisServer other;

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        other = RedisServer.start();
    }

    @AfterAll
    static void stop() {
        redis.close();
        other.close();
    }

    private static String nodes(CacheClient client) {
        return client.health().tiers().toString();
    }

    private static String at(RedisServer server) {
        return ":" + server.port();
    }

    @Test
    void withNothingSetTheCacheIsInMemory() {
        Contexts.caching().run(context -> {
            assertThat(context).hasSingleBean(CacheClient.class).hasSingleBean(CacheManager.class);
            assertThat(context.getBean(CacheClient.class).health().type()).isEqualTo("in-memory");
            assertThat(context.getBean(CacheManager.class)).isInstanceOf(HoldfastCacheManager.class);
        });
    }

    @Test
    void springDataRedisUrlIsEnough() {
        Contexts.caching()
                .withPropertyValues("spring.data.redis.url=" + redis.url())
                .run(context -> {
                    CacheClient client = context.getBean(CacheClient.class);
                    assertThat(client.health().type()).isEqualTo("native-redis");
                    assertThat(nodes(client)).contains(at(redis));
                });
    }

    @Test
    void springDataRedisInParts() {
        Contexts.plain()
                .withPropertyValues("spring.data.redis.port=" + redis.port())
                .run(context ->
                        assertThat(nodes(context.getBean(CacheClient.class))).contains(at(redis)));
    }

    @Test
    void variablesOfTheEnvironmentAreReadAsWell() {
        Contexts.plain()
                .withPropertyValues("REDIS_URL=" + redis.url(), "CACHE_TTL=77")
                .run(context -> {
                    CacheClient client = context.getBean(CacheClient.class);
                    assertThat(nodes(client)).contains(at(redis));
                    assertThat(client.policy().ttl()).hasSeconds(77);
                });
    }

    @Test
    void ownPropertiesWinOverConnectionDetails() {
        Contexts.plain()
                .withUserConfiguration(Details.class)
                .withPropertyValues("holdfast.single.url=" + other.url())
                .run(context ->
                        assertThat(nodes(context.getBean(CacheClient.class))).contains(at(other)));
    }

    @Test
    void connectionDetailsWinOverSpringDataRedis() {
        Contexts.plain()
                .withUserConfiguration(Details.class)
                .withPropertyValues("spring.data.redis.url=" + other.url())
                .run(context ->
                        assertThat(nodes(context.getBean(CacheClient.class))).contains(at(redis)));
    }

    @Test
    void springDataRedisWinsOverTheEnvironment() {
        Contexts.plain()
                .withPropertyValues("spring.data.redis.url=" + redis.url(), "REDIS_URL=" + other.url())
                .run(context ->
                        assertThat(nodes(context.getBean(CacheClient.class))).contains(at(redis)));
    }

    @Test
    void aBeanWinsOverAllOfThem() {
        Contexts.caching(OwnClient.class)
                .withPropertyValues("holdfast.single.url=" + redis.url())
                .run(context -> {
                    assertThat(context).hasSingleBean(CacheClient.class);
                    assertThat(context.getBean(CacheClient.class).name()).isEqualTo("mine");
                });
    }

    @Test
    void aPasswordOfOneSourceNeverGoesToTheServerOfAnother() {
        Contexts.plain()
                .withPropertyValues("holdfast.single.url=" + redis.url(), "REDIS_PASSWORD=secret", "REDIS_USERNAME=bob")
                .run(context -> {
                    // A server without users would refuse the password.
                    CacheClient client = context.getBean(CacheClient.class);
                    assertThat(client.health().type()).isEqualTo("native-redis");
                });
    }

    @Test
    void aCustomizerHasTheLastWord() {
        Contexts.plain().withUserConfiguration(Customized.class).run(context -> assertThat(
                        context.getBean(CacheClient.class).name())
                .isEqualTo("customized"));
    }

    @Test
    void thereIsNeverARedisConnectionFactoryOfOurs() {
        Contexts.caching()
                .withPropertyValues("spring.data.redis.url=" + redis.url())
                .run(context -> assertThat(context).doesNotHaveBean(RedisConnectionFactory.class));
        Contexts.caching()
                .withConfiguration(AutoConfigurations.of(DataRedisAutoConfiguration.class))
                .withPropertyValues("spring.data.redis.url=" + redis.url())
                .run(context -> {
                    assertThat(context).hasSingleBean(RedisConnectionFactory.class);
                    assertThat(context.getBean(CacheManager.class)).isInstanceOf(HoldfastCacheManager.class);
                });
    }

    @Test
    void aCacheManagerOfTheApplicationStays() {
        Contexts.caching(OwnManager.class).run(context -> assertThat(context.getBean(CacheManager.class))
                .isInstanceOf(ConcurrentMapCacheManager.class));
    }

    @Test
    void aCacheResolverOfTheApplicationStays() {
        Contexts.caching(OwnResolver.class)
                .run(context -> assertThat(context).doesNotHaveBean(HoldfastCacheManager.class));
    }

    @Test
    void anyCacheTypeStays() {
        for (String type : new String[] {"simple", "none", "caffeine", "redis"}) {
            Contexts.caching()
                    .withConfiguration(AutoConfigurations.of(DataRedisAutoConfiguration.class))
                    .withPropertyValues("spring.cache.type=" + type)
                    .run(context -> assertThat(context).doesNotHaveBean(HoldfastCacheManager.class));
        }
    }

    @Test
    void withoutEnableCachingThereIsTheClientAlone() {
        Contexts.plain()
                .run(context ->
                        assertThat(context).hasSingleBean(CacheClient.class).doesNotHaveBean(CacheManager.class));
    }

    @Test
    void itStartsWithoutActuatorMicrometerAndSpringData() {
        FilteredClassLoader without = new FilteredClassLoader(
                "org.springframework.boot.actuate",
                "org.springframework.boot.health",
                "io.micrometer",
                "org.springframework.data",
                "org.springframework.boot.data",
                "org.springframework.web",
                "org.springframework.transaction",
                "dev.holdfast.cache.monitor",
                "dev.holdfast.cache.micrometer",
                "reactor");
        Contexts.caching()
                .withClassLoader(without)
                .withPropertyValues("spring.data.redis.url=" + redis.url())
                .run(context -> {
                    assertThat(context).hasNotFailed().hasSingleBean(CacheManager.class);
                    assertThat(nodes(context.getBean(CacheClient.class))).contains(at(redis));
                });
    }

    @Test
    void itStartsWithoutSpringBootsOwnCacheModule() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        SslAutoConfiguration.class,
                        HoldfastAutoConfiguration.class,
                        HoldfastCacheAutoConfiguration.class))
                .withUserConfiguration(Contexts.Caching.class)
                .withClassLoader(new FilteredClassLoader("org.springframework.boot.cache"))
                .run(context -> assertThat(context).hasNotFailed().hasSingleBean(HoldfastCacheManager.class));
    }

    @Configuration(proxyBeanMethods = false)
    static class Details {
        @Bean
        HoldfastConnectionDetails details() {
            return new HoldfastConnectionDetails() {
                @Override
                public String getHost() {
                    return redis.host();
                }

                @Override
                public int getPort() {
                    return redis.port();
                }
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnClient {
        @Bean
        CacheClient mine() {
            return CacheClient.builder()
                    .name("mine")
                    .settings(Settings.of(Map.of()))
                    .build();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Customized {
        @Bean
        CacheClientBuilderCustomizer customizer() {
            return builder -> builder.name("customized");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnManager {
        @Bean
        CacheManager mine() {
            return new ConcurrentMapCacheManager();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnResolver implements CachingConfigurer {
        @Bean
        @Override
        public CacheResolver cacheResolver() {
            return new SimpleCacheResolver(new ConcurrentMapCacheManager());
        }
    }
}
