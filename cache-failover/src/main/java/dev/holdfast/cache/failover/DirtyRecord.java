package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/**
 * What was changed elsewhere and is still to be done on one tier: keys and prefixes to remove, counters to add to. A key
 * that is in here must be neither read nor changed on that tier. Bounded, prefixes included: beyond the bound keys are replaced
 * by the prefix of their cache, as far as the client's caches are known by one, and what has none, or too many prefixes, by
 * everything. Pure; guarded by its owner.
 */
final class DirtyRecord {
    private static final int ENTRY_BYTES = 160;

    /** What is to be removed as a whole. */
    final DirtyPrefixes prefixes = new DirtyPrefixes();

    private final NavigableMap<String, DirtyEntry> entries = new TreeMap<>();
    private final int maxKeys;
    private final long maxBytes;
    private long bytes;
    private int counters;
    private boolean overflowed;
    /** The last key of those that were to be removed last: the others have their turn before it is tried again. */
    private String tried = "";

    /** The last counter of those that were to be added to last. */
    private String added = "";

    private Set<String> known = Set.of();

    /** A key or prefix to be removed, as it was when the removal was planned. */
    record Removal(String key, int version) {}

    /**
     * What is to be removed where an attempt goes, because no tier is clean of its keys.
     *
     * @param removals the removals, to be reported by {@link DirtyKeys#purged}; mostly none
     * @param version the version of the record when that was decided: what made the keys dirty until then is no reason to
     *     distrust the attempt afterwards
     */
    record Purge(List<Removal> removals, int version) {
        static final Purge NONE = new Purge(List.of(), 0);

        boolean isEmpty() {
            return removals.isEmpty();
        }
    }

    DirtyRecord(int maxKeys, long maxBytes) {
        this.maxKeys = maxKeys;
        this.maxBytes = maxBytes;
    }

    boolean isEmpty() {
        return entries.isEmpty() && prefixes.isEmpty();
    }

    boolean contains(String key) {
        return entries.containsKey(key) || prefixes.covers(key);
    }

    /**
     * Whether a key stays dirty though it is removed now: a command that was sent before may still arrive for it, or it is dirty
     * with others.
     */
    boolean staysDirty(String key, long now) {
        DirtyEntry entry = entries.get(key);
        return prefixes.covers(key) || (entry != null && !entry.isSettled(now));
    }

    /** Says what the keys of this client's caches begin with: only such a prefix may stand for keys that were under it. */
    void known(Set<String> cachePrefixes) {
        known = cachePrefixes;
    }

    /** Records that a key is to be removed; {@code unsettledUntil} is 0 unless a command may still arrive for it. */
    void remove(String key, long unsettledUntil) {
        DirtyEntry entry = entry(key);
        if (entry.counts()) {
            counters--;
        }
        entry.remove(prefixes.nextVersion(), unsettledUntil);
        shrink();
    }

    private DirtyEntry entry(String key) {
        DirtyEntry entry = entries.get(key);
        if (entry == null) {
            entry = new DirtyEntry();
            entries.put(key, entry);
            bytes += weight(key);
        }
        return entry;
    }

    /** Records that a key is to be removed that may be what it was before; what was added to it elsewhere meanwhile is still to be entered. */
    void forgotten(String key) {
        DirtyEntry entry = entries.get(key);
        if (entry == null || !entry.counts()) {
            remove(key, 0);
        } else {
            entry.removeFirst(prefixes.nextVersion());
        }
    }

    /** As {@link #forgotten}, of all keys that begin so. */
    void forgottenPrefix(String prefix) {
        Map<String, DirtyEntry> counting = DirtyPrefixes.removeUnder(entries, prefix, DirtyEntry::counts);
        counting.forEach(this::dropped);
        removePrefix(prefix);
        counting.forEach((key, entry) -> {
            entry.removeFirst(prefixes.nextVersion());
            entries.put(key, entry);
            bytes += weight(key);
            counters++;
        });
        shrink();
    }

    /**
     * Records an increment that a lower tier acknowledged.
     *
     * @param created whether the counter did not exist there before
     * @param expiresAt when a counter created by it expires
     */
    void increment(String key, long delta, boolean created, long expiresAt, long now) {
        DirtyEntry entry = entry(key);
        if (entry.isOfValue() && !created) {
            return;
        }
        if (!entry.counts()) {
            counters++;
        }
        entry.add(delta, expiresAt, now);
        shrink();
    }

    /**
     * Records that everything under a prefix is to be removed. What was recorded under it before is dropped.
     *
     * @return whether it is new and nothing was dropped: then {@link DirtyPrefixes#remove} takes it back
     */
    boolean removePrefix(String prefix) {
        // What may still arrive has to be waited for, which a prefix does not do.
        Map<String, DirtyEntry> under =
                DirtyPrefixes.removeUnder(entries, prefix, entry -> entry.unsettledUntil() == 0);
        under.forEach(this::dropped);
        boolean retractable = under.isEmpty() && prefixes.of(prefix) == null;
        int before = prefixes.size();
        prefixes.put(prefix, 0);
        shrink();
        return retractable && prefixes.size() == before + 1;
    }

    private void dropped(String key, DirtyEntry entry) {
        bytes -= weight(key);
        if (entry.counts()) {
            counters--;
        }
    }

    static long weight(String key) {
        return ENTRY_BYTES + 2L * key.length();
    }

    private boolean full() {
        return size() > maxKeys || bytes + prefixes.bytes() > maxBytes;
    }

    /** Replaces keys by the prefixes of their caches; counters, which can't be summed up so, only if that is not enough. */
    private void shrink() {
        if (!full()) {
            return;
        }
        overflowed = true;
        generalize(false);
        if (full()) {
            generalize(true);
        }
    }

    private void generalize(boolean countersToo) {
        entries.entrySet().removeIf(next -> {
            DirtyEntry entry = next.getValue();
            boolean taken = countersToo || (!entry.counts() && entry.unsettledUntil() == 0);
            if (taken) {
                prefixes.generalize(cachePrefix(next.getKey()), entry.unsettledUntil());
                dropped(next.getKey(), entry);
            }
            return taken;
        });
        if (entries.isEmpty() && full()) {
            prefixes.everything(); // prefixes alone are too many
        }
        prefixes.summarize();
    }

    /** The prefix of the cache that a key is of; empty if no cache is known to have it, as for raw keys. */
    private String cachePrefix(String key) {
        String prefix = key.substring(0, key.indexOf(':') + 1);
        return known.contains(prefix) ? prefix : "";
    }

    /** Forgets that commands may still arrive: their connections were reset. */
    void settle() {
        entries.values().forEach(DirtyEntry::settle);
        prefixes.settle();
    }

    /**
     * Returns up to {@code max} keys to remove: those that nothing can arrive for any more, and those that something can until they were {@link #removed} once.
     * Other clients, who know nothing of that, should not wait for the removal; it is repeated when nothing can. Keys that were
     * returned before come last, so that those of a part that is out do not keep others waiting.
     */
    List<Removal> removals(int max, long now) {
        List<Removal> batch = new ArrayList<>();
        takeDue(entries.tailMap(tried, false), batch, max, now);
        takeDue(entries.headMap(tried, true), batch, max, now);
        tried = batch.isEmpty() ? "" : batch.get(batch.size() - 1).key();
        return batch;
    }

    private static void takeDue(NavigableMap<String, DirtyEntry> some, List<Removal> batch, int max, long now) {
        for (Map.Entry<String, DirtyEntry> next : some.entrySet()) {
            if (batch.size() == max) {
                return;
            }
            if (next.getValue().isRemovalDue(now)) {
                batch.add(new Removal(next.getKey(), next.getValue().version()));
            }
        }
    }

    /**
     * Returns up to {@code max} increments to enter; those whose counter has expired meanwhile are dropped. Counters that were returned before come
     * last, and those of what is to be removed first do not come.
     */
    List<DirtyEntry.Increment> increments(int max, long now, String idPrefix) {
        List<DirtyEntry.Increment> batch = new ArrayList<>();
        if (counters == 0 || prefixes.all()) {
            return batch;
        }
        takeIncrements(entries.tailMap(added, false), batch, max, now, idPrefix);
        takeIncrements(entries.headMap(added, true), batch, max, now, idPrefix);
        added = batch.isEmpty() ? "" : batch.get(batch.size() - 1).key();
        return batch;
    }

    private void takeIncrements(
            NavigableMap<String, DirtyEntry> some,
            List<DirtyEntry.Increment> batch,
            int max,
            long now,
            String idPrefix) {
        for (Iterator<Map.Entry<String, DirtyEntry>> i = some.entrySet().iterator();
                i.hasNext() && batch.size() < max; ) {
            Map.Entry<String, DirtyEntry> next = i.next();
            DirtyEntry entry = next.getValue();
            if (!entry.isIncrementDue(now) || prefixes.covers(next.getKey())) {
                continue; // what is to be removed is removed first
            }
            if (entry.isExpired(now)) {
                dropped(next.getKey(), entry);
                i.remove();
            } else {
                batch.add(entry.increment(next.getKey(), idPrefix, prefixes));
            }
        }
    }

    /** A key was removed there. If it was changed again since that was planned, it stays. */
    void removed(Removal done, long now) {
        DirtyEntry entry = entries.get(done.key());
        if (entry != null && entry.removed(done.version(), now)) {
            dropped(done.key(), entry);
            entries.remove(done.key());
        }
    }

    /** An increment was entered there, or its outcome can never be known and it is given up. */
    void incremented(DirtyEntry.Increment done) {
        DirtyEntry entry = entries.get(done.key());
        if (entry != null && entry.incremented(done)) {
            dropped(done.key(), entry);
            entries.remove(done.key());
        }
    }

    /** A removal there may still arrive: it is repeated only when it can't any more. */
    void unsettled(String key, long until) {
        DirtyEntry entry = entries.get(key);
        if (entry != null) {
            entry.unsettled(until);
        }
    }

    /** Returns what to remove, whatever may still arrive: keys for which something may stay dirty nevertheless. */
    Purge planned(List<String> keys, long now) {
        List<Removal> batch = new ArrayList<>(keys.size());
        for (String key : keys) {
            DirtyEntry entry = entries.get(key);
            batch.add(new Removal(key, entry == null || !entry.isSettled(now) ? 0 : entry.version()));
        }
        return new Purge(batch, prefixes.version());
    }

    /** Whether a key was made dirty, by itself or with others, after the record had this version. */
    boolean markedSince(String key, int planned) {
        DirtyEntry entry = entries.get(key);
        return (entry != null && entry.version() > planned) || prefixes.coversSince(key, planned);
    }

    int keys() {
        return entries.size() - counters;
    }

    int counters() {
        return counters;
    }

    int size() {
        return entries.size() + prefixes.size();
    }

    /** What is recorded, in words; empty if nothing is. */
    String summary() {
        return prefixes.all() ? "everything" : size() == 0 ? "" : size() + (size() == 1 ? " change" : " changes");
    }

    /** Whether keys were replaced by prefixes since the record was last empty. */
    boolean overflowed() {
        return overflowed;
    }

    void forgetOverflow() {
        if (isEmpty()) {
            overflowed = false;
        }
    }
}
