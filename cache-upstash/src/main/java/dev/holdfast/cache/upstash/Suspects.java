package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.Backoff;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Requests that broke connections, and those that are like one that did: they take no turn and no connection of others', and wait for each other
 * instead. One goes out at a time, on a connection of its own, after a pause that grows with each that breaks. Thread-safe.
 */
final class Suspects {
    /** How long a command waits for its turn that is like one that was blamed, before it is refused unsent. */
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** For how long one that broke its connection says something of others. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Semaphore turn = new Semaphore(1, true);
    private final Backoff pause = new Backoff(Duration.ofMillis(25), Duration.ofMillis(250));
    private final AtomicLong breaks = new AtomicLong();
    private volatile long brokeAt = System.nanoTime();
    private final Requests rest;
    private final Blame blame;
    private final Spared spared;

    /**
     * Makes one.
     *
     * @param othersWait whether commands wait to be sent that broke no connection alone
     */
    Suspects(Requests rest, Blame blame, BooleanSupplier othersWait) {
        this.rest = rest;
        this.blame = blame;
        this.spared = new Spared(rest, othersWait);
    }

    /** Whether a command is to be sent here: while nobody is answered there is nobody to be spared, and no evidence against it. */
    boolean isOne(Command command, long deadline) {
        return blame.isSuspect(command, System.nanoTime()) && spared.isAnybody(deadline);
    }

    /** Whether the last that was sent here broke its connection, not long ago: what breaks one by itself is likely to blame then. */
    boolean areBreaking() {
        return pause.failures() > 0 && System.nanoTime() - brokeAt < FRESH_NANOS;
    }

    /**
     * Sends a command that was not sent before.
     *
     * @return null if it is to go as others do: it is not suspect any more by the time that it is its turn, or nobody broke a connection while it
     *     waited
     * @throws CacheException if its turn does not come before the deadline, or in half a second if one like it was blamed; nothing was sent then
     */
    @Nullable
    Reply first(Command command, long deadline) {
        boolean judged = blame.isJudged(command, System.nanoTime());
        long now = System.nanoTime();
        long turnUntil = judged ? now + Math.min(deadline - now, PATIENCE_NANOS) : deadline;
        return inTurn(
                command.name(),
                turnUntil,
                deadline,
                () -> isOne(command, deadline),
                left -> alone(command, left),
                () -> {
                    String what = command.name() + " at " + rest.errors().address()
                            + ": not sent, since its turn did not come: "
                            + "requests like it broke connections of late while the database answered others, and are sent one at a time";
                    return judged
                            ? new CacheUnavailableException(
                                    what + "; it has " + command.json().length
                                            + " bytes: does a proxy or the service limit requests or answers to less?",
                                    null,
                                    Reason.SATURATED,
                                    false)
                            : new CacheTimeoutException(what, null, false);
                });
    }

    /**
     * Sends a command again.
     *
     * @return null if it is to go as others do: it is not suspect any more by the time that it is its turn, or nobody broke a connection while it
     *     waited
     * @throws CacheUnavailableException what it failed with before, if its turn does not come before the deadline
     */
    @Nullable
    Reply again(Command command, long deadline, CacheUnavailableException before) {
        return inTurn(
                command.name(),
                deadline,
                deadline,
                () -> spared.isAnybody(deadline),
                left -> alone(command, left),
                () -> before);
    }

    /** As {@link #again}, for commands that go together. */
    @Nullable
    List<Reply> allAgain(List<Command> commands, long deadline, CacheUnavailableException before) {
        return inTurn(
                "pipeline",
                deadline,
                deadline,
                () -> spared.isAnybody(deadline),
                left -> rest.manyAlone(commands, left),
                () -> before);
    }

    private Reply alone(Command command, long timeoutNanos) {
        try {
            return rest.alone(command, timeoutNanos);
        } catch (CacheUnavailableException e) {
            if (Repetitions.isClosed(e)) {
                blame.broke(command, System.nanoTime());
            }
            throw e;
        }
    }

    private <T> @Nullable T inTurn(
            String what,
            long turnUntil,
            long deadline,
            BooleanSupplier isSuspect,
            LongFunction<T> request,
            Supplier<CacheException> tooLate) {
        long seen = breaks.get();
        boolean waited;
        boolean taken;
        try {
            taken = turn.tryAcquire(0, TimeUnit.NANOSECONDS);
            waited = !taken;
            taken = taken || turn.tryAcquire(Math.max(0, turnUntil - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw rest.errors().interrupted(what, e);
        }
        if (!taken) {
            throw tooLate.get();
        }
        try {
            // Those before it broke nothing: nor is this one likely to.
            if (!isSuspect.getAsBoolean() || (waited && breaks.get() == seen)) {
                return null;
            }
            if (!rest(what, turnUntil)) {
                throw tooLate.get();
            }
            return paced(Math.max(1, deadline - System.nanoTime()), request);
        } finally {
            turn.release();
        }
    }

    private <T> T paced(long left, LongFunction<T> request) {
        try {
            T reply = request.apply(left);
            pause.succeeded();
            return reply;
        } catch (CacheUnavailableException e) {
            if (Repetitions.isClosed(e)) {
                brokeAt = System.nanoTime();
                breaks.incrementAndGet();
                pause.failed(System.nanoTime());
            }
            throw e;
        }
    }

    /** Waits for the end of the pause; false if that would be too late. */
    private boolean rest(String what, long latest) {
        long until = System.nanoTime() + pause.remaining(System.nanoTime()).toNanos();
        if (until - latest >= 0) {
            return false;
        }
        for (long now = System.nanoTime(); until - now > 0; now = System.nanoTime()) {
            LockSupport.parkNanos(this, until - now);
            if (Thread.currentThread().isInterrupted()) {
                throw rest.errors().interrupted(what, new InterruptedException());
            }
        }
        return true;
    }
}
