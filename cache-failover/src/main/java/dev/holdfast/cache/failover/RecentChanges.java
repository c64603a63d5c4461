package dev.holdfast.cache.failover;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What was changed on a server since its last canary: a restart from a snapshot in between may have undone it, and no canary
 * tells. A ring that any number of threads add to, without locks or allocation; the rest is guarded by the owner.
 */
final class RecentChanges {
    static final int KEPT = 1 << 13;
    /** So many want another canary. */
    static final int MANY = KEPT / 4;

    /** Keys are Strings, so that adding one allocates nothing. */
    private record Prefix(String text) {}

    private final AtomicReferenceArray<@Nullable Object> ring = new AtomicReferenceArray<>(KEPT);
    private final AtomicLong next = new AtomicLong();
    private long oldest;
    private long probed;

    /** A key was changed there, and this was acknowledged; to be called before the caller learns of it. */
    void add(String key) {
        put(key);
    }

    /** As {@link #add}, for all keys that begin so. */
    void addPrefix(String prefix) {
        put(new Prefix(prefix));
    }

    private void put(Object change) {
        ring.set((int) next.getAndIncrement() & KEPT - 1, change);
    }

    /** Whether anything was changed. */
    boolean any() {
        return next.get() != oldest;
    }

    /** How much was changed in all. */
    long count() {
        return next.get();
    }

    /** Whether another canary would be welcome. */
    boolean many() {
        return next.get() - oldest >= MANY;
    }

    /** A canary is about to be written. */
    void probing() {
        probed = next.get();
    }

    /** That canary was acknowledged: a snapshot that holds it holds what came before it. */
    void probed() {
        oldest = Math.max(oldest, probed);
    }

    /**
     * Forgets all.
     *
     * @return whether all was told; else there were more than are kept
     */
    boolean drain(Consumer<String> keys, Consumer<String> prefixes) {
        long end = next.get();
        boolean known = end - oldest <= KEPT && each(keys, prefixes);
        oldest = end;
        return known;
    }

    /**
     * Tells all that is kept.
     *
     * @return whether that was all; else there were more than are kept
     */
    boolean each(Consumer<String> keys, Consumer<String> prefixes) {
        long end = next.get();
        for (long i = Math.max(oldest, end - KEPT); i < end; i++) {
            Object change = ring.get((int) i & KEPT - 1);
            if (change instanceof Prefix prefix) {
                prefixes.accept(prefix.text());
            } else if (change != null) {
                keys.accept((String) change);
            }
        }
        // Also of what was added meanwhile, in the place of what was to be told.
        return next.get() - oldest <= KEPT;
    }
}
