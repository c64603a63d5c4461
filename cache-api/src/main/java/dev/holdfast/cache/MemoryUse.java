package dev.holdfast.cache;

/**
 * How much of a bounded memory is in use.
 *
 * @param usedBytes what is in use
 * @param maxBytes the bound, positive
 * @param evictions how many entries had to go for others since the store was created; 0 where nobody counts them
 */
public record MemoryUse(long usedBytes, long maxBytes, long evictions) {
    /** Checks. */
    public MemoryUse {
        if (usedBytes < 0 || maxBytes <= 0 || evictions < 0) {
            throw new IllegalArgumentException("usedBytes and evictions must not be negative and maxBytes positive: "
                    + usedBytes + ", " + evictions + ", " + maxBytes);
        }
    }

    /**
     * Creates one of a memory whose evictions nobody counts.
     *
     * @param usedBytes what is in use
     * @param maxBytes the bound, positive
     */
    public MemoryUse(long usedBytes, long maxBytes) {
        this(usedBytes, maxBytes, 0);
    }

    /** Returns what part of the bound is in use, in percent; more than 100 if the bound was lowered. */
    public double percent() {
        return 100.0 * usedBytes / maxBytes;
    }
}
