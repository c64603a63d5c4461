package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.DeadlineWatch;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells a broken connection from a slow database: when a request has been without a byte for longer than its patience, the
 * database is asked on another connection. If it answers what was sent later, and the request still has nothing a moment after,
 * the request's connection is broken, as those are that a NAT has forgotten. While the database is busy or frozen it answers
 * neither, and nothing is concluded. For any number of threads.
 */
final class Silence {
    /** How much later than the answer to the question an answer may come whose request was sent before it, at the least. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A far database, or one that takes its time, is given as much more as it took for the question. */
    private static final long MAX_GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** When to look again at a request of which nothing was learnt. */
    private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final long QUESTION_NANOS = TimeUnit.SECONDS.toNanos(2);

    /** Asks the database something cheap on a connection other than the calls'. */
    interface Question {
        /**
         * Asks and waits for the answer.
         *
         * @param writes whether something is to be asked that the database treats as a write
         * @return whether it was answered, with anything but an error
         */
        boolean isAnswered(boolean writes, long timeoutNanos);
    }

    private final Collection<RestCall> underWay;
    private final Executor threads;
    private final Question question;
    private final Patience patience = new Patience();
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
    private final AtomicBoolean asking = new AtomicBoolean();
    private final DeadlineWatch<RestCall> watch;

    Silence(Collection<RestCall> underWay, Executor threads, Question question) {
        this.underWay = underWay;
        this.threads = threads;
        this.question = question;
        this.watch = new DeadlineWatch<>(
                underWay, call -> call.listening().silentAt(), (call, since) -> isSilent(call), threads);
    }

    /** Ends it. */
    void stop() {
        watch.stop();
    }

    /** To be called on a request's own thread, before its first byte goes out on a connection. */
    void expect(RestCall call, FramedSocket socket) {
        if (call.isProbe()) {
            return;
        }
        Listening listening = call.listening();
        listening.begin(socket, patience.of(call), System.nanoTime());
        try {
            watch.expect(listening.silentAt());
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // Without a thread for it there is still the call's deadline.
        }
    }

    /** To be called on a request's own thread when its answer has begun. */
    void answered(RestCall call) {
        long sent = call.listening().sentAt();
        if (sent != 0) {
            patience.took(call, System.nanoTime() - sent);
        }
    }

    private void isSilent(RestCall call) {
        call.listening().askAgainAt(System.nanoTime() + AGAIN_NANOS);
        if (!asking.compareAndSet(false, true)) {
            return;
        }
        boolean begun = false;
        try {
            if (backoff.tryBegin(System.nanoTime())) {
                try {
                    threads.execute(this::ask);
                    begun = true;
                } catch (RejectedExecutionException | OutOfMemoryError e) {
                    // No thread, no question: there is still the call's deadline.
                } finally {
                    if (!begun) {
                        backoff.abandoned();
                    }
                }
            }
        } finally {
            if (!begun) {
                asking.set(false);
            }
        }
    }

    private void ask() {
        long start = System.nanoTime();
        boolean answered = false;
        try {
            answered = question.isAnswered(waitsForWrites(start), QUESTION_NANOS);
            if (answered) {
                rest(Math.min(MAX_GRACE_NANOS, Math.max(GRACE_NANOS, System.nanoTime() - start)));
                long now = System.nanoTime();
                List.copyOf(underWay).stream()
                        .filter(call -> call.listening().isSilentSince(start, now))
                        .forEach(call -> call.listening().breakConnection());
            }
        } finally {
            asking.set(false);
            if (answered) {
                backoff.succeeded();
            } else {
                backoff.failed(System.nanoTime());
            }
        }
    }

    /** A database may be quick to read and slow to write, so what waits decides what is asked. */
    private boolean waitsForWrites(long now) {
        return underWay.stream().anyMatch(call -> call.listening().isSilentSince(now, now) && !call.isReadOnly());
    }

    private static void rest(long nanos) {
        long until = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
