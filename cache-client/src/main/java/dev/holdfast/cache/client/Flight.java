package dev.holdfast.cache.client;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The load of one key: who waits for it, whether it may still be stored, and where it stands.
 *
 * <pre>
 *   LOADING ──loaded──► LOADED ──tryStore──► STORING ──► DONE
 *      │                   └──── invalidated, nothing to store ────► DONE
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
        /** Nobody waits and nobody runs it, but it is to go on. */
        UNATTENDED
    }

    private final String storeKey;
    /** An earlier load of the same key that may still be stored: its lease ran out, or a change waits for the end of its store. */
    private final @Nullable Flight<K, V> previous;

    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Waiter<K, V>> waiters = new ArrayDeque<>(2);
    private final CompletableFuture<@Nullable Void> stored = new CompletableFuture<>();
    private Phase phase = Phase.LOADING;
    private boolean invalidated;
    private boolean expired;
    private boolean removeAfterStore;
    /** Set where the load must go on without anybody waiting: refresh ahead, or a caller that went away with a stale value. */
    private boolean unattended;

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

    /** Hands the load to a run; returns false if it needs none any more. */
    boolean runBy(LoadRun newRun) {
        lock.lock();
        try {
            if (expired || phase != Phase.LOADING) {
                return false;
            }
            run = newRun;
            return true;
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

    /** Adds a caller. Returns false if this load is not for later callers: changed meanwhile, or out of its lease. */
    boolean join(Waiter<K, V> waiter) {
        lock.lock();
        try {
            if (invalidated || expired || (outcome == null && phase == Phase.DONE)) {
                return false;
            }
            if (outcome == null) {
                waiters.add(waiter);
                return true;
            }
            return waiter.complete(outcome);
        } finally {
            lock.unlock();
        }
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

    /** Tells everyone. The first to call decides. */
    void ended(Outcome<V> result) {
        lock.lock();
        try {
            if (outcome == null) {
                outcome = result;
            }
            if (phase == Phase.LOADING) {
                phase = Phase.LOADED;
            }
            run = null;
            tellAll(result);
        } finally {
            lock.unlock();
        }
    }

    /** The lease ran out. Returns false if the load had ended before. */
    boolean expire(Outcome<V> result) {
        lock.lock();
        try {
            if (expired || phase != Phase.LOADING) {
                return false;
            }
            expired = true;
            tellAll(result);
            return true;
        } finally {
            lock.unlock();
        }
    }

    // Completing a waiter under the lock runs no foreign code: sync callers are parked, async ones hop to an executor.
    private void tellAll(Outcome<V> result) {
        for (Waiter<K, V> waiter : waiters) {
            waiter.complete(result);
        }
        waiters.clear();
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
        if (nextTakesOver()) {
            return Succession.GOES_ON;
        }
        if (unattended) {
            return Succession.UNATTENDED;
        }
        phase = Phase.DONE;
        return Succession.OVER;
    }

    private boolean nextTakesOver() {
        for (Waiter<K, V> next = waiters.poll(); next != null; next = waiters.poll()) {
            if (next.complete(new Outcome.TakeOver<>())) {
                return true;
            }
        }
        return false;
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
            if (hasWaiters() || unattended || run == null || run.servesItsOwnThread()) {
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

    private boolean hasWaiters() {
        for (Iterator<Waiter<K, V>> i = waiters.iterator(); i.hasNext(); ) {
            if (i.next().isDone()) {
                i.remove();
            }
        }
        return !waiters.isEmpty();
    }

    /** Begins to store, unless the key was changed since the load began. */
    boolean tryStore(boolean changing) {
        lock.lock();
        try {
            if (invalidated || changing || phase != Phase.LOADED) {
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
     * Whether this flight must stay known although nobody joins it any more and another load of its key may begin: its lease
     * ran out and its result may still be stored, or it is being stored and a change of the key must wait for that.
     */
    boolean isToBeReckonedWith() {
        lock.lock();
        try {
            return phase == Phase.STORING || (expired && !invalidated && phase != Phase.DONE);
        } finally {
            lock.unlock();
        }
    }
}
