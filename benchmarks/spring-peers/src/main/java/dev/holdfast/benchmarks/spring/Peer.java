package dev.holdfast.benchmarks.spring;

import com.alicp.jetcache.anno.config.EnableMethodCache;
import com.alicp.jetcache.autoconfigure.JetCacheAutoConfiguration;
import dev.holdfast.spring.boot.HoldfastAutoConfiguration;
import dev.holdfast.spring.boot.HoldfastCacheAutoConfiguration;
import dev.holdfast.spring.boot.HoldfastMetricsAutoConfiguration;
import java.util.ArrayList;
import java.util.List;
import org.redisson.api.RedissonClient;
import org.redisson.spring.cache.RedissonSpringCacheManager;
import org.redisson.spring.starter.RedissonAutoConfigurationV4;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.cache.autoconfigure.CacheAutoConfiguration;
import org.springframework.boot.cache.autoconfigure.metrics.CacheMetricsAutoConfiguration;
import org.springframework.boot.data.redis.autoconfigure.DataRedisAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.export.prometheus.PrometheusMetricsExportAutoConfiguration;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** One of the caches, as its own documentation sets it up, with its defaults. */
enum Peer {
    SPRING_DATA_REDIS("Spring Data Redis", DataRedis.class, SpringShop.class, SpringShop.TwoTypes.class),
    REDISSON("Redisson", Redisson.class, SpringShop.class, SpringShop.TwoTypes.class),
    JETCACHE("JetCache", JetCache.class, JetShop.class, JetShop.TwoTypes.class),
    HOLDFAST("Holdfast", Holdfast.class, SpringShop.class, SpringShop.TwoTypes.class);

    private final String shown;
    private final Class<?> configuration;
    private final Class<?> shop;
    private final Class<?> twoTypes;

    Peer(String shown, Class<?> configuration, Class<?> shop, Class<?> twoTypes) {
        this.shown = shown;
        this.configuration = configuration;
        this.shop = shop;
        this.twoTypes = twoTypes;
    }

    String shown() {
        return shown;
    }

    /** Whether its caches are Spring's, and Spring Boot's metrics are asked about them. */
    boolean isSprings() {
        return this != JETCACHE;
    }

    ConfigurableApplicationContext start(String url) {
        return start(url, shop);
    }

    ConfigurableApplicationContext startWithTwoTypes(String url) {
        return start(url, twoTypes);
    }

    private ConfigurableApplicationContext start(String url, Class<?> beans) {
        List<Class<?>> sources = new ArrayList<>(List.of(Common.class, configuration, beans));
        return new SpringApplicationBuilder(sources.toArray(Class<?>[]::new))
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties(
                        "spring.data.redis.url=" + url,
                        "spring.cache.redis.enable-statistics=true",
                        // Redisson's JCache provider would be chosen first, and Holdfast keeps away from any type.
                        this == SPRING_DATA_REDIS ? "spring.cache.type=redis" : "peer=" + name(),
                        "jetcache.areaInCacheName=false",
                        "jetcache.statIntervalMinutes=0",
                        "jetcache.remote.default.type=redis.lettuce",
                        "jetcache.remote.default.keyConvertor=none",
                        "jetcache.remote.default.valueEncoder=java",
                        "jetcache.remote.default.valueDecoder=java",
                        "jetcache.remote.default.uri=" + url,
                        "logging.level.root=off")
                .run();
    }

    /** What all of them have: Prometheus. */
    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        SslAutoConfiguration.class,
        MetricsAutoConfiguration.class,
        CompositeMeterRegistryAutoConfiguration.class,
        PrometheusMetricsExportAutoConfiguration.class
    })
    static class Common {}

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    @ImportAutoConfiguration({
        DataRedisAutoConfiguration.class,
        CacheAutoConfiguration.class,
        CacheMetricsAutoConfiguration.class
    })
    static class DataRedis {}

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    @ImportAutoConfiguration({
        DataRedisAutoConfiguration.class,
        RedissonAutoConfigurationV4.class,
        CacheMetricsAutoConfiguration.class
    })
    static class Redisson {
        @Bean
        CacheManager cacheManager(RedissonClient client) {
            return new RedissonSpringCacheManager(client);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableMethodCache(basePackages = "dev.holdfast.benchmarks.spring")
    @ImportAutoConfiguration(JetCacheAutoConfiguration.class)
    static class JetCache {}

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    @ImportAutoConfiguration({
        HoldfastAutoConfiguration.class,
        HoldfastCacheAutoConfiguration.class,
        HoldfastMetricsAutoConfiguration.class,
        CacheMetricsAutoConfiguration.class
    })
    static class Holdfast {}
}
