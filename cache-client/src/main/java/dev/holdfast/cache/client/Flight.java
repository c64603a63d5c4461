package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
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
 * Its monitor is held for a few instructions, never across I/O or a loader.
 */
final class Flight<K, V> {
    private enum Phase {
        LOADING,
        LOADED,
        STORING,
        DONE
    }

    private final String storeKey;
    /** An earlier load of the same key that may still be stored: its lease ran out, or a change waits for the end of its store. */
    private volatile @Nullable Flight<K, V> previous;

    private final Waiters<K, V> waiters = new Waiters<>();
    private final CompletableFuture<@Nullable Void> stored = new CompletableFuture<>();
    private Phase phase = Phase.LOADING;
    private boolean invalidated;
    /** Changes under way that may turn out to have changed nothing. */
    private int doubts;

    private boolean expired;
    private boolean overtaken;
    /** Tags that were removed since it began; {@code null}: none. */
    private @Nullable RemovedTags removedTags;

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
    private volatile @Nullable LoadRun run;

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
        synchronized (this) {
            if (isEnded()) {
                return false;
            }
            run = newRun;
            now = urgent;
        }
        if (now) {
            newRun.place().grantAtOnce();
        }
        return true;
    }

    /** Whether it needs no run any more: its loader has answered, or its lease has run out. */
    private boolean isEnded() {
        return expired || phase != Phase.LOADING;
    }

    /** Lets the load run without waiting for a place: somebody who holds one waits for it. */
    void hurry() {
        LoadRun waiting;
        synchronized (this) {
            urgent = true;
            waiting = run;
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
    synchronized void storesNothing() {
        storesNothing = true;
    }

    synchronized void refresh() {
        refresh = true;
    }

    synchronized boolean isRefresh() {
        return refresh;
    }

    /** Whether the calling thread runs this load, so that waiting for it would never end. */
    synchronized boolean runsHere() {
        return phase == Phase.LOADING && run != null && run.isOn(Thread.currentThread());
    }

    /**
     * Adds a caller. Returns false if this load is not for later callers: changed meanwhile, out of its lease, or over.
     *
     * @param refreshing whether the caller wants what is found from now on, and that it is stored as a change: then a load that has
     *     ended is not for it either, nor one that stores nothing, unless that is what its own policy says
     */
    boolean join(Waiter<K, V> waiter, boolean refreshing) {
        Outcome<V> known;
        synchronized (this) {
            boolean tooLate = invalidated || expired || overtaken || phase == Phase.DONE;
            if (tooLate || (refreshing && !isForRefresh(waiter.request().policy()))) {
                return false;
            }
            refresh |= refreshing;
            known = outcome;
            if (known == null) {
                waiters.add(waiter);
            }
        }
        return known == null || waiter.complete(known);
    }

    private boolean isForRefresh(CachePolicy policy) {
        return phase == Phase.LOADING && !(storesNothing && policy.storing());
    }

    /**
     * Adds a caller whose load this is: the one that began it, or that was handed it and gave it back. A change of the key does
     * not keep it out. Returns false if the load is over.
     */
    synchronized boolean joinOwn(Waiter<K, V> waiter) {
        return !isEnded() && waiters.add(waiter);
    }

    /** Lets the load go on without anybody waiting for it. */
    synchronized void goOnUnattended() {
        unattended = true;
    }

    /** Tells everyone, unless somebody asked for a refresh: then the load must go on. Returns whether it did. */
    boolean endedUnloaded(Outcome<V> found) {
        synchronized (this) {
            if (refresh) {
                return false;
            }
            decide(found);
        }
        tellAll(found);
        return true;
    }

    /** Tells everyone who is not told yet. The first to call decides what later callers are told. */
    void ended(Outcome<V> result) {
        decide(result);
        tellAll(result);
    }

    /**
     * The loader has answered, which is told to everyone before it is stored, unless somebody asked for a refresh: that is a change, and whoever was told of
     * it must not read afterwards what was there before. They are told by {@link #ended}.
     */
    void loaded(Outcome<V> result) {
        if (!decide(result)) {
            tellAll(result);
        }
    }

    /** Returns whether anybody asked for a refresh. */
    private synchronized boolean decide(Outcome<V> result) {
        if (outcome == null) {
            outcome = result;
        }
        if (phase == Phase.LOADING) {
            phase = Phase.LOADED;
        }
        run = null;
        return refresh;
    }

    /** The lease ran out. Returns false if the load had ended before. */
    boolean expire(Outcome<V> result) {
        synchronized (this) {
            if (isEnded()) {
                return false;
            }
            expired = true;
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

    private synchronized @Nullable Waiter<K, V> poll() {
        return waiters.poll();
    }

    /** Whoever ran the load on its own thread was interrupted; the next who waits takes it over. */
    synchronized Succession handOver() {
        run = null;
        return isEnded() ? Succession.GOES_ON : succession();
    }

    private Succession succession() {
        Succession found = waiters.handOver(unattended);
        if (found == Succession.OVER) {
            phase = Phase.DONE;
        }
        return found;
    }

    /** Whoever waits first, and whose loader is to run in the background. */
    @Nullable
    synchronized Waiter<K, V> next() {
        return waiters.live();
    }

    /** A caller stops waiting. If the load then runs for nobody, it is over, and its run is to be told. */
    synchronized Succession leave(Waiter<K, V> waiter) {
        waiters.remove(waiter);
        if (phase != Phase.LOADING || expired) {
            return Succession.GOES_ON;
        }
        if (waiter.getNow(null) instanceof Outcome.TakeOver) {
            return succession();
        }
        // Without a run, one whom the load was handed to has it in its hands.
        if (waiters.live() != null || unattended || run == null || run.servesItsOwnThread()) {
            return Succession.GOES_ON;
        }
        phase = Phase.DONE;
        return Succession.OVER;
    }

    /** Tells the run, if there is one, that nobody waits for this load. */
    void abandon() {
        LoadRun abandoned = run;
        if (abandoned != null) {
            abandoned.abandon();
        }
    }

    /** Begins to store, unless the key was changed since the load began. */
    synchronized boolean tryStore(boolean changing) {
        if (invalidated || doubts > 0 || changing || phase != Phase.LOADED) {
            return false;
        }
        phase = Phase.STORING;
        return true;
    }

    /** The store has ended, however. Returns whether the entry must be removed again. */
    boolean done() {
        boolean remove;
        synchronized (this) {
            phase = Phase.DONE;
            remove = removeAfterStore;
        }
        stored.complete(null);
        return remove;
    }

    /**
     * The key is being changed: what this load finds is not stored. Returns whether it is being stored already, and then
     * {@link #stored()} must be awaited, since two connections keep no order.
     */
    synchronized boolean invalidate() {
        invalidated = true;
        return phase == Phase.STORING;
    }

    /** A tag was removed, which may be one of this load's: it is not for later callers. Whether it is stored is a matter of its own tags. */
    synchronized void overtake(String tag) {
        overtaken = true;
        if (phase != Phase.DONE) {
            removedTags = RemovedTags.with(removedTags, tag);
        }
    }

    /** Whether one of these tags was removed by this client since the load began, or may have been: whatever the store that serves by now knows of that. */
    synchronized boolean isOfRemoved(Collection<String> tags) {
        return removedTags != null && removedTags.isAnyOf(tags);
    }

    /** Like {@link #invalidate}, but for as long as it is not known whether the key is changed. */
    synchronized boolean doubt() {
        doubts++;
        return phase == Phase.STORING;
    }

    /** A change that was doubtful is known. */
    synchronized void settle(boolean changed) {
        doubts--;
        invalidated |= changed;
    }

    synchronized boolean isInvalidated() {
        return invalidated;
    }

    /** Completes when the store has ended. */
    CompletableFuture<@Nullable Void> stored() {
        return stored;
    }

    /** Nobody can wait for the store any longer: whoever stores removes the entry afterwards. Returns false if it has ended. */
    synchronized boolean removeAfterStore() {
        removeAfterStore = phase == Phase.STORING;
        return removeAfterStore;
    }

    synchronized boolean isOver() {
        return phase == Phase.DONE;
    }

    /**
     * Whether this flight must stay known although another load of its key may begin: its result may still be stored, though its
     * lease ran out or it is not for a refresh, or it is being stored and a change of the key must wait for that.
     */
    synchronized boolean mayStillBeStored() {
        return phase == Phase.STORING
                || (!invalidated && (phase == Phase.LOADED || ((expired || overtaken) && phase == Phase.LOADING)));
    }
}
