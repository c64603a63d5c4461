package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;

/**
 * Where calls go that need no thought: what a call on the healthy path reads, once. Replaced whenever any of it changes, so a
 * change that sees the same route, the very object, before and after went where it belonged. Immutable.
 *
 * @param tier the serving tier
 * @param store its store; of a memory, the instance in use
 * @param reads whether every key may be read there
 * @param writes whether every key may be changed there with nothing to be remembered
 * @param stamp the tier's stamp
 */
record Route(Tier tier, CacheStore store, boolean reads, boolean writes, long stamp) {

    /** Whether every key may be read, or changed, there without a thought. */
    boolean takes(Kind kind) {
        return kind == Kind.READ ? reads : writes;
    }

    /** The same for a caller with less time than others, each of whose calls needs thought. */
    Route withoutShortcut() {
        return new Route(tier, store, false, false, stamp);
    }
}
