package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.LoadContext;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What an adaptive loader was told and has decided. For its thread. */
final class LoadDecisions<V> implements LoadContext<V> {
    private final Entries<V> entries;
    private final Counters counters;
    private final String storeKey;
    private final Entries.Begin begin;
    private byte @Nullable [] last;
    private @Nullable V lastValue;
    private @Nullable Duration ttl;
    private byte @Nullable [] etag;
    private boolean cached = true;

    LoadDecisions(Entries<V> entries, Counters counters, Request<?, V> request) {
        this.entries = entries;
        this.counters = counters;
        this.storeKey = request.storeKey();
        this.last = request.last();
        this.begin = entries.begin();
    }

    /** When the load began. */
    Entries.Begin begin() {
        return begin;
    }

    @Override
    public @Nullable V lastValue() {
        if (lastValue == null && last != null) {
            lastValue = entries.decode(storeKey, last, counters);
            last = lastValue == null ? null : last;
        }
        return lastValue;
    }

    /** Nothing without the value: a source that answers "not modified" would leave the loader with nothing to return. */
    @Override
    public Optional<String> lastETag() {
        return lastValue() == null ? Optional.empty() : entries.etag(last);
    }

    @Override
    public void ttl(Duration value) {
        CacheStore.ttlMillis(value);
        ttl = value;
    }

    @Override
    public void etag(String value) {
        etag = Entries.etagBytes(value);
    }

    @Override
    public V notModified() {
        V value = lastValue();
        if (value == null) {
            throw new IllegalStateException("there is no last value that could be not modified");
        }
        lastETag().ifPresent(this::etag);
        return value;
    }

    @Override
    public void dontCache() {
        cached = false;
    }

    boolean isCached() {
        return cached;
    }

    Duration ttlOr(Duration policyTtl) {
        return ttl == null ? policyTtl : ttl;
    }

    byte @Nullable [] etag() {
        return etag;
    }
}
