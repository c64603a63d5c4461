package dev.holdfast.cache.client;

import java.util.ArrayDeque;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the loads that run at once, in the order of their coming. A loader that loads another key of its cache, or waits for a load
 * that has no place yet, would wait for places that only it and its like can free: such a load needs none.
 */
final class LoadGate {
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Place> queue = new ArrayDeque<>();
    /** Threads that run a loader, or a call for one. */
    private final Set<Thread> holders = ConcurrentHashMap.newKeySet();

    private final int size;
    private int free;

    LoadGate(int size) {
        this.size = size;
        this.free = size;
    }

    /** Takes a place or a place in the queue. To be left in any case. */
    Place enter() {
        boolean nested = isHeldHere();
        Place place = new Place();
        if (nested) {
            place.grantAtOnce();
            return place;
        }
        lock.lock();
        try {
            if (free > 0) {
                free--;
                place.counted = true;
            } else {
                queue.add(place);
                return place;
            }
        } finally {
            lock.unlock();
        }
        place.granted.complete(null);
        return place;
    }

    /** Whether the calling thread runs a loader of this cache, or acts for one that waits for it. */
    boolean isHeldHere() {
        return !holders.isEmpty() && holders.contains(Thread.currentThread());
    }

    /** Runs a loader, or a call that one waits for: the loads that it begins need no place. */
    <T extends @Nullable Object, E extends Exception> T holding(Held<T, E> call) throws E {
        Thread thread = Thread.currentThread();
        boolean outermost = holders.add(thread);
        try {
            return call.run();
        } finally {
            if (outermost) {
                holders.remove(thread);
            }
        }
    }

    /** What runs while a place is held. */
    @FunctionalInterface
    interface Held<T extends @Nullable Object, E extends Exception> {
        T run() throws E;
    }

    int running() {
        lock.lock();
        try {
            return size - free;
        } finally {
            lock.unlock();
        }
    }

    int waiting() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Place nextAfter(Place leaving) {
        lock.lock();
        try {
            if (queue.remove(leaving) || !leaving.counted) {
                return null;
            }
            Place next = queue.poll();
            if (next == null) {
                free++;
            } else {
                next.counted = true;
            }
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** One load's place. */
    final class Place {
        private final CompletableFuture<@Nullable Void> granted = new CompletableFuture<>();
        private final AtomicBoolean left = new AtomicBoolean();
        /** Whether it is one of those that there are so many of. Guarded by the gate's lock. */
        private boolean counted;

        /** Completes when the load may run. What is chained to it runs on the thread that leaves a place, and throws nothing. */
        CompletableFuture<@Nullable Void> granted() {
            return granted;
        }

        /** Lets the load run now, beyond the bound if need be. */
        void grantAtOnce() {
            lock.lock();
            try {
                queue.remove(this);
            } finally {
                lock.unlock();
            }
            granted.complete(null);
        }

        /** Gives the place, or the wait for it, up. Idempotent. */
        void leave() {
            if (left.compareAndSet(false, true)) {
                Place next = nextAfter(this);
                if (next != null) {
                    next.granted.complete(null);
                }
            }
        }
    }
}
