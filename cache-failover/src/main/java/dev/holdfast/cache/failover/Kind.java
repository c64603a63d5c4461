package dev.holdfast.cache.failover;

/** What an operation does, as far as it matters for where it may go and what must be remembered of it. */
enum Kind {
    /** Changes nothing. */
    READ(true, false),
    /** Stores or removes whatever is there, so that it may be repeated; a new time to live too. */
    WRITE(true, true),
    /** Stores what can be computed again. */
    FILL(true, false),
    /** Stores or removes if something holds, so that a repetition may give another answer. */
    CONDITIONAL(false, true),
    /** Adds to a counter. */
    COUNT(false, false),
    /** Removes by prefix. Its one key is the prefix. */
    PREFIX(true, true);

    /** Whether a repetition does no harm. */
    final boolean harmless;
    /** Whether the tiers above must forget the key before this is acknowledged by a lower one. */
    final boolean invalidates;

    Kind(boolean harmless, boolean invalidates) {
        this.harmless = harmless;
        this.invalidates = invalidates;
    }
}
