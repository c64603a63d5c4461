package dev.holdfast.cache.redis;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.ProbeResult;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** Lets the probes of one server through one after the other, in their order, and counts those that failed in a row. Thread-safe. */
public final class ProbeTurn {
    private final String server;

    /** Held for a whole probe, with bounded waits for I/O. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private volatile int failures;
    private volatile @Nullable Instant lastProbe;

    /**
     * Creates one.
     *
     * @param server what is probed, as messages name it
     */
    public ProbeTurn(String server) {
        this.server = server;
    }

    /** Returns how many probes failed in a row; those that an interrupt ended count as neither failed nor answered. */
    public int failures() {
        return failures;
    }

    /** Returns when the last probe ended; {@code null} if there was none. */
    public @Nullable Instant lastProbe() {
        return lastProbe;
    }

    /**
     * Probes as soon as no other probe is under way.
     *
     * @param timeout for the wait and the probe
     * @param probe is given until when it has time, by {@link System#nanoTime()}
     * @return what the probe returns
     * @throws CacheInterruptedException if the thread is interrupted while it waits
     * @throws CacheTimeoutException if another probe was under way for all of that time
     */
    public ProbeResult probe(Duration timeout, LongFunction<ProbeResult> probe) {
        long until = System.nanoTime() + Math.min(timeout.toNanos(), Long.MAX_VALUE / 4);
        await(until);
        int after = failures + 1;
        try {
            ProbeResult result = probe.apply(until);
            after = 0;
            return result;
        } catch (CacheInterruptedException e) {
            // It is the prober's thread that was interrupted, which says nothing of the server.
            after = failures;
            throw e;
        } finally {
            failures = after;
            lastProbe = Instant.now();
            turn.unlock();
        }
    }

    private void await(long until) {
        try {
            if (!turn.tryLock(until - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                throw new CacheTimeoutException("another probe of " + server + " is still under way", null, false);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while waiting to probe " + server, e, false);
        }
    }
}
