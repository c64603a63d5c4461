package dev.holdfast.cache.client;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.internal.SparedKeys;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * Where a cache's keys stand in its store; {@code prefix} is empty for raw keys. What begins with {@code #} is the client's own:
 * counters and what else is no cache's. So is what begins with {@link #TAG} or {@link #LOAD} behind the prefix.
 */
record StoreKeys<K>(String prefix, Function<? super K, String> mapper) {
    /** What the keys of tags begin with, behind the cache's prefix. */
    static final String TAG = "#tag:";

    /** What the keys of leases of loads begin with, behind the cache's prefix. */
    static final String LOAD = "#load:";

    /** Where a tag stands. */
    String ofTag(String tag) {
        return prefix + TAG + tag;
    }

    /** Where the lease of a key's load stands. */
    String ofLoad(String storeKey) {
        return prefix + LOAD + storeKey.substring(prefix.length());
    }

    String of(K key) {
        String mapped = mapper.apply(Objects.requireNonNull(key, "key"));
        if (mapped == null) {
            throw new NullPointerException("the key mapper returned null for " + ForeignText.shown(key.toString()));
        }
        requireNotOurs(mapped);
        return prefix.isEmpty() ? raw(mapped) : prefix.concat(mapped);
    }

    /** Those of several keys, in their order. */
    Map<K, String> ofAll(Collection<? extends K> wanted) {
        Map<K, String> storeKeys = new LinkedHashMap<>();
        Objects.requireNonNull(wanted, "keys").forEach(key -> storeKeys.put(key, of(key)));
        return storeKeys;
    }

    /** Refuses what would be taken for a canary, which removals by prefix spare, whosever it is. Returns the key. */
    static String requireNotOurs(String key) {
        if (key.indexOf('#') < 0) {
            return key;
        }
        if (key.startsWith(TAG) || key.startsWith(LOAD)) {
            throw new IllegalArgumentException("a key must not begin with " + TAG + " or " + LOAD
                    + ", as this library's own do: " + ForeignText.shown(key));
        }
        if (key.startsWith(SparedKeys.CANARY) || key.contains(':' + SparedKeys.CANARY)) {
            throw new IllegalArgumentException("a key must neither begin with " + SparedKeys.CANARY + " nor hold :"
                    + SparedKeys.CANARY + ", as this library's own do: " + ForeignText.shown(key));
        }
        return key;
    }

    private static String raw(String key) {
        if (!key.isEmpty() && key.charAt(0) == '#') {
            throw new IllegalArgumentException(
                    "a raw key must not begin with #, as the client's own do: " + ForeignText.shown(key));
        }
        return key;
    }
}
