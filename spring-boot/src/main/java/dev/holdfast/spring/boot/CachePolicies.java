package dev.holdfast.spring.boot;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.spring.boot.HoldfastProperties.CacheOptions;
import java.time.Duration;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Derives the policy of one of Spring's caches. */
final class CachePolicies {
    private final String property;
    private CachePolicy policy;

    private CachePolicies(String property, CachePolicy policy) {
        this.property = property;
        this.policy = policy;
    }

    /**
     * Derives it.
     *
     * @param cache the cache's name
     * @param client the client's policy
     * @param options what the properties say
     * @return the policy, in which a null value is remembered as long as others unless they say otherwise
     * @throws HoldfastConfigurationException if a property is out of its bounds
     */
    static CachePolicy of(String cache, CachePolicy client, CacheOptions options) {
        CachePolicies policies = new CachePolicies(CacheValueType.property(cache), client);
        policies.with("ttl", options.ttl(), CachePolicy::withTtl);
        policies.with("stale-if-error", options.staleIfError(), CachePolicy::withStaleIfError);
        policies.with("null-ttl", nullTtl(options, policies.policy), CachePolicy::withRememberAbsence);
        policies.with("load-timeout", options.loadTimeout(), CachePolicy::withLoadTimeout);
        policies.with("load-soft-timeout", options.loadSoftTimeout(), CachePolicy::withLoadSoftTimeout);
        policies.with("retry-load-after", options.retryLoadAfter(), CachePolicy::withRetryLoadAfter);
        policies.with("refresh-ahead", options.refreshAhead(), CachePolicy::withRefreshAhead);
        policies.with("ttl-jitter", options.ttlJitter(), CachePolicy::withTtlJitter);
        policies.with("agree-within", options.agreeWithin(), CachePolicy::withAgreeWithin);
        policies.with("load-lock", options.loadLock(), CachePolicy::withLoadLock);
        policies.with("max-loads", options.maxLoads(), CachePolicy::withMaxLoads);
        return policies.consistent();
    }

    /**
     * Derives what a cache keeps near.
     *
     * @param cache the cache's name
     * @param options what the properties say
     * @return that; {@code null} for nothing
     * @throws HoldfastConfigurationException if a property is out of its bounds, or the size is missing
     */
    static @Nullable NearCache near(String cache, HoldfastProperties.Near options) {
        String property = CacheValueType.property(cache) + ".near.";
        if (options.maxSize() == null) {
            if (options.untrackedTtl() != null || options.copies()) {
                throw new HoldfastConfigurationException(
                        property + (options.copies() ? "copies" : "untracked-ttl") + " is set, but " + property
                                + "max-size is not, so that nothing is kept",
                        "Set " + property + "max-size to how much heap it may take, such as 32MB.",
                        null);
            }
            return null;
        }
        String refused = property + "max-size";
        try {
            NearCache near = NearCache.ofBytes(options.maxSize().toBytes());
            refused = property + "untracked-ttl";
            near = options.untrackedTtl() == null ? near : near.withUntrackedTtl(options.untrackedTtl());
            return options.copies() ? near.withCopies() : near;
        } catch (IllegalArgumentException e) {
            throw refused(refused, e);
        }
    }

    private static Duration nullTtl(CacheOptions options, CachePolicy policy) {
        Duration own = options.nullTtl();
        if (own != null) {
            return own;
        }
        return policy.ttl().equals(CacheStore.FOREVER) ? CacheStore.MAX_TTL : policy.ttl();
    }

    private <T> void with(String option, @Nullable T value, BiFunction<CachePolicy, T, CachePolicy> wither) {
        if (value != null) {
            try {
                policy = wither.apply(policy, value);
            } catch (IllegalArgumentException e) {
                throw refused(property + '.' + option, e);
            }
        }
    }

    private CachePolicy consistent() {
        try {
            return policy.requireConsistent();
        } catch (IllegalArgumentException e) {
            throw refused(property, e);
        }
    }

    private static HoldfastConfigurationException refused(String property, IllegalArgumentException cause) {
        return new HoldfastConfigurationException(
                property + " can't be had: " + cause.getMessage(), "Change " + property + '.', cause);
    }
}
