package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheStore;

/**
 * Where calls go that need no thought: what a call on the healthy path reads, once. Replaced whenever any of it changes, so a
 * change that sees the same route, the very object, before and after went where it belonged. Immutable.
 */
final class Route {
    private final Tier tier;
    private final CacheStore store;
    private final boolean reads;
    private final boolean writes;
    private final long stamp;

    /**
     * Creates one.
     *
     * @param tier the serving tier
     * @param store its store; of a memory, the instance in use
     * @param reads whether every key may be read there
     * @param writes whether every key may be changed there with nothing to be remembered
     * @param stamp the tier's stamp
     */
    Route(Tier tier, CacheStore store, boolean reads, boolean writes, long stamp) {
        this.tier = tier;
        this.store = store;
        this.reads = reads;
        this.writes = writes;
        this.stamp = stamp;
    }

    Tier tier() {
        return tier;
    }

    CacheStore store() {
        return store;
    }

    /** Whether every key may be read, or changed, there without a thought. */
    boolean takes(Kind kind) {
        return kind == Kind.READ ? reads : writes;
    }

    boolean reads() {
        return reads;
    }

    boolean writes() {
        return writes;
    }

    long stamp() {
        return stamp;
    }

    /** The same for a caller with less time than others, each of whose calls needs thought. */
    Route withoutShortcut() {
        return new Route(tier, store, false, false, stamp);
    }

    boolean sameAs(Route other) {
        return tier == other.tier
                && store == other.store
                && reads == other.reads
                && writes == other.writes
                && stamp == other.stamp;
    }
}
