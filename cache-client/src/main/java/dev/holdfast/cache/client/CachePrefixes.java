package dev.holdfast.cache.client;

import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the keys of one client's typed caches begin with. Entries outlive the cache that wrote them, so the prefixes of closed caches
 * are remembered too, the latest {@link #MOST_CLOSED} of them.
 */
final class CachePrefixes {
    static final int MOST_CLOSED = 10_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Set<String> known = new HashSet<>();
    private final Set<String> open = new HashSet<>();
    private final Set<String> closed = new LinkedHashSet<>();
    /** Of the known prefixes, for how long removals leave tombstones. */
    private final Map<String, Duration> tombstones = new ConcurrentHashMap<>();

    private volatile boolean forgotten;

    /** The known ones, until others are known. */
    private volatile @Nullable Set<String> shown;

    /** Begins with a prefix that is always there. */
    CachePrefixes(String always) {
        known.add(always);
    }

    /** A cache was opened; {@code prefix} is empty if it is raw. Its removals leave tombstones for so long; {@code null}: none. */
    void add(String prefix, @Nullable Duration tombstoneLife) {
        if (prefix.isEmpty()) {
            return;
        }
        if (tombstoneLife != null) {
            tombstones.put(prefix, tombstoneLife);
        }
        lock.lock();
        try {
            open.add(prefix);
            if (known.add(prefix)) {
                shown = null;
            }
        } finally {
            lock.unlock();
        }
    }

    /** For how long a removal of a key leaves a tombstone; {@code null} if it is none of a cache whose removals do. */
    @Nullable
    Duration tombstoneLife(String storeKey) {
        int colon = storeKey.indexOf(':');
        return colon < 0 ? null : tombstones.get(storeKey.substring(0, colon + 1));
    }

    /** A cache was closed. */
    void closed(String prefix) {
        lock.lock();
        try {
            if (!open.remove(prefix)) {
                return;
            }
            closed.remove(prefix);
            closed.add(prefix);
            if (closed.size() > MOST_CLOSED) {
                String oldest = closed.iterator().next();
                closed.remove(oldest);
                if (!open.contains(oldest)) {
                    known.remove(oldest);
                    tombstones.remove(oldest);
                    shown = null;
                    forgotten = true;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** The same immutable set until another prefix is known, or one is forgotten: it is asked for by each change while a tier is out. */
    Set<String> known() {
        Set<String> present = shown;
        if (present != null) {
            return present;
        }
        lock.lock();
        try {
            Set<String> fresh = Set.copyOf(known);
            shown = fresh;
            return fresh;
        } finally {
            lock.unlock();
        }
    }

    Optional<String> note() {
        return forgotten
                ? Optional.of(
                        "more than " + MOST_CLOSED + " caches of different names were closed: a server without a key"
                                + " prefix that went back in time can't be cleared of the entries of the first ones."
                                + " Give the client a key prefix")
                : Optional.empty();
    }
}
