package dev.holdfast.cache;

/**
 * How much of a bounded memory is in use.
 *
 * @param usedBytes what is in use
 * @param maxBytes the bound, positive
 */
public record MemoryUse(long usedBytes, long maxBytes) {
    /** Checks. */
    public MemoryUse {
        if (usedBytes < 0 || maxBytes <= 0) {
            throw new IllegalArgumentException(
                    "usedBytes must not be negative and maxBytes positive: " + usedBytes + ", " + maxBytes);
        }
    }
}
