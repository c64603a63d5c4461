package dev.holdfast.cache.client;

import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The load of one key: who waits for it, whether it may still be stored, and where it stands.
 *
 * <pre>
 *   LOADING ──loaded──► LOADED ──tryStore──► STORING ──► DONE
 *      │                   └──── invalidated, nothing to store ────► DONE
 *      ├─ a tag was removed: nobody joins any more
 *      └─ the lease runs out: nobody joins any more, those who wait are told; a late result may still be stored
 * </pre>
 *
 * The lock is held for a few instructions, never across I/O or a loader.
 */
final class Flight<K, V> {
    private enum Phase {
        LOADING,
        LOADED,
        STORING,
        DONE
    }

    /** What becomes of a load that one caller leaves. */
    enum Succession {
        /** Others wait, and it runs or one of them runs it. */
        GOES_ON,
        /** Nobody waits: it is over. */
        OVER,
        /** Nobody runs it, but it must go on in the background, for {@link #next()} if anybody waits. */
        ASIDE
    }

    /** With more it counts as if all were removed. */
    private static final int MOST_REMOVED_TAGS = 1_000;

    private final String storeKey;
    /** An earlier load of the same key that may still be stored: its lease ran out, or a change waits for the end of its store. */
    private volatile @Nullable Flight<K, V> previous;

    private final ReentrantLock lock = new ReentrantLock();
    /** In the order of their coming; each leaves in constant time, however many there are. */
    private final Set<Waiter<K, V>> waiters = new LinkedHashSet<>(2);

    private final CompletableFuture<@Nullable Void> stored = new CompletableFuture<>();
    private Phase phase = Phase.LOADING;
    private boolean invalidated;
    /** Changes under way that may turn out to have changed nothing. */
    private int doubts;

    private boolean expired;
    private boolean overtaken;
    /** Tags that were removed since it began; {@code null}: none. */
    private @Nullable Set<String> removedTags;

    private boolean removeAfterStore;
    /** Set where the load must go on without anybody waiting: refresh ahead, or a caller that went away with a stale value. */
    private boolean unattended;
    /** Whether anybody asked for a refresh, which is a change of the store and not a mere filling. */
    private boolean refresh;
    /** Whether whoever began it wants nothing stored, so that no refresh may join it. */
    private boolean storesNothing;
    /** Whether a load that holds a place waits for this one, which then needs none. */
    private boolean urgent;
    /** Whether a loader that has a lease waits for this load, which then waits for none. */
    private volatile boolean neededByLeased;

    private @Nullable Outcome<V> outcome;
    private @Nullable LoadRun run;

    Flight(String storeKey, @Nullable Flight<K, V> previous) {
        this.storeKey = storeKey;
        this.previous = previous;
    }

    String storeKey() {
        return storeKey;
    }

    @Nullable
    Flight<K, V> previous() {
        return previous;
    }

    /** Sets what came before it and may still be stored: the rest is over. */
    void previous(@Nullable Flight<K, V> earlier) {
        previous = earlier;
    }

    /** Hands the load to a run; returns false if it needs none any more. */
    boolean runBy(LoadRun newRun) {
        boolean now;
        lock.lock();
        try {
            if (expired || phase != Phase.LOADING) {
                return false;
            }
            run = newRun;
            now = urgent;
        } finally {
            lock.unlock();
        }
        if (now) {
            newRun.place().grantAtOnce();
        }
        return true;
    }

    /** Lets the load run without waiting for a place: somebody who holds one waits for it. */
    void hurry() {
        LoadRun waiting;
        lock.lock();
        try {
            urgent = true;
            waiting = run;
        } finally {
            lock.unlock();
        }
        if (waiting != null) {
            waiting.place().grantAtOnce();
        }
    }

    void neededByLeased() {
        neededByLeased = true;
    }

    boolean isNeededByLeased() {
        return neededByLeased;
    }

    /** Lets it store nothing. To be said before others can find it. */
    void storesNothing() {
        lock.lock();
        try {
            storesNothing = true;
        } finally {
            lock.unlock();
        }
    }

    void refresh() {
        lock.lock();
        try {
            refresh = true;
        } finally {
            lock.unlock();
        }
    }

    boolean isRefresh() {
        lock.lock();
        try {
            return refresh;
        } finally {
            lock.unlock();
        }
    }

    /** Whether the calling thread runs this load, so that waiting for it would never end. */
    boolean runsHere() {
        lock.lock();
        try {
            return phase == Phase.LOADING && run != null && run.isOn(Thread.currentThread());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Adds a caller. Returns false if this load is not for later callers: changed meanwhile, out of its lease, or over.
     *
     * @param refreshing whether the caller wants what is found from now on, and that it is stored as a change: then a load that has
     *     ended is not for it either, nor one that stores nothing, unless that is what its own policy says
     */
    boolean join(Waiter<K, V> waiter, boolean refreshing) {
        Outcome<V> known;
        lock.lock();
        try {
            if (invalidated || expired || overtaken || phase == Phase.DONE || (refreshing && phase != Phase.LOADING)) {
                return false;
            }
            if (refreshing && storesNothing && waiter.request().policy().storing()) {
                return false;
            }
            refresh |= refreshing;
            known = outcome;
            if (known == null) {
                waiters.add(waiter);
            }
        } finally {
            lock.unlock();
        }
        return known == null || waiter.complete(known);
    }

    /**
     * Adds a caller whose load this is: the one that began it, or that was handed it and gave it back. A change of the key does
     * not keep it out. Returns false if the load is over.
     */
    boolean joinOwn(Waiter<K, V> waiter) {
        lock.lock();
        try {
            if (expired || phase != Phase.LOADING) {
                return false;
            }
            return waiters.add(waiter);
        } finally {
            lock.unlock();
        }
    }

    /** Lets the load go on without anybody waiting for it. */
    void goOnUnattended() {
        lock.lock();
        try {
            unattended = true;
        } finally {
            lock.unlock();
        }
    }

    /** Tells everyone, unless somebody asked for a refresh: then the load must go on. Returns whether it did. */
    boolean endedUnloaded(Outcome<V> found) {
        return end(found, true);
    }

    /** Tells everyone who is not told yet. The first to call decides what later callers are told. */
    void ended(Outcome<V> result) {
        boolean unused = end(result, false);
    }

    /**
     * The loader has answered, which is told to everyone before it is stored, unless somebody asked for a refresh: that is a change, and whoever was told of
     * it must not read afterwards what was there before. They are told by {@link #ended}.
     */
    void loaded(Outcome<V> result) {
        boolean now;
        lock.lock();
        try {
            decide(result);
            now = !refresh;
        } finally {
            lock.unlock();
        }
        if (now) {
            tellAll(result);
        }
    }

    private boolean end(Outcome<V> result, boolean unloaded) {
        lock.lock();
        try {
            if (unloaded && refresh) {
                return false;
            }
            decide(result);
        } finally {
            lock.unlock();
        }
        tellAll(result);
        return true;
    }

    private void decide(Outcome<V> result) {
        if (outcome == null) {
            outcome = result;
        }
        if (phase == Phase.LOADING) {
            phase = Phase.LOADED;
        }
        run = null;
    }

    /** The lease ran out. Returns false if the load had ended before. */
    boolean expire(Outcome<V> result) {
        lock.lock();
        try {
            if (expired || phase != Phase.LOADING) {
                return false;
            }
            expired = true;
        } finally {
            lock.unlock();
        }
        tellAll(result);
        return true;
    }

    // Outside the lock, since what a waiter is told may make another leave. Nobody is added any more.
    private void tellAll(Outcome<V> result) {
        for (Waiter<K, V> waiter = poll(); waiter != null; waiter = poll()) {
            try {
                waiter.complete(result);
            } catch (Throwable e) {
                // It is complete; there was no memory for what is chained to it. The others are told all the same.
            }
        }
    }

    private @Nullable Waiter<K, V> poll() {
        lock.lock();
        try {
            Waiter<K, V> first = first();
            if (first != null) {
                waiters.remove(first);
            }
            return first;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Waiter<K, V> first() {
        return waiters.isEmpty() ? null : waiters.iterator().next();
    }

    /** Whoever ran the load on its own thread was interrupted; the next who waits takes it over. */
    Succession handOver() {
        lock.lock();
        try {
            run = null;
            return phase != Phase.LOADING || expired ? Succession.GOES_ON : succession();
        } finally {
            lock.unlock();
        }
    }

    private Succession succession() {
        for (Waiter<K, V> next = live(); next != null; next = live()) {
            if (next.context() != null) {
                return Succession.ASIDE;
            }
            waiters.remove(next);
            if (next.complete(new Outcome.TakeOver<>())) {
                return Succession.GOES_ON;
            }
        }
        if (unattended) {
            return Succession.ASIDE;
        }
        phase = Phase.DONE;
        return Succession.OVER;
    }

    /** The first who still waits. */
    private @Nullable Waiter<K, V> live() {
        Waiter<K, V> first = first();
        while (first != null && first.isDone()) {
            waiters.remove(first);
            first = first();
        }
        return first;
    }

    /** Whoever waits first, and whose loader is to run in the background. */
    @Nullable
    Waiter<K, V> next() {
        lock.lock();
        try {
            return live();
        } finally {
            lock.unlock();
        }
    }

    /** A caller stops waiting. If the load then runs for nobody, it is over, and its run is to be told. */
    Succession leave(Waiter<K, V> waiter) {
        lock.lock();
        try {
            waiters.remove(waiter);
            if (phase != Phase.LOADING || expired) {
                return Succession.GOES_ON;
            }
            if (waiter.getNow(null) instanceof Outcome.TakeOver) {
                return succession();
            }
            // Without a run, one whom the load was handed to has it in its hands.
            if (live() != null || unattended || run == null || run.servesItsOwnThread()) {
                return Succession.GOES_ON;
            }
            phase = Phase.DONE;
            return Succession.OVER;
        } finally {
            lock.unlock();
        }
    }

    /** Tells the run, if there is one, that nobody waits for this load. */
    void abandon() {
        LoadRun abandoned;
        lock.lock();
        try {
            abandoned = run;
        } finally {
            lock.unlock();
        }
        if (abandoned != null) {
            abandoned.abandon();
        }
    }

    /** Begins to store, unless the key was changed since the load began. */
    boolean tryStore(boolean changing) {
        lock.lock();
        try {
            if (invalidated || doubts > 0 || changing || phase != Phase.LOADED) {
                return false;
            }
            phase = Phase.STORING;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** The store has ended, however. Returns whether the entry must be removed again. */
    boolean done() {
        lock.lock();
        try {
            phase = Phase.DONE;
            return removeAfterStore;
        } finally {
            lock.unlock();
            stored.complete(null);
        }
    }

    /**
     * The key is being changed: what this load finds is not stored. Returns whether it is being stored already, and then
     * {@link #stored()} must be awaited, since two connections keep no order.
     */
    boolean invalidate() {
        lock.lock();
        try {
            invalidated = true;
            return phase == Phase.STORING;
        } finally {
            lock.unlock();
        }
    }

    /** A tag was removed, which may be one of this load's: it is not for later callers. Whether it is stored is a matter of its own tags. */
    void overtake(String tag) {
        lock.lock();
        try {
            overtaken = true;
            if (phase != Phase.DONE) {
                Set<String> removed = removedTags == null ? new HashSet<>(2) : removedTags;
                removedTags = removed;
                if (removed.size() < MOST_REMOVED_TAGS) {
                    removed.add(tag);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether one of these tags was removed by this client since the load began, or may have been: whatever the store that serves by now knows of that. */
    boolean isOfRemoved(Collection<String> tags) {
        lock.lock();
        try {
            return removedTags != null
                    && !tags.isEmpty()
                    && (removedTags.size() >= MOST_REMOVED_TAGS || !Collections.disjoint(removedTags, tags));
        } finally {
            lock.unlock();
        }
    }

    /** Like {@link #invalidate}, but for as long as it is not known whether the key is changed. */
    boolean doubt() {
        lock.lock();
        try {
            doubts++;
            return phase == Phase.STORING;
        } finally {
            lock.unlock();
        }
    }

    /** A change that was doubtful is known. */
    void settle(boolean changed) {
        lock.lock();
        try {
            doubts--;
            invalidated |= changed;
        } finally {
            lock.unlock();
        }
    }

    boolean isInvalidated() {
        lock.lock();
        try {
            return invalidated;
        } finally {
            lock.unlock();
        }
    }

    /** Completes when the store has ended. */
    CompletableFuture<@Nullable Void> stored() {
        return stored;
    }

    /** Nobody can wait for the store any longer: whoever stores removes the entry afterwards. Returns false if it has ended. */
    boolean removeAfterStore() {
        lock.lock();
        try {
            removeAfterStore = phase == Phase.STORING;
            return removeAfterStore;
        } finally {
            lock.unlock();
        }
    }

    boolean isOver() {
        lock.lock();
        try {
            return phase == Phase.DONE;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether this flight must stay known although another load of its key may begin: its result may still be stored, though its
     * lease ran out or it is not for a refresh, or it is being stored and a change of the key must wait for that.
     */
    boolean mayStillBeStored() {
        lock.lock();
        try {
            return phase == Phase.STORING
                    || (!invalidated && (phase == Phase.LOADED || ((expired || overtaken) && phase == Phase.LOADING)));
        } finally {
            lock.unlock();
        }
    }
}
