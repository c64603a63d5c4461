package dev.holdfast.cache.memory;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Entries that were read before, where a read finds them in fewer steps than in Caffeine's map: a table with one entry for each
 * slot, which the key's hash names; the one that was read last stays. Most of what a hit takes is waiting for memory, and
 * this halves the objects to visit.
 *
 * <p>In comes only what the map returned. Whoever replaces an entry in the map or takes it out says so to the entry first, within
 * the map's own atomic step, and then calls {@link #drop}: a read from here is one that the map could have answered, and no slot
 * keeps an entry alive that the map has given up.
 *
 * <p>It begins small and is replaced by a larger one, empty, when entries have taken each other's slots as often as it has slots.
 */
final class RecentReads {
    /** A slot for so many bytes of the store: about four for each small entry of a full one. */
    private static final int BYTES_PER_SLOT_SHIFT = 8;

    private static final int MAX_SLOTS_SHIFT = 20;

    private static final int FIRST_SLOTS = 1 << 10;
    private static final int GROWTH_SHIFT = 2;

    private final int maxSlots;

    /** Written before the mask and read after it, so that the mask never leads beyond it. */
    private volatile AtomicReferenceArray<@Nullable Entry> slots;

    /** Apart from the table, so that a read waits for neither before it looks at the other. */
    private volatile int mask;

    /** Counted without care: a lost count delays the growth by one. */
    private int displaced;

    /** Creates an empty one for a store of {@code maxBytes}; it grows to a 64th part of that, at most 4 MiB. */
    RecentReads(long maxBytes) {
        long wanted = Math.max(1, Math.min(maxBytes >> BYTES_PER_SLOT_SHIFT, 1L << MAX_SLOTS_SHIFT));
        maxSlots = (int) Long.highestOneBit(wanted);
        slots = new AtomicReferenceArray<>(Math.min(maxSlots, FIRST_SLOTS));
        mask = slots.length() - 1;
    }

    /** The entry in the key's slot: perhaps that of another key, and perhaps outdated. */
    @Nullable
    Entry candidate(String key) {
        int slot = slot(key, mask);
        return slots.get(slot);
    }

    /** Takes in what the map has just returned. */
    void keep(Entry entry) {
        int seen = mask;
        AtomicReferenceArray<@Nullable Entry> table = slots;
        int slot = slot(entry.key, seen);
        Entry old = table.get(slot);
        if (old == entry) {
            return;
        }
        table.set(slot, entry);
        // Whoever outdated it meanwhile looked into the slot after saying so: one of us sees the other. If he looked
        // into a newer table, this one is garbage, or it is that one by an older mask.
        if (entry.outdated() || mask != seen) {
            table.compareAndSet(slot, entry, null);
        }
        if (old != null && table.length() < maxSlots && ++displaced > table.length()) {
            grow(table);
        }
    }

    private synchronized void grow(AtomicReferenceArray<@Nullable Entry> table) {
        displaced = 0;
        if (slots == table) {
            AtomicReferenceArray<@Nullable Entry> larger =
                    new AtomicReferenceArray<>(Math.min(maxSlots, table.length() << GROWTH_SHIFT));
            slots = larger;
            mask = larger.length() - 1;
        }
    }

    /** Forgets an entry that is outdated. */
    void drop(Entry entry) {
        int slot = slot(entry.key, mask);
        AtomicReferenceArray<@Nullable Entry> table = slots;
        if (table.get(slot) == entry) {
            table.compareAndSet(slot, entry, null);
        }
    }

    void clear() {
        AtomicReferenceArray<@Nullable Entry> table = slots;
        for (int i = 0; i < table.length(); i++) {
            table.set(i, null);
        }
    }

    /** How many slots it has now. */
    int size() {
        return slots.length();
    }

    private static int slot(String key, int mask) {
        int hash = key.hashCode() * 0x9E3779B9;
        return (hash ^ hash >>> 16) & mask;
    }
}
