package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What is to be removed from a tier as a whole: prefixes, or everything. No prefix in here begins with another one, so whether a
 * key is under one takes one look. Pure; guarded by its owner.
 */
final class DirtyPrefixes {
    private final NavigableMap<String, Mark> marks = new TreeMap<>();
    private long bytes;
    private @Nullable Mark all;
    private boolean lost;
    private int version;

    /** When something was recorded, and until when a command for a key of it may still arrive. */
    private record Mark(int version, long unsettledUntil) {}

    /** Numbers what is recorded, keys too. */
    int nextVersion() {
        return ++version;
    }

    /** The number of what was recorded last. */
    int version() {
        return version;
    }

    boolean isEmpty() {
        return marks.isEmpty() && all == null;
    }

    /** How many prefixes there are. */
    int size() {
        return marks.size();
    }

    long bytes() {
        return bytes;
    }

    /** The prefix in here that a key, or a longer prefix, begins with: no other lies between the two in their order. */
    @Nullable
    String of(String key) {
        String before = marks.floorKey(key);
        return before != null && key.startsWith(before) ? before : null;
    }

    /** Whether a key is to be removed with others. */
    boolean covers(String key) {
        return all != null || of(key) != null;
    }

    /** Whether that was recorded after a version. */
    boolean coversSince(String key, int planned) {
        String prefix = of(key);
        Mark mark = prefix == null ? null : marks.get(prefix);
        return (mark != null && mark.version > planned) || (all != null && all.version > planned);
    }

    /** Records a prefix in the place of a key under it; without one, everything, and that keys are lost. */
    void generalize(String prefix, long unsettledUntil) {
        if (prefix.isEmpty()) {
            all = later(all, unsettledUntil);
            lost = true;
        } else {
            put(prefix, unsettledUntil);
        }
    }

    /** Records a prefix. */
    void put(String prefix, long unsettledUntil) {
        String covering = of(prefix);
        if (covering != null) {
            marks.put(covering, later(marks.get(covering), unsettledUntil));
            return;
        }
        Mark mark = null;
        for (Map.Entry<String, Mark> longer :
                removeUnder(marks, prefix, each -> true).entrySet()) {
            mark = later(mark, longer.getValue().unsettledUntil);
            bytes -= DirtyRecord.weight(longer.getKey());
        }
        marks.put(prefix, later(mark, unsettledUntil));
        bytes += DirtyRecord.weight(prefix);
    }

    private Mark later(@Nullable Mark before, long unsettledUntil) {
        long until = before == null ? unsettledUntil : Math.max(before.unsettledUntil, unsettledUntil);
        return new Mark(nextVersion(), until);
    }

    /** Takes out of a map what is under a prefix and wanted, and returns that. */
    static <V> Map<String, V> removeUnder(NavigableMap<String, V> map, String prefix, Predicate<V> wanted) {
        Map<String, V> removed = new TreeMap<>();
        for (Map.Entry<String, V> next : map.tailMap(prefix, true).entrySet()) {
            if (!next.getKey().startsWith(prefix)) {
                break;
            }
            if (wanted.test(next.getValue())) {
                removed.put(next.getKey(), next.getValue());
            }
        }
        removed.keySet().forEach(map::remove);
        return removed;
    }

    /** Forgets a prefix, if it is in here. */
    void remove(String prefix) {
        if (marks.remove(prefix) != null) {
            bytes -= DirtyRecord.weight(prefix);
        }
    }

    /** A prefix was removed there. If it was recorded again since that was planned, it stays. */
    void removed(DirtyRecord.Removal done) {
        Mark mark = marks.get(done.key());
        if (mark != null && mark.version == done.version()) {
            remove(done.key());
        }
    }

    /** Returns the prefixes to remove under which nothing can arrive any more. */
    List<DirtyRecord.Removal> due(long now) {
        List<DirtyRecord.Removal> due = new ArrayList<>(marks.size());
        marks.forEach((prefix, mark) -> {
            if (DirtyEntry.isSettled(mark.unsettledUntil, now)) {
                due.add(new DirtyRecord.Removal(prefix, mark.version));
            }
        });
        return due;
    }

    /** Forgets that commands may still arrive. */
    void settle() {
        marks.replaceAll((prefix, mark) -> new Mark(mark.version, 0));
        all = all == null ? null : new Mark(all.version, 0);
    }

    /** Records that everything is to be removed. */
    void everything() {
        all = later(all, 0);
    }

    /** Forgets prefixes if everything is to be removed. */
    void summarize() {
        if (all != null) {
            for (Mark mark : marks.values()) {
                all = later(all, mark.unsettledUntil);
            }
            marks.clear();
            bytes = 0;
        }
    }

    /** A prefix can't be removed there: every key stays dirty until an operator accepts the loss. */
    void lose(DirtyRecord.Removal prefix) {
        remove(prefix.key());
        generalize("", 0);
    }

    /** Returns whether everything is to be removed and nothing can arrive any more; 0 if not, else what {@link #everythingRemoved} needs. */
    int everythingDue(long now) {
        return all != null && DirtyEntry.isSettled(all.unsettledUntil, now) ? all.version : 0;
    }

    /** Everything was removed, as it had been planned at {@code planned}; a later cause to do so stays. */
    void everythingRemoved(int planned) {
        if (all != null && planned == all.version) {
            acceptLoss();
        }
    }

    /** Gives up on keys that were forgotten: an operator says that the tier may serve nevertheless. */
    void acceptLoss() {
        all = null;
        lost = false;
    }

    /** Whether everything there is to be removed. */
    boolean all() {
        return all != null;
    }

    /** Whether keys without any prefix are among that, and are not known any more. */
    boolean lost() {
        return lost;
    }
}
