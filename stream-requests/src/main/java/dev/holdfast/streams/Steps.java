package dev.holdfast.streams;

import dev.holdfast.cache.internal.Backoff;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The steps that one run takes with Redis until its deadline: each is repeated while Redis is away, so it must do no harm if it is done
 * twice. What ends the run is thrown. Of the run's thread, but for {@link #isOver}.
 */
final class Steps {
    private static final long LAST_STEP_NANOS = 10_000_000_000L;

    /** A run's end without an answer: the request stays for others. */
    static final class LeftException extends RuntimeException {
        private static final long serialVersionUID = 1;

        LeftException() {
            super(null, null, false, false);
        }
    }

    /** A run's end without an answer: nobody waits for it any more. */
    static final class OverException extends RuntimeException {
        private static final long serialVersionUID = 1;

        OverException(@Nullable Throwable cause) {
            super("the deadline is over", cause, false, false);
        }
    }

    /** A step that Redis refuses, and will refuse again. */
    static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        RefusedException(RuntimeException cause) {
            super(Trouble.shown(cause), cause, false, false);
        }
    }

    private final Worker worker;
    private volatile long deadline = System.nanoTime() + LAST_STEP_NANOS;

    Steps(Worker worker) {
        this.worker = worker;
    }

    /** Sets the deadline, as {@link System#nanoTime} has it. Before, it is that of a last step. */
    void deadline(long nanos) {
        deadline = nanos;
    }

    long deadline() {
        return deadline;
    }

    /** Whether the deadline is over for so long. */
    boolean isOver(long nanos) {
        return deadline + nanos - System.nanoTime() <= 0;
    }

    /** Ends the run if the deadline is over. */
    void requireTime(@Nullable Throwable cause) {
        if (isOver(0)) {
            throw new OverException(cause);
        }
    }

    /** Does a step, again and again while Redis is away, or refuses it before the deadline. */
    <T> @Nullable T take(Supplier<? extends @Nullable T> step) {
        return take(deadline, step);
    }

    /** Does a step that matters when the deadline is over, too. */
    void takeLast(Supplier<? extends @Nullable Object> step) {
        take(Math.max(deadline, System.nanoTime()) + LAST_STEP_NANOS, step);
    }

    private <T> @Nullable T take(long until, Supplier<? extends @Nullable T> step) {
        Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
        while (true) {
            try {
                return step.get();
            } catch (RefusedException e) {
                throw e;
            } catch (RuntimeException e) {
                requirePassing(e, until - System.nanoTime() <= 0);
                backoff.failed(System.nanoTime());
                rest(backoff.remaining(System.nanoTime()).toNanos());
            }
        }
    }

    /** Returns if the step is to be tried again. */
    private void requirePassing(RuntimeException e, boolean late) {
        if (worker.ended()) {
            throw new LeftException();
        }
        if (!Trouble.mayPass(e)) {
            throw new RefusedException(e);
        }
        if (late && Trouble.isRefusal(e)) {
            throw new OverException(e);
        }
        if (late && worker.config().clustered()) {
            // The terminal is for the partitions that are there; this one's request is found when it is back.
            throw new LeftException();
        }
    }

    /** Waits for so long, unless the worker ends meanwhile. */
    void rest(long nanos) {
        long until = System.nanoTime() + nanos;
        while (until - System.nanoTime() > 0) {
            if (worker.ended()) {
                throw new LeftException();
            }
            LockSupport.parkNanos(this, until - System.nanoTime());
            if (Thread.interrupted() && worker.ended()) {
                throw new LeftException();
            }
        }
    }
}
