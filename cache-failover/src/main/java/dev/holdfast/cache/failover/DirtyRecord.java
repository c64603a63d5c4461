package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What was changed elsewhere and is still to be done on one tier: keys and prefixes to remove, counters to add to. A key
 * that is in here must be neither read nor changed on that tier. Bounded, prefixes included: beyond the bound keys are replaced
 * by the prefix of their cache, as far as the client's caches are known by one, and what has none, or too many prefixes, by
 * everything. No prefix in here begins with another one, so whether a key is under one takes one look. Pure; guarded by its
 * owner.
 */
final class DirtyRecord {
    private static final int ENTRY_BYTES = 160;

    private final NavigableMap<String, Entry> entries = new TreeMap<>();
    private final NavigableMap<String, Mark> prefixes = new TreeMap<>();
    private final int maxKeys;
    private final long maxBytes;
    private long bytes;
    private int counters;
    private int version;
    private boolean overflowed;
    private @Nullable Mark all;
    private boolean lost;
    /** The last key of those that were to be removed last: the others have their turn before it is tried again. */
    private String tried = "";

    /** The last counter of those that were to be added to last. */
    private String added = "";

    private Set<String> known = Set.of();

    /** One key. {@code removed}: it is to be removed first; {@code counts}: then {@code delta} is to be added. */
    private static final class Entry {
        boolean removed;
        boolean counts;
        long delta;
        long expiresAt;

        @Nullable
        Increment pending;
        /** Until when a command may still arrive there that was sent before; 0 if none may. */
        long unsettledUntil;
        /** Whether it was removed once meanwhile, for other clients' sake. */
        boolean early;
        /** Of the last removal. */
        int version;
    }

    /** A prefix, or everything: when it was recorded, and until when a command for a key of it may still arrive. */
    private record Mark(int version, long unsettledUntil) {}

    /** An increment on its way: repeated as it is until its outcome is known, so that its marker holds. */
    record Increment(String key, long delta, long expiresAt, String onceId) {}

    /** A key or prefix to be removed, as it was when the removal was planned. */
    record Removal(String key, int version) {}

    DirtyRecord(int maxKeys, long maxBytes) {
        this.maxKeys = maxKeys;
        this.maxBytes = maxBytes;
    }

    boolean isEmpty() {
        return entries.isEmpty() && prefixes.isEmpty() && all == null;
    }

    boolean contains(String key) {
        return all != null || entries.containsKey(key) || underPrefix(key);
    }

    /**
     * Whether a key stays dirty though it is removed now: a command that was sent before may still arrive for it, or it is dirty
     * with others.
     */
    boolean staysDirty(String key, long now) {
        Entry entry = entries.get(key);
        return all != null || underPrefix(key) || (entry != null && !settled(entry.unsettledUntil, now));
    }

    private boolean underPrefix(String key) {
        return prefixOf(key) != null;
    }

    /** The prefix in here that a key, or a longer prefix, begins with: no other lies between the two in their order. */
    private @Nullable String prefixOf(String key) {
        String before = prefixes.floorKey(key);
        return before != null && key.startsWith(before) ? before : null;
    }

    /** Says what the keys of this client's caches begin with: only such a prefix may stand for keys that were under it. */
    void known(Set<String> cachePrefixes) {
        known = cachePrefixes;
    }

    /** Records that a key is to be removed; {@code unsettledUntil} is 0 unless a command may still arrive for it. */
    void remove(String key, long unsettledUntil) {
        Entry entry = entries.get(key);
        if (entry == null) {
            entry = new Entry();
            add(key, entry);
        }
        if (entry.counts) {
            counters--;
        }
        entry.removed = true;
        entry.counts = false;
        entry.delta = 0;
        entry.pending = null;
        entry.unsettledUntil = Math.max(entry.unsettledUntil, unsettledUntil);
        entry.early = false;
        entry.version = ++version;
        shrink();
    }

    /** Records that a key is to be removed that may be what it was before; what was added to it elsewhere meanwhile is still to be entered. */
    void forgotten(String key) {
        Entry entry = entries.get(key);
        if (entry == null || !entry.counts) {
            remove(key, 0);
        } else {
            removeFirst(entry);
        }
    }

    private void removeFirst(Entry entry) {
        if (entry.pending != null) {
            entry.delta += entry.pending.delta();
            entry.pending = null;
        }
        entry.removed = true;
        entry.early = false;
        entry.version = ++version;
    }

    /** As {@link #forgotten}, of all keys that begin so. */
    void forgottenPrefix(String prefix) {
        Map<String, Entry> counting = new TreeMap<>();
        for (Iterator<Map.Entry<String, Entry>> i = under(entries, prefix); i.hasNext(); ) {
            Map.Entry<String, Entry> next = i.next();
            if (!next.getKey().startsWith(prefix)) {
                break;
            }
            if (next.getValue().counts) {
                counting.put(next.getKey(), next.getValue());
            }
        }
        counting.forEach((key, entry) -> {
            dropped(key, entry);
            entries.remove(key);
        });
        removePrefix(prefix);
        counting.forEach((key, entry) -> {
            removeFirst(entry);
            add(key, entry);
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
        Entry entry = entries.get(key);
        if (entry == null) {
            entry = new Entry();
            add(key, entry);
        } else if (entry.removed && !entry.counts && !created) {
            return; // added to a value that was put there, and such values are not carried up
        }
        if (!entry.counts) {
            entry.counts = true;
            counters++;
            entry.expiresAt = expiresAt;
        } else if (now - entry.expiresAt >= 0) {
            // The counter below expired and began anew; what it held before is gone there and must not come back here.
            entry.delta = 0;
            entry.pending = null;
            entry.expiresAt = expiresAt;
        }
        entry.delta += delta;
        shrink();
    }

    /**
     * Records that everything under a prefix is to be removed. What was recorded under it before is dropped.
     *
     * @return whether it is new and nothing was dropped: then {@link #retractPrefix} takes it back
     */
    boolean removePrefix(String prefix) {
        boolean retractable = prefixOf(prefix) == null;
        for (Iterator<Map.Entry<String, Entry>> i = under(entries, prefix); i.hasNext(); ) {
            Map.Entry<String, Entry> next = i.next();
            if (!next.getKey().startsWith(prefix)) {
                break;
            }
            // What may still arrive has to be waited for, which a prefix does not do.
            if (next.getValue().unsettledUntil == 0) {
                dropped(next.getKey(), next.getValue());
                i.remove();
                retractable = false;
            }
        }
        int before = prefixes.size();
        putPrefix(prefix, 0);
        shrink();
        return retractable && prefixes.size() == before + 1;
    }

    private static <V> Iterator<Map.Entry<String, V>> under(NavigableMap<String, V> map, String prefix) {
        return map.tailMap(prefix, true).entrySet().iterator();
    }

    private void putPrefix(String prefix, long unsettledUntil) {
        String covering = prefixOf(prefix);
        if (covering != null) {
            prefixes.put(covering, later(prefixes.get(covering), unsettledUntil));
            return;
        }
        long until = unsettledUntil;
        for (Iterator<Map.Entry<String, Mark>> i = under(prefixes, prefix); i.hasNext(); ) {
            Map.Entry<String, Mark> longer = i.next();
            if (!longer.getKey().startsWith(prefix)) {
                break;
            }
            until = Math.max(until, longer.getValue().unsettledUntil());
            bytes -= weight(longer.getKey());
            i.remove();
        }
        prefixes.put(prefix, later(null, until));
        bytes += weight(prefix);
    }

    private Mark later(@Nullable Mark before, long unsettledUntil) {
        return new Mark(++version, before == null ? unsettledUntil : Math.max(before.unsettledUntil(), unsettledUntil));
    }

    private void add(String key, Entry entry) {
        entries.put(key, entry);
        bytes += weight(key);
    }

    private void dropped(String key, Entry entry) {
        bytes -= weight(key);
        if (entry.counts) {
            counters--;
        }
    }

    private static long weight(String key) {
        return ENTRY_BYTES + 2L * key.length();
    }

    private boolean full() {
        return entries.size() + prefixes.size() > maxKeys || bytes > maxBytes;
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
        for (Iterator<Map.Entry<String, Entry>> i = entries.entrySet().iterator(); i.hasNext(); ) {
            Map.Entry<String, Entry> next = i.next();
            if (!countersToo && (next.getValue().counts || next.getValue().unsettledUntil != 0)) {
                continue;
            }
            String prefix = cachePrefix(next.getKey());
            if (prefix.isEmpty()) {
                all = later(all, next.getValue().unsettledUntil);
                lost = true;
            } else {
                putPrefix(prefix, next.getValue().unsettledUntil);
            }
            dropped(next.getKey(), next.getValue());
            i.remove();
        }
        if (entries.isEmpty() && full()) {
            all = later(all, 0); // prefixes alone are too many
        }
        if (all != null) {
            for (Mark mark : prefixes.values()) {
                all = later(all, mark.unsettledUntil());
            }
            prefixes.clear();
            bytes = 0;
            entries.forEach((key, entry) -> bytes += weight(key));
        }
    }

    /** The prefix of the cache that a key is of; empty if no cache is known to have it, as for raw keys. */
    private String cachePrefix(String key) {
        String prefix = key.substring(0, key.indexOf(':') + 1);
        return known.contains(prefix) ? prefix : "";
    }

    /** Forgets that commands may still arrive: their connections were reset. */
    void settle() {
        entries.values().forEach(entry -> entry.unsettledUntil = 0);
        prefixes.replaceAll((prefix, mark) -> new Mark(mark.version(), 0));
        if (all != null) {
            all = new Mark(all.version(), 0);
        }
    }

    /** Returns the prefixes to remove under which nothing can arrive any more; each is to be reported by {@link #prefixRemoved}. */
    List<Removal> prefixes(long now) {
        List<Removal> due = new ArrayList<>(prefixes.size());
        prefixes.forEach((prefix, mark) -> {
            if (settled(mark.unsettledUntil(), now)) {
                due.add(new Removal(prefix, mark.version()));
            }
        });
        return due;
    }

    /** Returns whether everything is to be removed and nothing can arrive any more; 0 if not, else what {@link #everythingRemoved} needs. */
    int everythingDue(long now) {
        return all != null && settled(all.unsettledUntil(), now) ? all.version() : 0;
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

    private static void takeDue(NavigableMap<String, Entry> some, List<Removal> batch, int max, long now) {
        for (Map.Entry<String, Entry> next : some.entrySet()) {
            if (batch.size() == max) {
                return;
            }
            Entry entry = next.getValue();
            boolean due = settled(entry.unsettledUntil, now);
            if (entry.removed && (due || !entry.early)) {
                batch.add(new Removal(next.getKey(), entry.version));
            }
        }
    }

    /**
     * Returns up to {@code max} increments to enter; those whose counter has expired meanwhile are dropped. Counters that were returned before come
     * last, and those of what is to be removed first do not come.
     */
    List<Increment> increments(int max, long now, String idPrefix) {
        List<Increment> batch = new ArrayList<>();
        if (counters == 0 || all != null) {
            return batch;
        }
        takeIncrements(entries.tailMap(added, false), batch, max, now, idPrefix);
        takeIncrements(entries.headMap(added, true), batch, max, now, idPrefix);
        added = batch.isEmpty() ? "" : batch.get(batch.size() - 1).key();
        return batch;
    }

    private void takeIncrements(
            NavigableMap<String, Entry> some, List<Increment> batch, int max, long now, String idPrefix) {
        for (Iterator<Map.Entry<String, Entry>> i = some.entrySet().iterator(); i.hasNext() && batch.size() < max; ) {
            Map.Entry<String, Entry> next = i.next();
            Entry entry = next.getValue();
            boolean first = entry.removed || underPrefix(next.getKey());
            if (!entry.counts || first || !settled(entry.unsettledUntil, now)) {
                continue; // what is to be removed is removed first
            }
            if (now - entry.expiresAt >= 0) {
                dropped(next.getKey(), entry);
                i.remove();
                continue;
            }
            if (entry.pending == null) {
                int number = ++version;
                entry.pending = new Increment(next.getKey(), entry.delta, entry.expiresAt, idPrefix + number);
                entry.delta = 0;
            }
            batch.add(entry.pending);
        }
    }

    private static boolean settled(long unsettledUntil, long now) {
        return unsettledUntil == 0 || now - unsettledUntil >= 0;
    }

    void prefixRemoved(Removal done) {
        Mark mark = prefixes.get(done.key());
        if (mark != null && mark.version() == done.version()) {
            prefixes.remove(done.key());
            bytes -= weight(done.key());
        }
    }

    /** A key was removed there. If it was changed again since that was planned, it stays. */
    void removed(Removal done, long now) {
        Entry entry = entries.get(done.key());
        if (entry == null || entry.version != done.version()) {
            return;
        }
        if (!settled(entry.unsettledUntil, now)) {
            entry.early = true;
            return;
        }
        entry.removed = false;
        entry.unsettledUntil = 0;
        if (!entry.counts) {
            dropped(done.key(), entry);
            entries.remove(done.key());
        }
    }

    /** An increment was entered there, or its outcome can never be known and it is given up. */
    void incremented(Increment done) {
        Entry entry = entries.get(done.key());
        if (entry == null || !done.equals(entry.pending)) {
            return;
        }
        entry.pending = null;
        if (entry.delta == 0) {
            dropped(done.key(), entry);
            entries.remove(done.key());
        }
    }

    /** A removal there may still arrive: it is repeated only when it can't any more. */
    void unsettled(String key, long until) {
        Entry entry = entries.get(key);
        if (entry != null) {
            entry.unsettledUntil = Math.max(entry.unsettledUntil, until);
        }
    }

    /** A prefix can't be removed there: every key stays dirty until an operator accepts the loss. */
    void lose(Removal prefix) {
        retractPrefix(prefix.key());
        all = later(all, 0);
        lost = true;
    }

    /** Records that all of this client's keys are to be removed. Counters keep what is to be added to them then. */
    void everything() {
        all = later(all, 0);
    }

    /** Everything was removed, as it had been planned at {@code planned}; a later cause to do so stays. */
    void everythingRemoved(int planned) {
        if (all != null && planned == all.version()) {
            all = null;
            lost = false;
        }
    }

    /** Gives up on keys that were forgotten: an operator says that the tier may serve nevertheless. */
    void acceptLoss() {
        all = null;
        lost = false;
    }

    /** Returns what to remove, whatever may still arrive: keys for which something may stay dirty nevertheless. */
    Purge planned(List<String> keys, long now) {
        List<Removal> batch = new ArrayList<>(keys.size());
        for (String key : keys) {
            Entry entry = entries.get(key);
            batch.add(new Removal(key, entry == null || !settled(entry.unsettledUntil, now) ? 0 : entry.version));
        }
        return new Purge(batch, version);
    }

    /** Whether a key was made dirty, by itself or with others, after the record had this version. */
    boolean markedSince(String key, int planned) {
        Entry entry = entries.get(key);
        if ((entry != null && entry.version > planned) || (all != null && all.version() > planned)) {
            return true;
        }
        String prefix = prefixOf(key);
        Mark mark = prefix == null ? null : prefixes.get(prefix);
        return mark != null && mark.version() > planned;
    }

    void retractPrefix(String prefix) {
        if (prefixes.remove(prefix) != null) {
            bytes -= weight(prefix);
        }
    }

    int keys() {
        return entries.size() - counters;
    }

    int prefixCount() {
        return prefixes.size();
    }

    int counters() {
        return counters;
    }

    int size() {
        return entries.size() + prefixes.size();
    }

    /** What is recorded, in words; empty if nothing is. */
    String summary() {
        return all != null ? "everything" : size() == 0 ? "" : size() + (size() == 1 ? " change" : " changes");
    }

    /** Whether keys were replaced by prefixes since the record was last empty. */
    boolean overflowed() {
        return overflowed;
    }

    /** Whether keys without any prefix were among those, and are not known any more. */
    boolean lost() {
        return lost;
    }

    /** Whether everything there is to be removed. */
    boolean all() {
        return all != null;
    }

    void forgetOverflow() {
        if (isEmpty()) {
            overflowed = false;
        }
    }
}
