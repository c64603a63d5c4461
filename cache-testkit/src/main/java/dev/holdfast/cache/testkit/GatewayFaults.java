package dev.holdfast.cache.testkit;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The script of an {@link UpstashGateway}'s faults: each request takes the first entry, in the order in which they were
 * added, that is meant for it and not used up. Requests without one are served as usual.
 *
 * <p>Thread-safe. A fault takes effect for requests that arrive after the call that added it has returned.
 */
public final class GatewayFaults {
    private static final class Entry {
        final @Nullable String path;
        final @Nullable Predicate<? super GatewayRequest> condition;
        final Fault fault;
        long left;

        Entry(@Nullable String path, @Nullable Predicate<? super GatewayRequest> condition, Fault fault, long left) {
            this.path = path;
            this.condition = condition;
            this.fault = Objects.requireNonNull(fault, "fault");
            this.left = left;
        }

        boolean isMetBy(GatewayRequest request) {
            return condition == null || condition.test(request);
        }

        boolean isFor(String requested) {
            return path == null || path.equals(requested) || (!path.equals("/") && requested.startsWith(path + "/"));
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final List<Entry> script = new ArrayList<>();

    GatewayFaults() {}

    /** For the next request. */
    public void next(Fault fault) {
        next(1, fault);
    }

    /**
     * For the next requests.
     *
     * @param requests how many, at least 1
     */
    public void next(int requests, Fault fault) {
        add(null, fault, atLeastOne(requests));
    }

    /**
     * For the next requests of a path.
     *
     * @param requests how many, at least 1
     * @param path such as {@code /}, {@code /pipeline} or {@code /get}; all but the first include what is below them
     */
    public void next(int requests, String path, Fault fault) {
        add(Objects.requireNonNull(path, "path"), fault, atLeastOne(requests));
    }

    /** For all requests, until {@link #clear}. */
    public void always(Fault fault) {
        add(null, fault, Long.MAX_VALUE);
    }

    /** For all requests of a path, as in {@link #next(int, String, Fault)}, until {@link #clear}. */
    public void always(String path, Fault fault) {
        add(Objects.requireNonNull(path, "path"), fault, Long.MAX_VALUE);
    }

    /**
     * For all requests that meet a condition, until {@link #clear}.
     *
     * @param condition asked once for each request, by the threads that serve them
     */
    public void always(Predicate<? super GatewayRequest> condition, Fault fault) {
        add(new Entry(null, Objects.requireNonNull(condition, "condition"), fault, Long.MAX_VALUE));
    }

    /** Forgets all faults; those that have begun go on. */
    public void clear() {
        lock.lock();
        try {
            script.clear();
        } finally {
            lock.unlock();
        }
    }

    /** Whether all faults for a number of requests have been used up. */
    public boolean isUsedUp() {
        lock.lock();
        try {
            return script.stream().noneMatch(entry -> entry.left < Long.MAX_VALUE);
        } finally {
            lock.unlock();
        }
    }

    @Nullable
    Fault take(HttpRequest request) {
        Set<Entry> unmet = unmet(request);
        lock.lock();
        try {
            for (Iterator<Entry> entries = script.iterator(); entries.hasNext(); ) {
                Entry entry = entries.next();
                if (entry.isFor(request.path()) && !unmet.contains(entry)) {
                    if (entry.left < Long.MAX_VALUE && --entry.left == 0) {
                        entries.remove();
                    }
                    return entry.fault;
                }
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** The entries whose condition a request does not meet; asked without the lock, since it is foreign code. */
    private Set<Entry> unmet(HttpRequest request) {
        List<Entry> conditional;
        lock.lock();
        try {
            conditional =
                    script.stream().filter(entry -> entry.condition != null).toList();
        } finally {
            lock.unlock();
        }
        if (conditional.isEmpty()) {
            return Set.of();
        }
        GatewayRequest seen = new GatewayRequest(request);
        return conditional.stream().filter(entry -> !entry.isMetBy(seen)).collect(Collectors.toSet());
    }

    private void add(@Nullable String path, Fault fault, long requests) {
        add(new Entry(path, null, fault, requests));
    }

    private void add(Entry entry) {
        lock.lock();
        try {
            script.add(entry);
        } finally {
            lock.unlock();
        }
    }

    private static int atLeastOne(int requests) {
        if (requests < 1) {
            throw new IllegalArgumentException("requests must be at least 1: " + requests);
        }
        return requests;
    }
}
