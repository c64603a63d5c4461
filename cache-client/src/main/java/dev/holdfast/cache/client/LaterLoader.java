package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCacheLoader;
import dev.holdfast.cache.CacheLoader;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** A loader that answers later. Where a thread waits anyway it may be called like any other. */
record LaterLoader<K, V>(AsyncCacheLoader<? super K, V> loader) implements CacheLoader<K, V> {

    /** Begins to load a value. */
    CompletableFuture<@Nullable V> begin(K key) throws Exception {
        return Objects.requireNonNull(loader.load(key), "an asynchronous loader returned null instead of a stage")
                .toCompletableFuture();
    }

    @Override
    public @Nullable V load(K key) throws Exception {
        CompletableFuture<@Nullable V> answer = begin(key);
        try {
            return answer.get();
        } catch (InterruptedException e) {
            answer.cancel(true);
            throw e;
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof Error error) {
                throw error;
            }
            throw cause instanceof Exception failure ? failure : e;
        }
    }
}
