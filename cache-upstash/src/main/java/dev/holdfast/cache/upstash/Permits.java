package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.DeadlineWatch;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The permits for requests under way, as many as there are connections. Where a connection broke under a request, its permit is withheld until the
 * connection may be replaced, and callers who have a request of their own leave the others their part. Thread-safe.
 */
final class Permits {
    private final int most;
    private final Semaphore free;
    private final Executor threads;
    private final Runnable whenBack;
    private final Replacements replacements;
    /** Permits that nobody may have yet, since a connection broke under their last request. */
    private final Set<Withheld> withheld = ConcurrentHashMap.newKeySet();

    private final DeadlineWatch<Withheld> watch;
    private final Allotment ownRequests;

    private static final class Withheld {
        /** Whether its last request was one caller's own. */
        final boolean own;

        /** 0 once somebody is about to give it back. */
        volatile long until;

        private final AtomicBoolean taken = new AtomicBoolean();

        Withheld(boolean own, long until) {
            this.own = own;
            this.until = until == 0 ? 1 : until;
        }

        /** True for one only, who is to give it back. */
        boolean isTaken() {
            return taken.compareAndSet(false, true);
        }
    }

    /**
     * Creates those of so many connections.
     *
     * @param threads runs what gives a withheld permit back
     * @param whenBack run then
     */
    Permits(int most, Replacements replacements, Executor threads, Runnable whenBack) {
        this.most = most;
        this.free = new Semaphore(most);
        this.replacements = replacements;
        this.threads = threads;
        this.whenBack = whenBack;
        this.watch =
                new DeadlineWatch<>(withheld, permit -> permit.until, (permit, until) -> handOver(permit), threads);
        this.ownRequests = new Allotment(this::mostOwn);
    }

    /** How many there are. */
    int most() {
        return most;
    }

    /** How many somebody has, or are withheld. */
    int active() {
        return Math.max(0, most - free.availablePermits());
    }

    /** Whether somebody waits for one for a request of its own. */
    boolean isAwaited() {
        return free.hasQueuedThreads();
    }

    /** Takes one for a request that is shared. */
    boolean tryAcquire() {
        return free.tryAcquire();
    }

    /**
     * Takes one for a request of the caller's own.
     *
     * @param until when it has no more time
     * @param whenLeft run if it got none: somebody may have left one to it
     */
    boolean acquireOwn(long until, Runnable whenLeft) throws InterruptedException {
        boolean acquired = false;
        boolean entered = ownRequests.enter(Math.max(0, until - System.nanoTime()));
        try {
            acquired = entered && free.tryAcquire(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } finally {
            if (entered && !acquired) {
                ownRequests.leave();
                whenLeft.run();
            }
        }
        return acquired;
    }

    /** Gives one back under which nothing was sent. */
    void abandon() {
        free.release();
    }

    /** While permits are scarce, half of those that others have not lost. */
    private int mostOwn() {
        if (!isScarce()) {
            return most;
        }
        long lostByOthers = withheld.stream().filter(permit -> !permit.own).count();
        return (int) Math.max(1, (most - lostByOthers) / 2);
    }

    /** Whether half of the permits are withheld: a restart, which breaks each connection once, has one or two withheld for a moment. */
    boolean isScarce() {
        return 2 * withheld.size() >= most;
    }

    /** At once, or if a connection was lost when it may be replaced. Whatever is thrown, the permit is given back once. */
    void giveBack(boolean own) {
        Withheld permit = null;
        try {
            long now = System.nanoTime();
            long pause = replacements.pause(now);
            if (pause > 0) {
                permit = new Withheld(own, now + pause);
                withheld.add(permit);
                watch.expect(permit.until);
                return;
            }
        } catch (RuntimeException | Error e) {
            // For want of memory or of a thread that would give it back in time: the answer that its holder has matters
            // more than the pace.
        }
        if (permit != null) {
            giveBack(permit);
        } else {
            free.release();
            if (own) {
                ownRequests.leave();
            }
        }
    }

    private void giveBack(Withheld permit) {
        if (!permit.isTaken()) {
            return;
        }
        permit.until = 0;
        free.release();
        withheld.remove(permit);
        if (permit.own) {
            ownRequests.leave();
        }
        ownRequests.widened();
    }

    /** For the watch, whose thread sends nothing itself: if no other can be had, it comes again a moment later. */
    private void handOver(Withheld permit) {
        threads.execute(() -> {
            giveBack(permit);
            whenBack.run();
        });
        permit.until = 0;
    }

    /** Withholds none any more. */
    void close() {
        watch.stop();
        withheld.forEach(this::giveBack);
    }
}
