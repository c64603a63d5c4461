package dev.holdfast.spring.boot;

import dev.holdfast.cache.client.CacheClient;
import org.springframework.boot.actuate.endpoint.web.AdditionalPathsMapper;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Says how the cache is where Spring Boot's health is on the class path. {@code management.health.holdfast.enabled=false} keeps it away. */
@AutoConfiguration(after = HoldfastAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(CacheClient.class)
@ConditionalOnEnabledHealthIndicator("holdfast")
@EnableConfigurationProperties(HoldfastProperties.class)
public final class HoldfastHealthAutoConfiguration {

    HoldfastHealthAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean(name = "holdfastHealthIndicator")
    HoldfastHealthIndicator holdfastHealthIndicator(CacheClient client, HoldfastProperties properties) {
        return new HoldfastHealthIndicator(client, properties.health().criticalIsDown());
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(AdditionalPathsMapper.class)
    static class Probes {
        @Bean
        LivenessWithoutCache holdfastLivenessWithoutCache() {
            return new LivenessWithoutCache("holdfast");
        }
    }
}
