package dev.holdfast.spring.boot;

import dev.holdfast.cache.Cache;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.cache.interceptor.CacheOperationSource;
import org.springframework.core.ResolvableType;
import org.springframework.util.ClassUtils;
import org.springframework.util.function.SingletonSupplier;

/** What the application says of its caches, in methods and in beans; read when it is first asked for. For any number of threads. */
final class CacheSources {
    private final ConfigurableListableBeanFactory beanFactory;
    private final SingletonSupplier<Map<String, List<CacheUse>>> uses;
    private final SingletonSupplier<Map<String, Bean>> beans;
    private final SingletonSupplier<KeyText> keyText;

    /**
     * A cache that the application has as a bean.
     *
     * @param cache the cache
     * @param keys makes its keys of Spring's
     */
    record Bean(Cache<Object, Object> cache, Function<Object, Object> keys) {}

    /**
     * Creates one.
     *
     * @param beanFactory the application's beans
     * @param operations says what methods do with caches
     * @param manager the name of the manager whose caches are asked for
     */
    CacheSources(ConfigurableListableBeanFactory beanFactory, CacheOperationSource operations, String manager) {
        this.beanFactory = beanFactory;
        this.uses = SingletonSupplier.of(() -> CacheUses.find(beanFactory, operations, manager));
        this.beans = SingletonSupplier.of(this::findBeans);
        this.keyText = SingletonSupplier.of(() -> new KeyText(KeyConversions.of(beanFactory)));
    }

    ClassLoader loader() {
        ClassLoader loader = beanFactory.getBeanClassLoader();
        return loader != null ? loader : Objects.requireNonNull(ClassUtils.getDefaultClassLoader());
    }

    /** The methods that name caches, by the names of these. */
    Map<String, List<CacheUse>> uses() {
        return uses.obtain();
    }

    /** The application's own caches, by their names. */
    Map<String, Bean> beans() {
        return beans.obtain();
    }

    private Map<String, Bean> findBeans() {
        Map<String, Bean> found = new HashMap<>();
        for (String bean : beanFactory.getBeanNamesForType(Cache.class)) {
            @SuppressWarnings(
                    "unchecked") // Spring's callers pass what they have, and the cache is asked with keys of its type
            // only
            Cache<Object, Object> cache = beanFactory.getBean(bean, Cache.class);
            found.put(cache.name(), new Bean(cache, keysOf(bean, cache.name())));
        }
        return found;
    }

    /** A cache with texts for keys takes what Spring's other caches take; one with others takes keys of its type. */
    private Function<Object, Object> keysOf(String bean, String cache) {
        ResolvableType type = beanFactory.getMergedBeanDefinition(bean).getResolvableType();
        Class<?> keys = type.as(Cache.class).getGeneric(0).resolve(Object.class);
        if (keys == String.class) {
            return texts(cache)::apply;
        }
        return key -> {
            if (!keys.isInstance(key)) {
                throw new IllegalArgumentException("the cache " + cache + " is a bean with keys of " + keys.getName()
                        + ", and got one of " + key.getClass().getName() + used(cache));
            }
            return key;
        };
    }

    /** Makes the texts of a cache's keys. */
    Function<Object, String> texts(String cache) {
        return key -> {
            String text = keyText.obtain().of(key);
            if (text == null) {
                throw new IllegalArgumentException("a key of " + key.getClass().getName()
                        + " has no text for the cache " + cache + used(cache)
                        + ". Give it key = \"#…\" with a String, number, UUID or enum, or define a bean of"
                        + " Converter<" + key.getClass().getSimpleName() + ", String>");
            }
            return text;
        };
    }

    private String used(String cache) {
        List<CacheUse> named = uses().getOrDefault(cache, List.of());
        return named.isEmpty() ? "" : ", which is named by " + CacheUse.names(named);
    }
}
