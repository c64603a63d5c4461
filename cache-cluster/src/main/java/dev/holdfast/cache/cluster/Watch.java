package dev.holdfast.cache.cluster;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices nodes that stopped answering. Its thread ticks every 50 ms while there are calls; a node on which a call has been
 * waiting for four ticks is suspect and is probed; one that fails its probe is taken out of service until it passes one. It never
 * waits for a node. Without calls it sleeps until the next health check.
 */
final class Watch implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int SUSPECT_TICKS = 4;
    private static final int IDLE_TICKS = 40;
    private static final long SUSPECT_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.SECONDS.toNanos(1);

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
            LockSupport.unpark(thread);
        }
    }

    void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread only
    public void run() {
        thread = Thread.currentThread();
        int quiet = 0;
        while (!closed) {
            boolean busy = look(System.nanoTime());
            quiet = called || busy ? 0 : quiet + 1;
            called = false;
            asleep = quiet > IDLE_TICKS;
            // A call that began before that has not woken us.
            long sleep = asleep && !called ? LONGEST_SLEEP_NANOS : TICK_NANOS;
            long before = System.nanoTime();
            LockSupport.parkNanos(this, sleep);
            long after = System.nanoTime();
            if (after - before > sleep + LATE_NANOS) {
                lostNanos += after - before - sleep - LATE_NANOS;
                lenientUntil = after + 4 * TICK_NANOS;
            }
            if (after - before >= TICK_NANOS / 2) {
                tick = tick + 1;
            }
        }
    }

    private boolean look(long now) {
        boolean busy = false;
        for (Node node : topology.nodes()) {
            try {
                busy |= look(node, now);
            } catch (RuntimeException e) {
                LOG.warn("Redis cluster node {}: watching it went wrong", node, e);
            }
        }
        return busy;
    }

    /** Whether it is worth looking again soon. */
    private boolean look(Node node, long now) {
        Prober prober = node.prober();
        Prober.Probe probe = prober.running();
        if (probe != null) {
            if (prober.isOverdue(probe, now, lostNanos, now - lenientUntil < 0)) {
                prober.timeOut(probe);
            }
            return true;
        }
        long rest = now - prober.lastEndNanos();
        boolean stuck =
                node.isUp() && rest > SUSPECT_GAP_NANOS && node.inFlight().isOlderThan(SUSPECT_TICKS, tick);
        if (stuck || rest > (node.isUp() ? healthCheckNanos : RETRY_NANOS)) {
            begin(node);
        }
        return stuck || !node.isUp();
    }

    private void begin(Node node) {
        CompletableFuture<Void> unused = node.prober().probe().thenAccept(finding -> judge(node, finding));
    }

    /** Takes a node out of service, or back. */
    void judge(Node node, Prober.Finding finding) {
        if (!finding.conclusive()) {
            return;
        }
        Throwable failure = finding.failure();
        if (finding.alive() && !node.isUp()) {
            node.up();
            LOG.info("Redis cluster node {} answers again", node);
        } else if (!finding.alive() && failure != null && node.isUp()) {
            node.out(failure);
            LOG.warn(
                    "Redis cluster node {} does not answer its probe; calls for its slots fail until it does, or until"
                            + " another node has them: {}",
                    node,
                    LettuceErrors.messageOf(failure));
        }
        if (failure != null || !finding.alive()) {
            topology.refreshSoon();
        }
    }
}
