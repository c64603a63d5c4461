package dev.holdfast.spring.boot;

import dev.holdfast.cache.client.CacheClient;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.AnnotationCacheOperationSource;
import org.springframework.cache.interceptor.CacheAspectSupport;
import org.springframework.cache.interceptor.CacheOperationSource;
import org.springframework.cache.transaction.TransactionAwareCacheDecorator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.util.ClassUtils;

/** Puts Spring's caches over the client where {@code @EnableCaching} is and nobody else has been chosen to. */
@AutoConfiguration(
        after = HoldfastAutoConfiguration.class,
        beforeName = "org.springframework.boot.cache.autoconfigure.CacheAutoConfiguration")
@ConditionalOnClass(CacheManager.class)
@ConditionalOnBean({CacheClient.class, CacheAspectSupport.class})
@ConditionalOnMissingBean(value = CacheManager.class, name = "cacheResolver")
@Conditional(NoCacheTypeCondition.class)
@EnableConfigurationProperties(HoldfastProperties.class)
public final class HoldfastCacheAutoConfiguration {
    private static final String MANAGER = "cacheManager";
    private static final String SYNCHRONIZATION =
            "org.springframework.transaction.support.TransactionSynchronizationManager";
    private static final String DECORATOR = "org.springframework.cache.transaction.TransactionAwareCacheDecorator";

    HoldfastCacheAutoConfiguration() {}

    @Bean(MANAGER)
    HoldfastCacheManager cacheManager(
            CacheClient client,
            HoldfastProperties properties,
            ConfigurableListableBeanFactory beans,
            ObjectProvider<CacheOperationSource> operations) {
        return new HoldfastCacheManager(
                new TypedCaches(client),
                new CacheSources(beans, operations.getIfAvailable(AnnotationCacheOperationSource::new), MANAGER),
                properties.caches(),
                properties.transactionAware() ? transactional(beans.getBeanClassLoader()) : UnaryOperator.identity());
    }

    private static UnaryOperator<Cache> transactional(@Nullable ClassLoader loader) {
        if (!ClassUtils.isPresent(SYNCHRONIZATION, loader) || !ClassUtils.isPresent(DECORATOR, loader)) {
            throw new HoldfastConfigurationException(
                    "holdfast.transaction-aware is true, but Spring's transactions are not on the class path",
                    "Add spring-tx and spring-context-support, or remove holdfast.transaction-aware.",
                    null);
        }
        return TransactionAwareCacheDecorator::new;
    }
}
