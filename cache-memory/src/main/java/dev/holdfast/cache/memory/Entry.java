package dev.holdfast.cache.memory;

/** A value and when it ends. Two are equal only if they are the same, which makes them fit for compare-and-set. */
final class Entry {
    /** The end of an entry that has none. */
    static final long NEVER = Long.MAX_VALUE;

    /**
     * What the map keeps for each entry besides key and value: this object, Caffeine's node, the hash table's node and
     * slot, the share in the frequency sketch. Measured by MemoryStoreFootprintTest with compressed references.
     */
    static final int OVERHEAD_BYTES = 136;

    private static final int STRING_BYTES = 24;
    private static final int ARRAY_HEADER_BYTES = 16;

    /** Stands for the end of an entry that was removed. */
    private static final long REMOVED = Long.MIN_VALUE;

    final byte[] value;
    private volatile long expiresAtNanos;

    /**
     * Creates one.
     *
     * @param value kept, and never changed
     * @param expiresAtNanos on the store's clock, or {@link #NEVER}
     */
    Entry(byte[] value, long expiresAtNanos) {
        this.value = value;
        this.expiresAtNanos = expiresAtNanos;
    }

    /** When it ends, on the store's clock; {@link #NEVER} if it does not. */
    long expiresAtNanos() {
        return expiresAtNanos;
    }

    /**
     * Says that this entry is being removed. Between the moment in which Caffeine's iterators pass over an entry, since
     * somebody else is removing it, and that in which it leaves the map, it can still be read: without this mark a removal by
     * prefix could end before the removal that it relied on.
     */
    void remove() {
        expiresAtNanos = REMOVED;
    }

    boolean removed() {
        return expiresAtNanos == REMOVED;
    }

    /** What this entry and its key weigh, in bytes of heap. */
    static long weigh(String key, int valueLength) {
        return OVERHEAD_BYTES + STRING_BYTES + arrayBytes(textBytes(key)) + arrayBytes(valueLength);
    }

    private static long arrayBytes(long length) {
        return (ARRAY_HEADER_BYTES + length + 7) & ~7L;
    }

    /** Strings of Latin-1 characters take a byte for each, others two. */
    private static long textBytes(String text) {
        int length = text.length();
        for (int i = 0; i < length; i++) {
            if (text.charAt(i) > 0xff) {
                return 2L * length;
            }
        }
        return length;
    }
}
