package dev.holdfast.cache.client;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheLoader;
import java.util.ArrayList;
import java.util.Collection;
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

    /** How many parts it may be given. */
    int maxBatch();

    /** Divides what is to be loaded by it; each batch is a load of its own. */
    default List<? extends Collection<Request<K, V>>> batches(Collection<Request<K, V>> missing) {
        int most = maxBatch();
        if (missing.size() <= most) {
            return List.of(missing);
        }
        List<Request<K, V>> all = List.copyOf(missing);
        List<List<Request<K, V>>> batches = new ArrayList<>();
        for (int from = 0; from < all.size(); from += most) {
            batches.add(all.subList(from, Math.min(all.size(), from + most)));
        }
        return batches;
    }

    /** One part, by the loader of its own request. */
    @SuppressWarnings("unchecked") // keeps nothing of any type
    static <K, V> Loading<K, V> one() {
        return (Loading<K, V>) One.ONE;
    }

    /** By each request's own loader. */
    record One<K, V>() implements Loading<K, V> {
        private static final One<?, ?> ONE = new One<>();

        @Override
        public void load(List<LoadPart<K, V>> parts) throws Exception {
            for (LoadPart<K, V> part : parts) {
                Request<K, V> request = part.request();
                part.value(request.loader().load(request.key(), part.decisions()));
            }
        }

        @Override
        public int maxBatch() {
            return 1;
        }
    }

    /** All parts by one call of a bulk loader. */
    record Bulk<K, V>(BulkCacheLoader<K, V> loader, int maxBatch) implements Loading<K, V> {

        @Override
        public void load(List<LoadPart<K, V>> parts) throws Exception {
            Set<K> keys = new LinkedHashSet<>();
            parts.forEach(part -> keys.add(part.request().key()));
            Map<K, V> answer = answerOf(loader.loadAll(Collections.unmodifiableSet(keys)));
            parts.forEach(part -> part.value(answer.get(part.request().key())));
        }
    }

    /** A loader of single keys, for one that takes a key of a bulk load over. */
    static <K, V> CacheLoader<K, V> single(BulkCacheLoader<K, V> loader) {
        return key -> answerOf(loader.loadAll(Set.of(key))).get(key);
    }

    private static <K, V> Map<K, V> answerOf(Map<K, V> answer) {
        return Objects.requireNonNull(answer, "a bulk loader returned null instead of a map");
    }
}
