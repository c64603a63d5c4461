package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCounter;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A counter that a store keeps. */
final class StoreCounter implements Counter {
    private final CacheClient client;
    private final String name;
    private final String key;
    private final CacheStore store;
    private final Duration ttl;
    private final AsyncCounter async;

    /**
     * Creates one.
     *
     * @param key its key in the store
     * @param ttl how long it lives from when it is first added to
     */
    StoreCounter(CacheClient client, String name, String key, CacheStore store, Duration ttl, EngineServices services) {
        this.client = client;
        this.name = name;
        this.key = key;
        this.store = store;
        this.ttl = ttl;
        this.async = new Later(this, services);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long increment(long delta) {
        client.requireUsable();
        return store.increment(key, delta, ttl);
    }

    @Override
    public long get() {
        client.requireUsable();
        byte[] digits = store.get(key);
        return digits == null ? 0 : Codec.longs().decode(digits);
    }

    @Override
    public void reset() {
        client.requireUsable();
        store.remove(key);
    }

    @Override
    public Optional<Duration> ttl() {
        client.requireUsable();
        return Optional.ofNullable(store.ttl(key));
    }

    @Override
    public AsyncCounter async() {
        return async;
    }

    @Override
    public String toString() {
        return "Counter(" + name + " over " + store + ')';
    }

    /** Its asynchronous view: each operation is a call that waits for no load. */
    private record Later(StoreCounter counter, EngineServices services) implements AsyncCounter {

        @Override
        public CompletableFuture<Long> increment(long delta) {
            return call(() -> counter.increment(delta));
        }

        @Override
        public CompletableFuture<Long> get() {
            return call(counter::get);
        }

        @Override
        public CompletableFuture<@Nullable Void> reset() {
            return call(() -> {
                counter.reset();
                return null;
            });
        }

        @Override
        public CompletableFuture<Optional<Duration>> ttl() {
            return call(counter::ttl);
        }

        private <T extends @Nullable Object> CompletableFuture<T> call(Supplier<T> call) {
            counter.client.requireOpen();
            return AsyncCall.<T>withoutLoads(services).start(call);
        }
    }
}
