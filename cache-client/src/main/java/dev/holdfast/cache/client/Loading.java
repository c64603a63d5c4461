package dev.holdfast.cache.client;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheLoader;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** How a load finds its values. */
interface Loading<K, V> {

    /** Gives each part its value; {@code null} if it has none. Throws what the loader throws. */
    void load(List<LoadPart<K, V>> parts) throws Exception;

    /** Each part by the loader of its own request. */
    static <K, V> Loading<K, V> one() {
        return parts -> {
            for (LoadPart<K, V> part : parts) {
                Request<K, V> request = part.request();
                part.value(request.loader().load(request.key(), part.decisions()));
            }
        };
    }

    /** All parts by one call of a bulk loader. */
    static <K, V> Loading<K, V> bulk(BulkCacheLoader<K, V> loader) {
        return parts -> {
            Set<K> keys = new LinkedHashSet<>();
            parts.forEach(part -> keys.add(part.request().key()));
            Map<K, V> answer = answerOf(loader.loadAll(Collections.unmodifiableSet(keys)));
            parts.forEach(part -> part.value(answer.get(part.request().key())));
        };
    }

    /** A loader of single keys, for one that takes a key of a bulk load over. */
    static <K, V> CacheLoader<K, V> single(BulkCacheLoader<K, V> loader) {
        return key -> answerOf(loader.loadAll(Set.of(key))).get(key);
    }

    private static <K, V> Map<K, V> answerOf(Map<K, V> answer) {
        return Objects.requireNonNull(answer, "a bulk loader returned null instead of a map");
    }
}
