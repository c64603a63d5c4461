package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.Backoff;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The manners of dialling: after a failure one dial at a time, after a pause that grows with each. Whoever needs a connection
 * meanwhile waits for the end of a short pause, and is told the last reason if it is a long one. Connections that break under their first
 * request, many in a row while no call is answered, count like failed dials; but not those that a request broke which is suspected to break them, see {@link Suspects}. Probes have
 * a pace of their own and are let through. For any number of threads.
 */
final class Dials {
    /** The longest that a call waits for its turn. */
    private static final Duration PATIENCE = Duration.ofMillis(500);

    /** So many connections in a row may break under their first request: one request that breaks every connection is not more. */
    private static final int MOST_USELESS = 8;

    /** A connection that was made after such is not followed by another for so long, unless it answers. */
    private static final Duration UNPROVEN = Duration.ofMillis(100);

    /** While calls were answered of late, connections that break say something about themselves, or about requests. */
    private static final long LATELY_NANOS = Duration.ofSeconds(1).toNanos();

    private static final long POLL_NANOS = Duration.ofMillis(10).toNanos();

    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));
    private final LongAdder failed = new LongAdder();
    private final Supplier<@Nullable RestCall> current;
    private final AtomicInteger useless = new AtomicInteger();
    private volatile long answeredAt = System.nanoTime() - LATELY_NANOS;
    private volatile String reason = "";

    /** Makes one that finds the call for which the calling thread dials. */
    Dials(Supplier<@Nullable RestCall> current) {
        this.current = current;
    }

    /** How many calls got no connection, or none that was of use, since the start. */
    long failed() {
        return failed.sum();
    }

    /** Returns when the calling thread's call may dial; once admitted, it may try every address. */
    void admit() throws IOException {
        RestCall call = current.get();
        if (call == null || call.isAdmitted()) {
            return;
        }
        long patience = System.nanoTime() + PATIENCE.toNanos();
        while (!call.isProbe() && backoff.failures() > 0) {
            long now = System.nanoTime();
            if (backoff.tryBegin(now)) {
                call.admitted(true);
                return;
            }
            long pause = Math.max(POLL_NANOS, backoff.remaining(now).toNanos());
            if (now + pause - patience > 0) {
                throw new ConnectException("no new connection was tried for another "
                        + Duration.ofNanos(pause).toMillis() + " ms, since the last " + backoff.failures()
                        + " failed: " + reason);
            }
            LockSupport.parkNanos(this, pause);
            if (Thread.currentThread().isInterrupted() || call.isCancelled()) {
                throw new InterruptedIOException("ended while it waited to connect");
            }
        }
        call.admitted(false);
    }

    /** A connection was made. */
    void succeeded(RestCall call) {
        call.connected();
        if (!areUseless(useless.get())) {
            backoff.succeeded();
        } else {
            backoff.unproven(System.nanoTime(), UNPROVEN);
        }
    }

    /** A call was answered, on whichever connection. */
    void answered(RestCall call) {
        call.answered();
        if (!call.isProbe()) {
            answeredAt = System.nanoTime();
        }
        if (useless.get() != 0) {
            useless.set(0);
            backoff.succeeded();
        }
    }

    /** A call's connection broke before it was answered. */
    void broke(RestCall call, IOException why) {
        if (call.isConnected() && !call.isSuspect()) {
            call.dialFailed(why);
        }
    }

    private boolean areUseless(int inARow) {
        return inARow >= MOST_USELESS && System.nanoTime() - answeredAt >= LATELY_NANOS;
    }

    /** To be called when a call has ended, however it did. */
    void ended(RestCall call) {
        IOException failure = call.dialFailure();
        // Who was not admitted has not dialled.
        boolean tells = call.isAdmitted() && !call.isAnswered() && (call.overdue() || !call.isCancelled());
        if (failure != null && tells && (!call.isConnected() || areUseless(useless.incrementAndGet()))) {
            failed.increment();
            reason = UpstashErrors.quoted(String.valueOf(failure.getMessage()));
            backoff.failed(System.nanoTime());
        } else if (call.hasTurn() && !call.isConnected()) {
            backoff.abandoned();
        }
    }
}
