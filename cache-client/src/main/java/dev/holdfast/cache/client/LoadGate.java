package dev.holdfast.cache.client;

import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Bounds the loads that run at once, in the order of their coming. */
final class LoadGate {
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Place> queue = new ArrayDeque<>();
    private final int size;
    private int free;

    LoadGate(int size) {
        this.size = size;
        this.free = size;
    }

    /** Takes a place or a place in the queue. To be left in any case. */
    Place enter() {
        Place place = new Place();
        lock.lock();
        try {
            if (free > 0) {
                free--;
                place.granted.complete(null);
            } else {
                queue.add(place);
            }
        } finally {
            lock.unlock();
        }
        return place;
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
            if (queue.remove(leaving)) {
                return null;
            }
            Place next = queue.poll();
            if (next == null) {
                free++;
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

        /** Completes when the load may run. */
        CompletableFuture<@Nullable Void> granted() {
            return granted;
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
