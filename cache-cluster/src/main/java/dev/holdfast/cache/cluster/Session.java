package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.OperationMeter;
import dev.holdfast.cache.ProbeResult;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** What a store and its views have in common; its threads start with the first call. */
final class Session {
    final ClusterConfig config;
    final LettuceErrors errors;
    final Topology topology;
    final Router router;
    final OperationMeter meter = new OperationMeter();
    final Instant startedAt = Instant.now();

    /** Whether the last call failed. */
    volatile boolean failed;

    private final Watch watch;

    /** Held for a whole probe, with bounded waits. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private final ReentrantLock lifecycle = new ReentrantLock();
    private volatile boolean started;
    private volatile boolean closed;
    private @Nullable Thread topologyThread;

    Session(ClusterConfig config) {
        this.config = config;
        this.errors = new LettuceErrors(config);
        this.topology = new Topology(config, errors);
        this.watch = new Watch(topology, config);
        this.router = new Router(config, topology, watch, errors);
    }

    void requireOpen() {
        if (closed) {
            throw errors.closed();
        }
        if (!started) {
            start();
        }
    }

    private void start() {
        lifecycle.lock();
        try {
            if (!started && !closed) {
                topologyThread = daemon(topology, "topology");
                daemon(watch, "watch");
                started = true;
            }
        } finally {
            lifecycle.unlock();
        }
    }

    private static Thread daemon(Runnable work, String name) {
        Thread thread = new Thread(work, "holdfast-cluster-" + name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Probes every master, all at once; it takes more than half of the slots to be missing to fail. */
    ProbeResult probe(Duration timeout) {
        long until = System.nanoTime() + Math.min(timeout.toNanos(), Long.MAX_VALUE / 4);
        try {
            if (!turn.tryLock(until - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                throw new CacheTimeoutException("another probe of " + config + " is still under way", null, false);
            }
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        }
        try {
            return probeUntil(until);
        } finally {
            turn.unlock();
        }
    }

    private ProbeResult probeUntil(long until) {
        List<Node> masters = topology.known(until).masters();
        List<CompletableFuture<Prober.Finding>> findings = new ArrayList<>();
        for (Node master : masters) {
            CompletableFuture<Prober.Finding> finding = master.prober().probe();
            CompletableFuture<Void> unused = finding.thenAccept(found -> watch.judge(master, found));
            findings.add(finding);
        }
        int served = 0;
        boolean writable = true;
        boolean wentBack = false;
        CacheUnavailableException failure = null;
        for (int i = 0; i < masters.size(); i++) {
            Prober.Finding finding = await(findings.get(i), masters.get(i), until);
            Throwable why = finding.failure();
            if (why == null) {
                served += masters.get(i).role().slots().cardinality();
                writable &= finding.writable();
                wentBack |= finding.wentBack();
            } else if (failure == null) {
                failure = finding.conclusive()
                        ? errors.out(masters.get(i), why, () -> false)
                        : errors.disconnected(why, false);
            }
        }
        if (2 * served < Slots.COUNT) {
            throw failure == null ? errors.unservedMostly(served) : failure;
        }
        return new ProbeResult(writable, wentBack);
    }

    private Prober.Finding await(CompletableFuture<Prober.Finding> finding, Node node, long until) {
        try {
            return finding.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            return Prober.Finding.ill(false, new TimeoutException("no answer to a probe"));
        } catch (ExecutionException e) {
            throw new CacheUnavailableException(
                    "probing " + node + " went wrong", e.getCause(), Reason.CONNECTION, false);
        }
    }

    void disconnect(Throwable cause) {
        if (closed) {
            return;
        }
        topology.disconnect(errors.disconnected(cause, false));
        topology.nodes().forEach(node -> node.reset(new Doom(Doom.Kind.DISCONNECTED, cause)));
    }

    /** Ends everything and waits for its threads, two seconds at most each. */
    void close() {
        lifecycle.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            watch.close();
            topology.close(new Doom(Doom.Kind.DISCONNECTED, errors.closed()));
            Thread thread = topologyThread;
            if (thread != null) {
                thread.join(TimeUnit.SECONDS.toMillis(2));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lifecycle.unlock();
        }
    }
}
