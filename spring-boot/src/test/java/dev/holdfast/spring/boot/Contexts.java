package dev.holdfast.spring.boot;

import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.cache.autoconfigure.CacheAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.annotation.Configuration;

/** Applications with nothing but what a test is about. */
final class Contexts {
    private Contexts() {}

    /** The auto-configurations in whatever order they ask for, and no cache. */
    static ApplicationContextRunner plain() {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        SslAutoConfiguration.class,
                        HoldfastAutoConfiguration.class,
                        HoldfastCacheAutoConfiguration.class,
                        CacheAutoConfiguration.class));
    }

    /** The same with {@code @EnableCaching}. */
    static ApplicationContextRunner caching(Class<?>... beans) {
        return plain().withUserConfiguration(Caching.class).withUserConfiguration(beans);
    }

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    static class Caching {}
}
