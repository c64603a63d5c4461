package dev.holdfast.cache.client;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the keys of one client's typed caches begin with. Entries outlive the cache that wrote them, so the prefixes of closed caches
 * are remembered too, the latest {@link #MOST_CLOSED} of them.
 */
final class CachePrefixes {
    static final int MOST_CLOSED = 10_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Set<String> known = ConcurrentHashMap.newKeySet();
    private final Set<String> open = ConcurrentHashMap.newKeySet();
    private final Set<String> closed = new LinkedHashSet<>();
    private volatile boolean forgotten;

    /** Begins with a prefix that is always there. */
    CachePrefixes(String always) {
        known.add(always);
    }

    /** A cache was opened; {@code prefix} is empty if it is raw. */
    void add(String prefix) {
        if (prefix.isEmpty()) {
            return;
        }
        lock.lock();
        try {
            open.add(prefix);
            known.add(prefix);
        } finally {
            lock.unlock();
        }
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
                    forgotten = true;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    Set<String> view() {
        return Collections.unmodifiableSet(known);
    }

    Optional<String> note() {
        return forgotten
                ? Optional.of(
                        "more than " + MOST_CLOSED + " caches of different names were closed: a server without a key"
                                + " prefix that went back in time can't be cleared of the entries of the first ones."
                                + " Set REDIS_KEY_PREFIX")
                : Optional.empty();
    }
}
