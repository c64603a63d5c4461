package dev.holdfast.cache.spi;

import java.time.Instant;
import java.util.Collection;
import java.util.Map;

/** Reads of a store that does not tell of changes. */
final class NoTracking implements Tracking {
    private final CacheStore store;
    private final State state;
    private volatile boolean closed;

    NoTracking(CacheStore store, String why) {
        this.store = store;
        this.state = new State(Kind.UNTRACKED, Instant.now(), why);
    }

    @Override
    public Covered get(String key) {
        return new Covered(store.getShared(key), closed ? null : Guard.UNTRACKED);
    }

    @Override
    public Map<String, Covered> getAll(Collection<String> keys) {
        return Covered.all(closed ? null : Guard.UNTRACKED, store.getAll(keys));
    }

    @Override
    public boolean isPossible() {
        return false;
    }

    @Override
    public State state() {
        return state;
    }

    @Override
    public void close() {
        closed = true;
    }
}
