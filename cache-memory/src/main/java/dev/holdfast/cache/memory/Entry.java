package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Ticker;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.internal.ForeignText;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** A key's value and when it ends. Two are equal only if they are the same. */
final class Entry {
    /** The end of an entry that has none. */
    static final long NEVER = Long.MAX_VALUE;

    /**
     * What the map keeps for each entry besides key and value: this object, Caffeine's node, the hash table's node and
     * slot, the share in the frequency sketch and the links of the index. Measured by MemoryStoreFootprintTest with compressed references.
     */
    static final int OVERHEAD_BYTES = 152;

    private static final byte[] NOTHING = new byte[0];

    private static final int STRING_BYTES = 24;
    private static final int ARRAY_HEADER_BYTES = 16;

    /** Stands for the end of an entry that was removed. */
    private static final long REMOVED = Long.MIN_VALUE;

    /** The very object that the map has, so that it takes no memory of its own. */
    final String key;

    final byte[] value;
    private volatile long expiresAtNanos;
    private volatile boolean replaced;

    // The index's, guarded by its list.
    @Nullable
    Entry before;

    @Nullable
    Entry after;

    boolean linked;

    /**
     * Creates one.
     *
     * @param key the map's own object
     * @param value kept, and never changed
     * @param expiresAtNanos on the store's clock, or {@link #NEVER}
     */
    Entry(String key, byte[] value, long expiresAtNanos) {
        this.key = key;
        this.value = value;
        this.expiresAtNanos = expiresAtNanos;
    }

    /** Something that stands between entries. */
    static Entry marker() {
        return new Entry("", NOTHING, NEVER);
    }

    boolean isMarker() {
        return value == NOTHING;
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

    /** Says that another entry takes this one's place. Until it has, the map may still return this one. */
    void replace() {
        replaced = true;
    }

    /** Whether the map no longer has it, or soon will not; once true, for ever. */
    boolean outdated() {
        return replaced || removed();
    }

    /** Whether it may be returned without asking the map. */
    boolean current(Ticker clock) {
        long end = expiresAtNanos;
        return !replaced && (end == NEVER || end > clock.read());
    }

    /** The sum of the number that it holds and another. */
    long plus(long delta) {
        try {
            return Math.addExact(parse(value), delta);
        } catch (NumberFormatException e) {
            throw new CacheRejectedException("in-memory: the value of \"" + ForeignText.shown(key)
                    + "\" is not a signed 64-bit integer, so it can't be incremented");
        } catch (ArithmeticException e) {
            throw new CacheRejectedException(
                    "in-memory: the increment of \"" + ForeignText.shown(key)
                            + "\" would overflow a signed 64-bit integer",
                    e);
        }
    }

    /** Reads what {@link Long#toString(long)} writes and nothing else, as Redis does. */
    private static long parse(byte[] value) {
        String digits = new String(value, 0, Math.min(value.length, 21), StandardCharsets.ISO_8859_1);
        long number = Long.parseLong(digits);
        if (!Long.toString(number).equals(digits)) {
            throw new NumberFormatException();
        }
        return number;
    }

    /** A number as it is held. */
    static byte[] digits(long number) {
        return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
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

    /** Refuses what is no key. */
    static void requireScalars(String key) {
        int length = key.length();
        for (int i = 0; i < length; i++) {
            char c = key.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c) || i + 1 == length || !Character.isLowSurrogate(key.charAt(i + 1))) {
                    throw new IllegalArgumentException("a key holds an unpaired surrogate");
                }
                i++;
            }
        }
    }
}
