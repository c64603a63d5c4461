package dev.holdfast.cache.spi;

import dev.holdfast.cache.FlushReason;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * Says of copies of a store's entries whether they may be outdated, without knowing which copies there are: a counter for each of {@value #STRIPES} stripes
 * of keys, and one for all keys. A copy is kept with the stamp that its stripe had <em>before its read was sent</em>, and is good while the stripe still
 * has that stamp. Whoever learns of a change raises the stripe's counter, once, whatever was kept of the key and by whom.
 *
 * <pre>
 *   reader    stamp = 7 ── read is sent ─────────────────── value "old" ── keeps ("old", 7) ── is 7 present? no: reads anew
 *   server                   executes it ── "new" is written
 *   told                                          └── stamp 8
 * </pre>
 *
 * <p>So it does not matter whether a change is told before or after the reply to a read arrives, in which order changes are told, or how often. The price is
 * that the change of a key also outdates the copies of those few that share its stripe.
 *
 * <p>A counter has 32 bits: a copy would be taken for good again if its stripe was raised exactly 2<sup>32</sup> times since.
 *
 * <p>For any number of threads, without locks. Takes {@value #BYTES} bytes.
 */
public final class Stamps {
    /** How many stripes there are: 2<sup>16</sup>. */
    public static final int STRIPES = 1 << 16;

    /** How much memory it takes. */
    public static final int BYTES = Integer.BYTES * STRIPES + 1024;

    private final AtomicIntegerArray counters = new AtomicIntegerArray(STRIPES);
    private final AtomicInteger ofAll = new AtomicInteger();
    private final LongAdder changes = new LongAdder();
    private final Map<FlushReason, LongAdder> flushes = new EnumMap<>(FlushReason.class);

    /** Creates them; nothing was kept yet. */
    public Stamps() {
        for (FlushReason reason : FlushReason.values()) {
            flushes.put(reason, new LongAdder());
        }
    }

    /**
     * Returns the stripe of a key.
     *
     * @param key the key, as a {@link CacheStore} is given it
     * @return from 0 to {@link #STRIPES} - 1
     */
    public static int stripe(String key) {
        return stripe(key.hashCode());
    }

    private static int stripe(int hash) {
        return (hash ^ (hash >>> 16)) & (STRIPES - 1);
    }

    /**
     * Returns the stamp that a stripe has now.
     *
     * @param stripe from {@link #stripe(String)}
     * @return a number that differs from those before whenever a key of the stripe, or every key, was said to have changed
     */
    public int at(int stripe) {
        // Both only rise, so whichever of them is raised in between, the sum is none of those that are given later.
        return counters.get(stripe) + ofAll.get();
    }

    /**
     * Outdates what was read of a key so far, without counting it as a change that was told.
     *
     * @param key the key, as a {@link CacheStore} is given it
     */
    public void raise(String key) {
        raise(stripe(key));
    }

    private void raise(int stripe) {
        counters.getAndIncrement(stripe);
    }

    /**
     * A key has changed.
     *
     * @param key the key, as a {@link CacheStore} is given it
     */
    public void changed(String key) {
        raise(stripe(key));
        changes.increment();
    }

    /**
     * A key has changed. Allocates nothing if the key is ASCII.
     *
     * @param bytes holds the key, as a {@link CacheStore} is given it, in UTF-8; not kept
     * @param from where it begins
     * @param to where it has ended
     */
    public void changed(byte[] bytes, int from, int to) {
        raise(stripe(hash(bytes, from, to)));
        changes.increment();
    }

    /** The hash code of a String, from its bytes. */
    private static int hash(byte[] bytes, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            byte b = bytes[i];
            if (b < 0) {
                return new String(bytes, from, to - from, StandardCharsets.UTF_8).hashCode();
            }
            hash = 31 * hash + b;
        }
        return hash;
    }

    /** Outdates what was read of every key so far, without counting it as a flush. */
    public void outdateAll() {
        ofAll.getAndIncrement();
    }

    /**
     * Outdates what was read of every key so far.
     *
     * @param reason why; is counted
     */
    public void flush(FlushReason reason) {
        ofAll.getAndIncrement();
        Objects.requireNonNull(flushes.get(reason)).increment();
    }

    /**
     * Returns how many changes of keys were told, those of this client's own that are told like any other included.
     *
     * @return the count since these were created
     */
    public long changes() {
        return changes.sum();
    }

    /**
     * Returns how often every key was outdated.
     *
     * @return the counts since these were created, by reason, of every reason; a snapshot
     */
    public Map<FlushReason, Long> flushes() {
        Map<FlushReason, Long> counts = new EnumMap<>(FlushReason.class);
        flushes.forEach((reason, count) -> counts.put(reason, count.sum()));
        return counts;
    }
}
