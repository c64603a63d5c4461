package dev.holdfast.cache.failover;

/** How much of what was to be removed from a tier could be. */
enum Extent {
    /** Every key of this client's. */
    ALL,
    /** Those whose prefixes are known; the tier has no key prefix by which to tell the others. */
    KNOWN,
    /** None. */
    NOTHING
}
