package dev.holdfast.cache;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A loader that is always called with its context. */
record AdaptiveLoader<K, V>(CacheLoader.Adaptive<K, V> loader) implements CacheLoader<K, V> {
    AdaptiveLoader {
        Objects.requireNonNull(loader, "loader");
    }

    @Override
    public @Nullable V load(K key) {
        throw new IllegalStateException("an adaptive loader is called with its context");
    }

    @Override
    public @Nullable V load(K key, LoadContext<V> context) throws Exception {
        return loader.load(key, context);
    }
}
