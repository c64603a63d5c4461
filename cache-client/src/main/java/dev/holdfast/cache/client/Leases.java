package dev.holdfast.cache.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends runs whose lease has run out, by a tick that goes only while loads run: a timer per load would cost more than many
 * loads do.
 */
final class Leases {
    static final long TICK_MILLIS = 50;
    private static final Logger LOG = LoggerFactory.getLogger(Leases.class);

    private final Set<LoadRun> runs = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean ticking = new AtomicBoolean();
    private final ScheduledExecutorService timer;
    private final LongSupplier nanoTime;

    Leases(ScheduledExecutorService timer, LongSupplier nanoTime) {
        this.timer = timer;
        this.nanoTime = nanoTime;
    }

    void add(LoadRun run) {
        runs.add(run);
        if (!ticking.get() && ticking.compareAndSet(false, true)) {
            scheduleTick();
        }
    }

    void remove(LoadRun run) {
        runs.remove(run);
    }

    /** Ends every run in the background now. */
    void expireAside() {
        for (LoadRun run : runs) {
            if (!run.servesItsOwnThread()) {
                expire(run);
            }
        }
    }

    private void scheduleTick() {
        try {
            Future<?> unused = timer.schedule(this::tick, TICK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // Closed meanwhile: what still runs ends without a lease.
            ticking.set(false);
        }
    }

    private void tick() {
        long now = nanoTime.getAsLong();
        for (LoadRun run : runs) {
            if (run.isOverdue(now)) {
                expire(run);
            }
        }
        ticking.set(false);
        if (!runs.isEmpty() && ticking.compareAndSet(false, true)) {
            scheduleTick();
        }
    }

    private void expire(LoadRun run) {
        runs.remove(run);
        try {
            run.expire();
        } catch (RuntimeException e) {
            LOG.error("ending an overdue load failed; other loads are not harmed", e);
        }
    }
}
