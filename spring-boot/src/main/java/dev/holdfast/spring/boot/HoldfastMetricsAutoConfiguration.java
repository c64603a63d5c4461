package dev.holdfast.spring.boot;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.micrometer.CacheClientMetrics;
import dev.holdfast.cache.micrometer.Observations;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Gives the client's meters to the registries that Spring Boot has, those of caches that are opened later as well, and its loads and
 * commands to the application's observations.
 */
@AutoConfiguration(
        after = HoldfastAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration")
@ConditionalOnClass({MeterBinder.class, CacheClientMetrics.class})
@ConditionalOnBean(CacheClient.class)
public final class HoldfastMetricsAutoConfiguration {
    /** As Spring Boot names it for the caches of other managers. */
    private static final Tags MANAGER = Tags.of("cache.manager", "cacheManager");

    HoldfastMetricsAutoConfiguration() {}

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    CacheClientMetrics holdfastCacheClientMetrics(CacheClient client) {
        return CacheClientMetrics.of(client).withTags(MANAGER);
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ObservationRegistry.class)
    @ConditionalOnBean(ObservationRegistry.class)
    static class Observed {
        @Bean
        ObservedClient holdfastObservedClient(CacheClient client, ObservationRegistry registry) {
            return new ObservedClient(Observations.observe(client, registry));
        }
    }

    /** The observations of a client, until the context closes. */
    record ObservedClient(Runnable end) implements AutoCloseable {
        @Override
        public void close() {
            end.run();
        }
    }
}
