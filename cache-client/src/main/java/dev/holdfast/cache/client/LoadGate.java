package dev.holdfast.cache.client;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the loads that run at once, in the order of their coming. A loader that loads another key of its cache, or waits for a load
 * that has no place yet, would wait for places that only it and its like can free: such a load needs none.
 *
 * <p>A load whose lease ran out gives its place back, yet its thread stays where the loader ignores its interrupt. There are at most
 * {@link #MOST_STUCK} times as many threads of ours in such loaders as there are places; beyond it a place is free when one ends.
 */
final class LoadGate {
    private static final int MOST_STUCK = 2;

    private final ReentrantLock lock = new ReentrantLock();
    /** In the order of their coming; each leaves in constant time. */
    private final Set<Place> queue = new LinkedHashSet<>();
    /** Threads that run a loader, or a call for one. */
    private final MarkedThreads holders = new MarkedThreads();

    private final int size;
    private int running;
    /** Threads of ours in loaders whose lease ran out. */
    private int stuck;

    LoadGate(int size) {
        this.size = size;
    }

    /** Takes a place or a place in the queue. To be left in any case. */
    Place enter() {
        Place place = new Place();
        boolean nested = isHeldHere();
        lock.lock();
        try {
            if (nested) {
                place.state = State.BESIDE;
            } else if (hasRoom()) {
                running++;
                place.state = State.RUNNING;
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

    private boolean hasRoom() {
        return running < size && running + stuck < (1 + MOST_STUCK) * size;
    }

    /** Whether the calling thread runs a loader of this cache, or acts for one that waits for it. */
    boolean isHeldHere() {
        return holders.isHere();
    }

    /** Runs a loader, or a call that one waits for: the loads that it begins need no place. */
    <T extends @Nullable Object, E extends Exception> T holding(MarkedThreads.Call<T, E> call) throws E {
        return holders.holding(call);
    }

    int running() {
        lock.lock();
        try {
            return running;
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

    /** Gives what a place takes back, and what is free then to the next. */
    private void change(Place place, State then) {
        Place next;
        lock.lock();
        try {
            if (place.state == State.LEFT) {
                return;
            }
            switch (place.state) {
                case WAITING -> queue.remove(place);
                case RUNNING -> running--;
                case STUCK -> stuck--;
                default -> {}
            }
            // Whose lease ran out while it waited has no thread.
            boolean runsOn = then == State.STUCK && place.state != State.WAITING;
            place.state = runsOn ? State.STUCK : State.LEFT;
            stuck += runsOn ? 1 : 0;
            next = next();
        } finally {
            lock.unlock();
        }
        if (next != null) {
            next.granted.complete(null);
        }
    }

    private @Nullable Place next() {
        if (queue.isEmpty() || !hasRoom()) {
            return null;
        }
        Place next = queue.iterator().next();
        queue.remove(next);
        running++;
        next.state = State.RUNNING;
        return next;
    }

    private enum State {
        WAITING,
        /** It is one of those that there are so many of. */
        RUNNING,
        /** It needs none. */
        BESIDE,
        /** Its lease ran out, and a thread of ours is still in its loader. */
        STUCK,
        LEFT
    }

    /** One load's place. */
    final class Place {
        private final CompletableFuture<@Nullable Void> granted = new CompletableFuture<>();
        /** Guarded by the gate's lock. */
        private State state = State.WAITING;

        /** Completes when the load may run. What is chained to it runs on the thread that leaves a place, and throws nothing. */
        CompletableFuture<@Nullable Void> granted() {
            return granted;
        }

        /** Lets the load run now, beyond the bound if need be. */
        void grantAtOnce() {
            lock.lock();
            try {
                if (queue.remove(this)) {
                    state = State.BESIDE;
                }
            } finally {
                lock.unlock();
            }
            granted.complete(null);
        }

        /** Gives the place to others, though a thread of ours runs on until {@link #leave}. */
        void overdue() {
            change(this, State.STUCK);
        }

        /** Gives the place, or the wait for it, up. Idempotent. */
        void leave() {
            change(this, State.LEFT);
        }
    }
}
