package dev.holdfast.cache.cluster;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices nodes that stopped answering, and connections that did. Its thread ticks every 25 ms while there are calls; a node on which
 * a call has been waiting for seven ticks is suspect and is probed; one that fails its probe is taken out of service until it passes
 * one; of one that passes, the connections that said nothing meanwhile are closed. It never waits for a node. Without calls it
 * sleeps until the next health check, which is due only of nodes that are in use and were not heard of in any other way.
 */
final class Watch implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(25);
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int SUSPECT_TICKS = 6;
    private static final int MANY_FAILURES = 10;
    private static final int IDLE_TICKS = 80;
    private static final long SUSPECT_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LENIENT_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final Topology topology;
    private final long healthCheckNanos;
    private volatile int tick;
    private volatile boolean called;
    private volatile boolean asleep;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    /** For how long this process itself was stopped, or did not come to run this thread: no node is to blame for that. */
    private long lostNanos;

    /** Until then others may have been kept from running too, and a verdict takes longer. */
    private long lenientUntil = System.nanoTime();

    Watch(Topology topology, ClusterConfig config) {
        this.topology = topology;
        this.healthCheckNanos = config.healthCheckInterval().toNanos();
    }

    /** Counts a call; returns what {@link InFlight#exit} is to be given. */
    int enter(Node node) {
        if (!called) {
            called = true;
            if (asleep) {
                LockSupport.unpark(thread);
            }
        }
        int now = tick;
        node.inFlight().enter(now);
        return now;
    }

    /** Has a node probed at once; for any thread. */
    void suspect(Node node) {
        if (node.isUp() && node.prober().running() == null) {
            begin(node);
        }
        wake();
    }

    /** Has the thread look now; for any thread. */
    void wake() {
        called = true;
        LockSupport.unpark(thread);
    }

    void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        int quiet = 0;
        while (!closed) {
            try {
                quiet = turn(quiet);
            } catch (Throwable e) {
                // Whatever it was: nobody else watches.
                say(e);
            }
        }
    }

    private static void say(Throwable e) {
        try {
            LOG.warn("Watching the nodes of a Redis cluster went wrong", e);
        } catch (Throwable alsoThis) {
            // Not even memory to say so.
        }
    }

    /** One look at all nodes, and the sleep after it; returns for how many turns there was nothing to do. */
    private int turn(int quietBefore) {
        boolean busy = look(System.nanoTime());
        int quiet = called || busy ? 0 : quietBefore + 1;
        called = false;
        asleep = quiet > IDLE_TICKS;
        // A call that began before that has not woken us.
        sleep(asleep && !called ? LONGEST_SLEEP_NANOS : TICK_NANOS);
        return quiet;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread only
    private void sleep(long nanos) {
        long before = System.nanoTime();
        LockSupport.parkNanos(this, nanos);
        long after = System.nanoTime();
        if (after - before > nanos + LATE_NANOS) {
            lostNanos += after - before - nanos - LATE_NANOS;
            lenientUntil = after + LENIENT_NANOS;
        }
        if (after - before >= TICK_NANOS / 2) {
            tick = tick + 1;
        }
    }

    private boolean look(long now) {
        boolean busy = false;
        for (Node node : topology.nodes()) {
            try {
                busy |= look(node, now);
            } catch (RuntimeException | Error e) {
                LOG.warn("Redis cluster node {}: watching it went wrong", node, e);
            }
        }
        return busy;
    }

    /** Whether it is worth looking again soon. */
    private boolean look(Node node, long now) {
        Prober prober = node.prober();
        Probe probe = prober.running();
        if (probe != null) {
            boolean lenient = now - lenientUntil < 0;
            if (prober.isOverdue(probe, now, lostNanos, lenient, 1)) {
                prober.timeOut(probe, now, lostNanos);
            } else if (prober.isOverdue(probe, now, lostNanos, false, 2)) {
                probe.tryFresh();
            }
            return true;
        }
        if (!node.isFit()) {
            if (prober.isRested(now)) {
                begin(node);
            }
            return prober.failures() < MANY_FAILURES;
        }
        long rest = now - prober.lastEndNanos();
        boolean stuck = rest > SUSPECT_GAP_NANOS && node.inFlight().isOlderThan(SUSPECT_TICKS, tick);
        if (stuck || (rest > SUSPECT_GAP_NANOS && node.pool().takeLeft())) {
            begin(node);
        } else if (rest > prober.checkAfterNanos() && node.pool().isUsed()) {
            prober.checked(jittered(healthCheckNanos));
            if (node.isWritten() || !node.pool().spokeSince(now - healthCheckNanos)) {
                begin(node);
            }
        }
        return stuck;
    }

    /** Whether a call to it has been waiting for longer than is usual. */
    boolean isWaitedFor(Node node) {
        return node.inFlight().isOlderThan(1, tick);
    }

    private static long jittered(long nanos) {
        return nanos * 3 / 4 + ThreadLocalRandom.current().nextLong(nanos / 2 + 1);
    }

    private void begin(Node node) {
        Probe probe = node.prober().probe();
        CompletableFuture<Void> unused = probe.finding().thenAccept(finding -> judge(node, probe, finding));
    }

    /** Takes a node out of service, or back. */
    void judge(Node node, Probe probe, Finding finding) {
        Throwable failure = finding.failure();
        if (!finding.conclusive()) {
            return;
        }
        if (!finding.alive()) {
            if (node.isUp() && failure != null) {
                node.out(failure);
                LOG.warn(
                        "Redis cluster node {} does not answer its probe; calls for its slots fail until it does, or until"
                                + " another node has them: {}",
                        node,
                        LettuceErrors.messageOf(failure));
                topology.refreshSoon();
            }
            return;
        }
        node.holdsWrites(!finding.answered());
        if (finding.answered()) {
            node.pool().dropSilent(probe.startNanos());
        }
        boolean was = node.isUp();
        boolean serves = failure == null || FailureKind.isOfWritesOnly(failure);
        Prober prober = node.prober();
        if (!was && (!serves || prober.owesComparison())) {
            // It may have come back with older data, which nobody may read before its canary was compared.
            node.stillOut(failure);
            if (failure == null) {
                topology.refreshSoon(); // its canary is somebody else's
            }
            return;
        }
        if (serves && node.role().master() && !prober.owesComparison()) {
            node.compared();
        }
        if (failure == null) {
            node.pool().answersProbes();
            node.well();
        } else {
            node.up();
            node.ill(failure);
        }
        if (!was) {
            LOG.info("Redis cluster node {} answers again", node);
            topology.refreshSoon();
        }
    }
}
