package dev.holdfast.cache.upstash;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * Whether there is somebody to be spared by those whose requests break connections: others were answered a moment ago, or would be if they were sent. While
 * connections are replaced at a pace, it may be the breaking ones alone that keep the others from being sent; so where others wait and nobody was
 * answered, the database is asked. Thread-safe.
 */
final class Spared {
    private static final long TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** For how long an answer to the question says something. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Requests rest;
    private final BooleanSupplier othersWait;
    private final AtomicBoolean asking = new AtomicBoolean();
    private volatile long askedAt = System.nanoTime() - FRESH_NANOS;
    private volatile boolean answered;

    Spared(Requests rest, BooleanSupplier othersWait) {
        this.rest = rest;
        this.othersWait = othersWait;
    }

    /**
     * True too while the question is under way that another caller asks.
     *
     * @param deadline of whoever asks: with less time than the question may take, what is known stands
     */
    boolean isAnybody(long deadline) {
        if (rest.answersOthers()) {
            return true;
        }
        if (!othersWait.getAsBoolean()) {
            return false;
        }
        long now = System.nanoTime();
        if (now - askedAt >= FRESH_NANOS && deadline - now >= TIMEOUT_NANOS && asking.compareAndSet(false, true)) {
            try {
                answered = rest.answersQuestion(TIMEOUT_NANOS);
                askedAt = System.nanoTime();
            } finally {
                asking.set(false);
            }
        }
        return answered || asking.get();
    }
}
