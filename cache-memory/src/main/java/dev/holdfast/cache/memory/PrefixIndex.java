package dev.holdfast.cache.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a store by the beginning of their keys, up to the first colon, where the names of caches end: so that a cache of
 * ten entries is cleared in the time that ten take, however many others there are. Linked lists, whose links are in the entries.
 *
 * <p>Whoever puts an entry into the map, takes it out or puts another in its place says so here, within the map's own atomic step
 * and before the map shows it. For any number of threads.
 */
final class PrefixIndex {
    private static final int ROWS = 64;

    /** Lists for each row, so that threads that write to one cache seldom meet. */
    private static final int STRIPES = 8;

    /** How many entries are passed while a list is held. */
    private static final int STEP = 256;

    private final AtomicReferenceArray<@Nullable Chain> chains = new AtomicReferenceArray<>(ROWS * STRIPES);

    void add(Entry entry) {
        chain(entry.key).addFirst(entry);
    }

    void remove(Entry entry) {
        chain(entry.key).remove(entry);
    }

    /** Puts an entry of the same key in the place of another. */
    void replace(Entry old, Entry entry) {
        chain(entry.key).replace(old, entry);
    }

    void clear() {
        for (int i = 0; i < chains.length(); i++) {
            chains.set(i, null);
        }
    }

    /**
     * Passes every entry whose key begins with a prefix and that is here from the beginning to the end of this call; others may
     * be passed. What it is passed to may call anything.
     */
    void forEach(String prefix, Consumer<Entry> action) {
        int colon = prefix.indexOf(':');
        int from = colon < 0 ? 0 : row(prefix, colon) * STRIPES;
        int to = colon < 0 ? ROWS * STRIPES : from + STRIPES;
        for (int i = from; i < to; i++) {
            Chain chain = chains.get(i);
            if (chain != null) {
                chain.forEach(prefix, action);
            }
        }
    }

    private Chain chain(String key) {
        int hash = key.hashCode() * 0x9E3779B9;
        int index = row(key, key.indexOf(':')) * STRIPES + (hash >>> 29);
        Chain chain = chains.get(index);
        if (chain == null) {
            Chain made = new Chain();
            Chain other = chains.compareAndExchange(index, null, made);
            chain = other == null ? made : other;
        }
        return chain;
    }

    /** Names that share a row are only passed by each other's removals, so three of their characters will do. */
    private static int row(String text, int end) {
        if (end <= 0) {
            return 0;
        }
        int hash = 31 * (31 * (31 * end + text.charAt(0)) + text.charAt(end >> 1)) + text.charAt(end - 1);
        return (hash * 0x9E3779B9) >>> 26;
    }

    /** A doubly linked list in no order that matters. Its lock is held for some hundred steps at most, and never across a call. */
    private static final class Chain {
        private @Nullable Entry first;

        synchronized void addFirst(Entry entry) {
            insert(entry, null);
        }

        synchronized void remove(Entry entry) {
            unlink(entry);
        }

        private void unlink(Entry entry) {
            if (entry.linked) {
                Entry before = entry.before;
                Entry after = entry.after;
                if (before == null) {
                    first = after;
                } else {
                    before.after = after;
                }
                if (after != null) {
                    after.before = before;
                }
                forget(entry);
            }
        }

        synchronized void replace(Entry old, Entry entry) {
            if (!old.linked) {
                insert(entry, null);
                return;
            }
            Entry before = old.before;
            unlink(old);
            insert(entry, before);
        }

        private void insert(Entry entry, @Nullable Entry before) {
            Entry after = before == null ? first : before.after;
            entry.before = before;
            entry.after = after;
            entry.linked = true;
            if (before == null) {
                first = entry;
            } else {
                before.after = entry;
            }
            if (after != null) {
                after.before = entry;
            }
        }

        /** What has been taken out keeps nothing else alive: it may be old, and what was next to it young. */
        private static void forget(Entry entry) {
            entry.before = null;
            entry.after = null;
            entry.linked = false;
        }

        void forEach(String prefix, Consumer<Entry> action) {
            Entry marker = Entry.marker();
            List<Entry> some = new ArrayList<>();
            addFirst(marker);
            try {
                boolean more = true;
                while (more) {
                    more = advance(marker, prefix, some);
                    some.forEach(action);
                    some.clear();
                }
            } finally {
                remove(marker);
            }
        }

        /** Moves a marker some entries further and collects those with a prefix; false at the end. */
        private synchronized boolean advance(Entry marker, String prefix, List<Entry> found) {
            Entry at = marker;
            for (int i = 0; i < STEP; i++) {
                Entry next = at.after;
                if (next == null) {
                    return false;
                }
                at = next;
                if (!at.isMarker() && at.key.startsWith(prefix)) {
                    found.add(at);
                }
            }
            unlink(marker);
            insert(marker, at);
            return true;
        }
    }
}
