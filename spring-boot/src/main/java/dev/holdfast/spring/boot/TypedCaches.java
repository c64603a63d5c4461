package dev.holdfast.spring.boot;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.client.CacheBuilder;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import java.lang.reflect.Type;
import org.jspecify.annotations.Nullable;

/** The one place that opens caches of the client for Spring. */
final class TypedCaches {
    private final CacheClient client;

    TypedCaches(CacheClient client) {
        this.client = client;
    }

    /** The policy of caches for which nothing is said. */
    CachePolicy policy() {
        return client.policy();
    }

    /**
     * Opens a cache whose keys are texts.
     *
     * @param name its name
     * @param values the type of its values
     * @param policy its policy
     * @param near what it keeps near; {@code null} for nothing
     * @return the cache
     */
    Cache<String, Object> open(String name, Type values, CachePolicy policy, @Nullable NearCache near) {
        @SuppressWarnings("unchecked") // values of a type are Objects, and Spring checks none
        TypeRef<Object> type = (TypeRef<Object>) TypeRef.of(values);
        CacheBuilder<String, Object> builder =
                client.cache(name, String.class, type).policy(policy);
        return near == null ? builder.build() : builder.near(near).build();
    }

    /** Remembers that a key has no value, in the place of the one it has; forgets the key if the policy does not remember that. */
    static <K> void putAbsent(Cache<K, Object> cache, K key) {
        if (cache.policy().rememberAbsence().isZero()) {
            cache.remove(key);
        } else {
            cache.putAbsent(key);
        }
    }
}
