package dev.holdfast.spring.boot;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.spring.boot.HoldfastProperties.CacheOptions;
import java.lang.reflect.Type;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.cache.CacheManager;

/**
 * Spring's caches over the client's. All that methods, properties or beans name are open when the context is; others are opened when they
 * are asked for, if a property says the type of their values. For any number of threads.
 */
final class HoldfastCacheManager implements CacheManager, SmartInitializingSingleton {
    private static final Logger LOG = LoggerFactory.getLogger(HoldfastCacheManager.class);
    private static final int MOST_WARNINGS = 100;

    private final TypedCaches caches;
    private final CacheSources sources;
    private final Map<String, CacheOptions> options;
    private final UnaryOperator<org.springframework.cache.Cache> decorator;
    private final Map<String, org.springframework.cache.Cache> open = new ConcurrentHashMap<>();
    private final Set<String> unknown = ConcurrentHashMap.newKeySet();

    HoldfastCacheManager(
            TypedCaches caches,
            CacheSources sources,
            Map<String, CacheOptions> options,
            UnaryOperator<org.springframework.cache.Cache> decorator) {
        this.caches = caches;
        this.sources = sources;
        this.options = options;
        this.decorator = decorator;
    }

    /** What is wrong with a cache ends the start, not the first call. */
    @Override
    public void afterSingletonsInstantiated() {
        Set<String> known = known();
        known.forEach(this::getCache);
        options.forEach((name, option) -> {
            if (!known.contains(name)) {
                LOG.warn(
                        "{} is set in vain: no method or bean names that cache, and {}.type is not set; there are {}",
                        CacheValueType.property(name) + ".*",
                        CacheValueType.property(name),
                        known);
            } else if (sources.beans().containsKey(name)) {
                LOG.warn(
                        "{} is set in vain: the cache is a bean, with a policy of its own",
                        CacheValueType.property(name) + ".*");
            }
        });
    }

    private Set<String> known() {
        Set<String> names = new TreeSet<>(sources.uses().keySet());
        names.addAll(sources.beans().keySet());
        options.forEach((name, option) -> {
            if (option.type() != null) {
                names.add(name);
            }
        });
        return names;
    }

    @Override
    public Collection<String> getCacheNames() {
        Set<String> names = known();
        names.addAll(open.keySet());
        return Collections.unmodifiableSet(names);
    }

    @Override
    public org.springframework.cache.@Nullable Cache getCache(String name) {
        org.springframework.cache.Cache present = open.get(name);
        if (present != null) {
            return present;
        }
        org.springframework.cache.Cache made = make(name);
        if (made == null) {
            warn(name);
            return null;
        }
        org.springframework.cache.Cache other = open.putIfAbsent(name, made);
        return other == null ? made : other;
    }

    private org.springframework.cache.@Nullable Cache make(String name) {
        CacheSources.Bean bean = sources.beans().get(name);
        if (bean != null) {
            return decorator.apply(new HoldfastCache<>(bean.cache(), bean.keys()));
        }
        CacheOptions own = options.getOrDefault(name, CacheOptions.NONE);
        List<CacheUse> uses = sources.uses().getOrDefault(name, List.of());
        Type values = CacheValueType.of(name, own.type(), uses, sources.loader());
        return values == null
                ? null
                : decorator.apply(new HoldfastCache<>(typed(name, values, own), sources.texts(name)));
    }

    private Cache<String, Object> typed(String name, Type values, CacheOptions own) {
        try {
            return caches.open(
                    name, values, CachePolicies.of(name, caches.policy(), own), CachePolicies.near(name, own.near()));
        } catch (IllegalArgumentException | CacheConfigException e) {
            List<CacheUse> uses = sources.uses().getOrDefault(name, List.of());
            throw new HoldfastConfigurationException(
                    "The cache \"" + name + "\" does not open: " + e.getMessage(),
                    uses.isEmpty()
                            ? "Change " + CacheValueType.property(name) + '.'
                            : "Change what " + CacheUse.names(uses) + " names or returns.",
                    e);
        }
    }

    private void warn(String name) {
        if (unknown.size() < MOST_WARNINGS && unknown.add(name)) {
            LOG.warn(
                    "There is no cache {}: no method names it, so the type of its values is not known; {}.type would say it",
                    name,
                    CacheValueType.property(name));
        }
    }
}
