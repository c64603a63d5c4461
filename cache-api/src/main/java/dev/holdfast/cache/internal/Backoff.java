package dev.holdfast.cache.internal;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.DoubleSupplier;

/**
 * The pause between attempts at something that keeps failing (a dial, a probe, a question to a server), for implementations of
 * stores: it doubles with each failure up to a limit, differs by up to 25 % either way so that many clients don't come at once,
 * and lets one attempt through at a time. A success ends it.
 *
 * <p>An attempt that says nothing for long has hung, or its end was lost: it no longer keeps others from being made, the second beside it after ten
 * seconds, each further one four times as long after the one before, an hour at most.
 *
 * <pre>{@code
 * if (backoff.tryBegin(System.nanoTime())) {
 *     boolean done = false;
 *     try {
 *         dial();
 *         done = true;
 *     } finally {
 *         if (done) {
 *             backoff.succeeded();
 *         } else {
 *             backoff.failed(System.nanoTime());
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>Thread-safe, without locks.
 */
public final class Backoff {
    private static final double JITTER = 0.25;
    private static final State FRESH = new State(0, 0, 0);

    /** Where something shows that an attempt may be worth while, the pause is no longer than after so many failures. */
    private static final int FEW_FAILURES = 2;

    /** An attempt that says nothing for so long no longer keeps another from being made. */
    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final long LONGEST_SILENCE_NANOS = TimeUnit.HOURS.toNanos(1);

    private final long firstNanos;
    private final long mostNanos;
    private final DoubleSupplier random;
    private final AtomicReference<State> state = new AtomicReference<>(FRESH);

    /** When the latest attempt began; 0 if it has ended. Cleared without allocating. */
    private final AtomicLong begunAt = new AtomicLong();

    /** How many attempts before the latest are under way: they said nothing for so long that others were begun beside them. */
    private final AtomicInteger silent = new AtomicInteger();

    /** One moment: {@code failures} in a row; if there are any, nothing from {@code since} to {@code notBefore}. */
    private record State(int failures, long since, long notBefore) {}

    /**
     * Makes a pause that has not begun.
     *
     * @param first the pause after the first failure, before jitter; positive
     * @param most the longest pause, before jitter; at least {@code first}
     * @throws IllegalArgumentException if {@code first} is not positive or exceeds {@code most}
     */
    public Backoff(Duration first, Duration most) {
        this(first, most, () -> ThreadLocalRandom.current().nextDouble());
    }

    Backoff(Duration first, Duration most, DoubleSupplier random) {
        if (first.isNegative() || first.isZero()) {
            throw new IllegalArgumentException("first must be positive: " + first);
        }
        if (first.compareTo(most) > 0) {
            throw new IllegalArgumentException("first must be at most " + most + ": " + first);
        }
        this.firstNanos = first.toNanos();
        this.mostNanos = most.toNanos();
        this.random = random;
    }

    /**
     * Begins an attempt unless one is under way, and was heard of lately, or the pause lasts. After {@code true} the caller must report
     * {@link #failed}, {@link #succeeded}, {@link #unproven} or {@link #abandoned}, in a {@code finally} block, or others are kept waiting for nothing.
     *
     * @param now by {@link System#nanoTime()}
     */
    public boolean tryBegin(long now) {
        long latest = begunAt.get();
        if ((latest != 0 && now - latest < patienceNanos()) || rests(current(), now)) {
            return false;
        }
        if (!begunAt.compareAndSet(latest, now == 0 ? 1 : now)) {
            return false;
        }
        if (latest != 0) {
            silent.incrementAndGet();
        } else if (rests(current(), now)) {
            // Another began and failed since we looked.
            ended();
            return false;
        }
        return true;
    }

    private long patienceNanos() {
        int beside = Math.min(silent.get(), 8);
        return Math.min(SILENCE_NANOS << (2 * beside), LONGEST_SILENCE_NANOS);
    }

    /**
     * Notes that an attempt is over. Of several that are under way it is taken for the latest: the others may never say anything. So no more are
     * under way than before, whichever it was. Allocates nothing, and throws nothing.
     */
    private void ended() {
        if (begunAt.getAndSet(0) != 0) {
            return;
        }
        for (int others = silent.get(); others > 0; others = silent.get()) {
            if (silent.compareAndSet(others, others - 1)) {
                return;
            }
        }
    }

    /**
     * Says that an attempt failed: the next pause begins. An attempt that began without {@link #tryBegin} may say so too.
     *
     * @param now by {@link System#nanoTime()}
     */
    public void failed(long now) {
        try {
            State seen;
            do {
                seen = current();
            } while (!state.compareAndSet(seen, afterFailure(seen, now)));
        } finally {
            // Not before, or somebody would begin without the pause; whatever was thrown.
            ended();
        }
    }

    // Thirty doublings are enough for any limit, and don't overflow.
    private State afterFailure(State seen, long now) {
        int failures = Math.min(seen.failures + 1, 30);
        return new State(failures, now, now + jittered(pauseNanos(failures)));
    }

    private double pauseNanos(int failures) {
        return Math.min((double) firstNanos * (1L << Math.max(0, failures - 1)), (double) mostNanos);
    }

    private long jittered(double pause) {
        return (long) (pause * (1 + JITTER * (2 * random.getAsDouble() - 1)));
    }

    /** Says that an attempt succeeded: there is no pause any more. */
    public void succeeded() {
        // Without equals: on Java 17 that of a record leaves the record's class loader in a cache of the JDK's.
        if (current().failures != 0) {
            state.set(FRESH);
        }
        if (begunAt.get() != 0 || silent.get() != 0) {
            silent.set(0);
            begunAt.set(0);
        }
    }

    /**
     * Says that an attempt ended well as far as it goes, and that only its use will show whether it was worth anything: the failures before it
     * still count, and the next attempt waits for a pause that is not longer than the one before. Without failures there is none.
     *
     * @param now by {@link System#nanoTime()}
     * @param pause the longest pause, before jitter; positive
     */
    public void unproven(long now, Duration pause) {
        try {
            State seen;
            State next;
            do {
                seen = current();
                double most = Math.min(pauseNanos(seen.failures), (double) pause.toNanos());
                next = seen.failures == 0 ? FRESH : new State(seen.failures, now, now + jittered(most));
            } while (!state.compareAndSet(seen, next));
        } finally {
            ended();
        }
    }

    /**
     * Says that something else shows that an attempt may be worth while: the pause becomes no longer than the one after two failures. The failures
     * still count.
     */
    public void ready() {
        State seen;
        State next;
        do {
            seen = current();
            long few = seen.since + jittered(pauseNanos(Math.min(seen.failures, FEW_FAILURES)));
            if (seen.failures <= FEW_FAILURES || seen.notBefore - few <= 0) {
                return;
            }
            next = new State(seen.failures, seen.since, few);
        } while (!state.compareAndSet(seen, next));
    }

    /** Says that an attempt ended without telling anything, since its caller was interrupted, say: the next may begin at once. */
    public void abandoned() {
        ended();
    }

    /**
     * Returns how long the pause still lasts; zero if there is none.
     *
     * @param now by {@link System#nanoTime()}
     */
    public Duration remaining(long now) {
        State seen = current();
        return rests(seen, now) ? Duration.ofNanos(seen.notBefore - now) : Duration.ZERO;
    }

    /** Returns the failures since the last success, at most 30. */
    public int failures() {
        return current().failures;
    }

    private State current() {
        return Objects.requireNonNull(state.get());
    }

    private static boolean rests(State state, long now) {
        return state.failures > 0 && state.notBefore - now > 0;
    }
}
