package dev.holdfast.cache.failover;

/** Why a tier was opened. */
public enum FailoverReason {
    /** Too many calls failed: several in a row, or half of the last 20. */
    FAILURES,
    /** Most of the last 20 calls were answered slowly. */
    SLOW,
    /** Calls got no answer, and a probe sent because of that got none either. */
    FROZEN,
    /** A probe failed: the server is away, or in a state in which it can't serve. */
    PROBE,
    /** An operator took it out. */
    FORCED
}
