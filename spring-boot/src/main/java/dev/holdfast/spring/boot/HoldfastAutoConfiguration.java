package dev.holdfast.spring.boot;

import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.client.CacheClient;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ImportRuntimeHints;
import org.springframework.core.env.ConfigurableEnvironment;

/** Opens the {@link CacheClient} of an application that defines none. */
@AutoConfiguration(after = SslAutoConfiguration.class)
@EnableConfigurationProperties(HoldfastProperties.class)
@ImportRuntimeHints(HoldfastRuntimeHints.class)
public final class HoldfastAutoConfiguration {

    HoldfastAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean
    ClientSources holdfastClientSources(
            HoldfastProperties properties,
            ConfigurableEnvironment environment,
            ObjectProvider<HoldfastConnectionDetails> details,
            SslBundles bundles) {
        return new ClientSources(properties, environment, details.getIfAvailable(), bundles);
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    CacheClient holdfastCacheClient(
            HoldfastProperties properties,
            ClientSources sources,
            ObjectProvider<CacheClientBuilderCustomizer> customizers,
            ObjectProvider<ContextCarrier> carriers) {
        return new ClientFactory(sources, customizers, carriers).open(properties.name());
    }
}
