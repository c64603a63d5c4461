package dev.holdfast.cache.client;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Keys whose last load failed and for which no other is tried for a while. Bounded: beyond it the oldest pause gives way. */
final class RetryPauses {
    static final int MOST = 10_000;

    private final ConcurrentHashMap<String, Pause> byKey = new ConcurrentHashMap<>();
    /** Every pause that is known by key, and some that have ended; oldest first. */
    private final ConcurrentLinkedQueue<Pause> inOrder = new ConcurrentLinkedQueue<>();

    private final AtomicInteger queued = new AtomicInteger();
    private final LongSupplier nanoTime;

    /** Compared by identity: one that gives way ends no later one of its key. */
    private static final class Pause {
        private final String storeKey;
        private final long untilNanos;

        Pause(String storeKey, long untilNanos) {
            this.storeKey = storeKey;
            this.untilNanos = untilNanos;
        }
    }

    RetryPauses(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Lets the key of a load that has failed rest, where a stale value can stand in, unless it was changed since the load began. */
    void begin(Request<?, ?> request, Flight<?, ?> flight) {
        if (request.last() != null && !flight.isInvalidated()) {
            begin(request.storeKey(), request.policy().retryLoadAfter());
            if (flight.isInvalidated()) {
                end(request.storeKey());
            }
        }
    }

    void begin(String storeKey, Duration duration) {
        if (duration.isZero()) {
            return;
        }
        Pause pause = new Pause(storeKey, nanoTime.getAsLong() + duration.toNanos());
        byKey.put(storeKey, pause);
        inOrder.add(pause);
        if (queued.incrementAndGet() > MOST) {
            Pause oldest = inOrder.poll();
            queued.decrementAndGet();
            end(oldest);
        }
    }

    boolean holds(String storeKey) {
        if (byKey.isEmpty()) {
            return false;
        }
        Pause pause = byKey.get(storeKey);
        if (pause == null) {
            return false;
        }
        if (nanoTime.getAsLong() - pause.untilNanos >= 0) {
            end(pause);
            return false;
        }
        return true;
    }

    void end(String storeKey) {
        if (!byKey.isEmpty()) {
            byKey.remove(storeKey);
        }
    }

    void endAll() {
        byKey.clear();
    }

    /** How many pauses there are at most. */
    int count() {
        return Math.max(byKey.size(), queued.get());
    }

    private void end(@Nullable Pause pause) {
        if (pause != null) {
            byKey.remove(pause.storeKey, pause);
        }
    }
}
