package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.internal.OperationMeter;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.ProbeTurn;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.redis.Rotation;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** What a store and its views have in common; its threads start with the first call. */
final class Session {
    private static final long LARGEST_VALUE = 512L << 20;

    final ClusterConfig config;

    /** With what a cluster takes for a value, at most. */
    final RemoteAccess access;

    final LettuceErrors errors;
    final Topology topology;
    final Router router;
    final ClusterTracker tracker;
    final OperationMeter meter = new OperationMeter();
    final CallObservers observers = new CallObservers();
    private final Instant startedAt = Instant.now();

    final PrefixRemoval.Unfinished unfinishedRemovals = new PrefixRemoval.Unfinished();

    final SparedKeys spared;

    /** Whether the last call failed. */
    volatile boolean failed;

    private final Watch watch;

    private final ProbeTurn turn;
    private final Rotation rotation;

    private final ReentrantLock lifecycle = new ReentrantLock();
    private volatile boolean started;
    private volatile boolean closed;
    private final BiFunction<Runnable, String, Thread> threads;
    private @Nullable Thread topologyThread;
    private @Nullable Thread watchThread;

    Session(ClusterConfig config) {
        this(config, IsolatedThreads::thread);
    }

    /**
     * Creates one.
     *
     * @param threads makes a thread, not yet started, of what it runs and its name
     */
    Session(ClusterConfig config, BiFunction<Runnable, String, Thread> threads) {
        this.config = config;
        this.threads = threads;
        this.access = config.access().withMaxValueBytes(Math.min(LARGEST_VALUE, config.maxValueBytes()));
        this.turn = new ProbeTurn(config.toString());
        this.errors = new LettuceErrors(config);
        this.spared = new SparedKeys(config.keyPrefix(), LoggerFactory.getLogger(ClusterStore.class)::warn);
        Login login = new Login(config.access());
        Nodes nodes = new Nodes(config, errors, login);
        this.topology = new Topology(config, errors, nodes);
        this.watch = new Watch(topology, config);
        this.tracker = new ClusterTracker(config, topology);
        this.router = new Router(config, topology, watch, errors, observers);
        this.rotation = new Rotation(
                login,
                words -> {
                    tracker.authenticate(words);
                    nodes.authenticate(words);
                },
                "holdfast-cluster-credentials");
    }

    /** Refuses what is done after the end, and starts nothing. */
    void requireNotClosed() {
        if (closed) {
            throw errors.closed();
        }
    }

    void requireOpen() {
        requireNotClosed();
        if (!started) {
            start();
        }
    }

    private void start() {
        lifecycle.lock();
        try {
            if (!started && !closed) {
                // Each for itself: if the second can't be had, the next call must not start another of the first.
                topologyThread = topologyThread == null ? daemon(topology.refresh(), "topology") : topologyThread;
                watchThread = watchThread == null ? daemon(watch, "watch") : watchThread;
                rotation.start();
                started = true;
            }
        } finally {
            lifecycle.unlock();
        }
    }

    private Thread daemon(Runnable work, String name) {
        Thread thread = threads.apply(work, "holdfast-cluster-" + name);
        thread.start();
        return thread;
    }

    /** Probes every master, all at once; it takes more than half of the slots to be missing to fail. */
    ProbeResult probe(Duration timeout) {
        return turn.probe(timeout, this::probeUntil);
    }

    private ProbeResult probeUntil(long until) {
        List<Node> masters = topology.knownToProbe(until).masters();
        long now = System.nanoTime();
        List<@Nullable Probe> probes = new ArrayList<>();
        boolean followsAll = true;
        for (Node master : masters) {
            if (isBelieved(master, now)) {
                probes.add(null);
            } else {
                Probe probe = master.prober().probe();
                // One that was under way may have written its canary before the last change.
                followsAll &= probe.startNanos() - now >= 0 || !master.isWritten();
                CompletableFuture<Void> unused = probe.finding().thenAccept(found -> watch.judge(master, probe, found));
                probes.add(probe);
            }
        }
        watch.wake();
        int served = 0;
        boolean writable = true;
        CacheUnavailableException failure = null;
        for (int i = 0; i < masters.size(); i++) {
            Node master = masters.get(i);
            Probe probe = probes.get(i);
            Finding finding = probe == null ? Finding.well(master.prober().mayWrite()) : await(probe, master, until);
            Throwable why = finding.failure();
            // What was changed where a master is out is told by itself.
            followsAll &= why == null
                    ? finding.followed()
                    : !master.isUp() && topology.outages().isHeard();
            if (why == null) {
                served += master.role().slots().cardinality();
                writable &= finding.writable();
            } else if (failure == null) {
                failure = finding.conclusive() ? errors.out(master, why, () -> false) : errors.disconnected(why, false);
            }
        }
        if (2 * served < Slots.COUNT) {
            throw failure == null ? errors.unservedMostly(served) : failure;
        }
        return new ProbeResult(writable, topology.outages().takeLoss(), followsAll);
    }

    /**
     * Whether the answers that calls got of late are proof enough that it serves: nothing went wrong, nobody waits, and what was written
     * there was followed by a canary.
     */
    private boolean isBelieved(Node node, long now) {
        return node.isFit()
                && !node.isUncompared()
                && !node.isWritten()
                && node.prober().running() == null
                && !node.isDoubted()
                && !watch.isWaitedFor(node)
                && node.pool().spokeSince(now - config.healthCheckInterval().toNanos());
    }

    private Finding await(Probe probe, Node node, long until) {
        try {
            long left = Math.max(0, until - System.nanoTime());
            try {
                return probe.finding().get(left / 2, TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                probe.tryFresh();
            }
            return probe.finding().get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            // Nothing is known yet: the watch ends a probe that takes too long, and knows whether it is this process
            // that is slow.
            return Finding.inconclusive(new TimeoutException("no answer to a probe yet"));
        } catch (ExecutionException e) {
            throw new CacheUnavailableException(
                    "probing " + node + " went wrong", e.getCause(), Reason.CONNECTION, false);
        }
    }

    void disconnect(Throwable cause) {
        if (closed) {
            return;
        }
        tracker.disconnect(cause);
        topology.disconnect(cause);
    }

    StoreHealth health() {
        SlotMap map = topology.map();
        boolean reached = map != SlotMap.UNKNOWN;
        HealthState unreached = failed ? HealthState.DOWN : HealthState.UNKNOWN;
        // Of a cluster that never answered the configured nodes are known, and no more.
        List<NodeHealth> nodes = reached
                ? map.nodes().stream().map(Node::health).toList()
                : config.nodes().stream()
                        .map(node -> new NodeHealth(node, "unknown", unreached, 0, null, PoolHealth.NONE, 0))
                        .toList();
        return StoreHealth.of("redis-cluster", true, startedAt)
                .withState(reached ? map.served() == Slots.COUNT ? HealthState.UP : HealthState.DOWN : unreached)
                .withReadYourWrites(config.readFrom() == ReadFrom.MASTER)
                .withOperations(meter.snapshot())
                .withPool(nodes.stream().map(NodeHealth::pool).reduce(PoolHealth.NONE, Session::together))
                .withNodes(nodes)
                .withMemory(fullest(map));
    }

    /** Of the masters that say so the one that is fullest. */
    private static @Nullable MemoryUse fullest(SlotMap map) {
        MemoryUse fullest = null;
        for (Node node : map.nodes()) {
            MemoryUse use = node.memory();
            fullest = use != null && (fullest == null || use.percent() > fullest.percent()) ? use : fullest;
        }
        return fullest;
    }

    private static PoolHealth together(PoolHealth one, PoolHealth other) {
        return new PoolHealth(
                one.max() + other.max(),
                one.total() + other.total(),
                one.active() + other.active(),
                one.waiting() + other.waiting(),
                one.exhausted() + other.exhausted(),
                one.failedDials() + other.failedDials());
    }

    /** Ends everything and waits for its threads, two seconds at most each. */
    void close() {
        lifecycle.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            tracker.close();
            watch.close();
            rotation.close();
            topology.close(new CloseReason(CloseReason.Kind.DISCONNECTED, errors.closed()));
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
