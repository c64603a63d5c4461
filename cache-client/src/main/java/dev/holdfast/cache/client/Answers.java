package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import org.jspecify.annotations.Nullable;

/** What callers get of loads: values, failures, or stale values that stand in. */
final class Answers<K, V> {
    private final String cache;
    private final Entries<V> entries;
    private final Counters counters;
    private final RetryPauses pauses;

    Answers(EngineParts<K, V> cache) {
        this.cache = cache.name();
        this.entries = cache.entries();
        this.counters = cache.counters();
        this.pauses = cache.pauses();
    }

    /**
     * What a caller gets for an outcome.
     *
     * @param own whether the load ran on the caller's own thread
     */
    @Nullable
    V of(Flight<K, V> flight, Request<K, V> request, Outcome<V> outcome, boolean own) {
        if (outcome instanceof Outcome.Loaded<V> loaded) {
            return loaded.value();
        }
        V standIn = request.refresh() || !canStandIn(request) ? null : staleValue(request);
        if (outcome instanceof Outcome.Failed<V> failed) {
            if (standIn == null) {
                throw failure(request, failed.cause(), own);
            }
            pauses.begin(request, flight);
        }
        if (standIn == null) {
            throw new CacheLoadException(
                    "the load of " + request.shownKey() + " takes longer than this caller waits", null);
        }
        return standIn;
    }

    /**
     * What a caller gets for a failed load. An unchecked exception is the loader's own word, to the one who gave that loader and to all who would
     * have given the like: whoever handles it need not know whether he was first. An Error is told only to the thread that it struck, and what
     * speaks of an interrupt to nobody, as it is not his.
     */
    private RuntimeException failure(Request<K, V> request, @Nullable Throwable cause, boolean own) {
        if (cause instanceof RuntimeException unchecked && !(cause instanceof CacheInterruptedException)) {
            return unchecked;
        }
        if (own && cause instanceof Error error) {
            throw error;
        }
        return new CacheLoadException(what(request, cause), cause);
    }

    /** Of the loader's failure nothing but its type: what it says may be a value or a secret, and the cause says it anyway. */
    private String what(Request<K, V> request, @Nullable Throwable cause) {
        return cause == null
                ? "cache " + cache + ": the load of " + request.shownKey() + " did not end within its lease"
                : "cache " + cache + ": the loader of " + request.shownKey() + " failed: "
                        + cause.getClass().getName();
    }

    /** The stale value of a key whose last load failed a moment ago, else {@code null}. */
    @Nullable
    V resting(Request<K, V> request) {
        return !request.refresh() && pauses.holds(request.storeKey()) && canStandIn(request)
                ? staleValue(request)
                : null;
    }

    private boolean canStandIn(Request<K, V> request) {
        byte[] last = request.last();
        return last != null
                && !request.policy().staleIfError().isZero()
                && mayStandIn(request, entries.state(request.storeKey(), last, entries.now()));
    }

    /** What was stale for its age alone is fresh again when it turns out that no client was missing. */
    private static boolean mayStandIn(Request<?, ?> request, Entries.State last) {
        return last == Entries.State.STALE || (last == Entries.State.FRESH && !request.refresh());
    }

    private @Nullable V staleValue(Request<K, V> request) {
        byte[] last = request.last();
        V value = last == null ? null : entries.decode(request.storeKey(), last, counters);
        if (value != null) {
            counters.staleServed(request.storeKey());
        }
        return value;
    }

    /** Whether its caller need not run the load itself. */
    boolean mayRunAside(Request<K, V> request) {
        return request.loader() instanceof LaterLoader || mayWalkAway(request);
    }

    /** With a stale value at hand and a soft timeout a caller does not wait for the end of a load, unless it asked for just that. */
    boolean mayWalkAway(Request<K, V> request) {
        return !request.refresh() && !request.policy().loadSoftTimeout().isZero() && canStandIn(request);
    }
}
