package dev.holdfast.cache.cluster;

import dev.holdfast.cache.cluster.Canaries.Canary;
import io.lettuce.core.protocol.AsyncCommand;
import io.netty.channel.EventLoop;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Probes one node on its control connection, never twice at a time, without a thread of its own: a master by its canary, which
 * is read, overwritten with the next number and read back in one round trip; others, and where the canary may not be written,
 * by PING.
 */
final class Prober {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final long SHORTEST_TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long LONGEST_OPENING_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long LOOP_GRACE_MILLIS = 50;
    private static final int BUSY_FACTOR = 5;

    private final Node node;
    private final Canaries canaries;
    private final ClusterConfig config;
    private final AtomicReference<@Nullable Probe> running = new AtomicReference<>();
    private final long[] latencies = new long[5];
    private int latencyCount;

    /** When the probe began that the watch is waiting for, and what the watch had lost when it first looked; of its thread. */
    private long watchedStart;

    private long lostBefore;

    private volatile int failures;
    private volatile @Nullable Instant lastCheck;
    private volatile long lastLatencyNanos = Long.MAX_VALUE;
    private volatile long medianNanos;
    private volatile long lastEndNanos;
    private volatile boolean readOnlyUser;

    Prober(Node node, Canaries canaries, ClusterConfig config) {
        this.node = node;
        this.canaries = canaries;
        this.config = config;
        this.lastEndNanos = System.nanoTime();
    }

    /**
     * What a probe found.
     *
     * @param alive whether the node answered at all
     * @param failure why it does not serve; {@code null} if it does
     * @param writable whether its canary was written
     * @param wentBack whether its canary had been lost or was older than it had to be
     * @param conclusive whether it says anything about the node: not if we closed the connection ourselves
     */
    record Finding(boolean alive, @Nullable Throwable failure, boolean writable, boolean wentBack, boolean conclusive) {
        static Finding well(boolean writable, boolean wentBack) {
            return new Finding(true, null, writable, wentBack, true);
        }

        static Finding ill(boolean alive, Throwable failure) {
            return new Finding(alive, failure, false, false, true);
        }
    }

    /**
     * A probe under way.
     *
     * @param repeated whether it is the second attempt, on a new connection
     * @param overdue whether it has been noticed to take too long
     */
    record Probe(
            long startNanos, Link link, CompletableFuture<Finding> finding, boolean repeated, AtomicBoolean overdue) {}

    /** Probes failed in a row. */
    int failures() {
        return failures;
    }

    @Nullable
    Instant lastCheck() {
        return lastCheck;
    }

    /** How long the last probe took; very long if there was none. */
    long lastLatencyNanos() {
        return lastLatencyNanos;
    }

    /** How long the last few probes took, as a rule; 0 if there was none. */
    long medianNanos() {
        return medianNanos;
    }

    /** When the last probe ended, or this was created. */
    long lastEndNanos() {
        return lastEndNanos;
    }

    /** The probe under way; {@code null} if there is none. */
    @Nullable
    Probe running() {
        return running.get();
    }

    /**
     * Whether a probe takes too long. Opening a connection counts by itself, and generously: it is slow for reasons that have nothing
     * to do with the node's state. To be called by one thread.
     *
     * @param lostNanos for how long that thread was kept from running since it exists; such time does not count
     * @param busy whether it has just been kept from running; then the node may be as well, and is given longer
     */
    boolean isOverdue(Probe probe, long now, long lostNanos, boolean busy) {
        if (probe.startNanos() != watchedStart) {
            watchedStart = probe.startNanos();
            lostBefore = lostNanos;
        }
        return takesTooLong(probe, now - (lostNanos - lostBefore), busy ? BUSY_FACTOR : 1);
    }

    private boolean takesTooLong(Probe probe, long now, int factor) {
        if (!probe.link().isOpen()) {
            return now - probe.startNanos() > Math.min(config.connectTimeout().toNanos(), LONGEST_OPENING_NANOS);
        }
        long sinceOpened = now - probe.link().openedAt();
        long sinceStart = now - probe.startNanos();
        return Math.min(sinceOpened, sinceStart) > factor * Math.max(SHORTEST_TIMEOUT_NANOS, 4 * medianNanos);
    }

    /** Begins a probe, or joins the one under way. The result never fails. */
    CompletableFuture<Finding> probe() {
        Probe probe =
                new Probe(System.nanoTime(), node.control(), new CompletableFuture<>(), false, new AtomicBoolean());
        Probe other = running.compareAndExchange(null, probe);
        if (other != null) {
            return other.finding();
        }
        begin(probe);
        return probe.finding();
    }

    private void begin(Probe probe) {
        try {
            ask(probe);
        } catch (RuntimeException e) {
            end(probe, Finding.ill(false, e));
        }
    }

    /**
     * Ends a probe that took too long, unless its answer is there by now and our own event loop, busy with something large, has
     * not come to read it: it gets the time to.
     */
    void timeOut(Probe probe) {
        if (!probe.overdue().compareAndSet(false, true)) {
            return;
        }
        Runnable verdict = () -> end(probe, Finding.ill(false, new TimeoutException("no answer to a probe")));
        NodeClient.Wire open = probe.link().opened().isCompletedExceptionally()
                ? null
                : probe.link().opened().getNow(null);
        if (open == null) {
            verdict.run();
            return;
        }
        try {
            EventLoop loop = open.channel().eventLoop();
            loop.execute(() -> {
                Future<?> unused = loop.schedule(verdict, LOOP_GRACE_MILLIS, TimeUnit.MILLISECONDS);
            });
        } catch (RejectedExecutionException e) {
            verdict.run();
        }
    }

    private void ask(Probe probe) {
        Canary canary = node.role().master() && !readOnlyUser
                ? canaries.among(node.role().slots())
                : null;
        if (canary == null) {
            AsyncCommand<byte[], byte[], String> ping = Requests.PING.command();
            probe.link().send(ping);
            CompletableFuture<?> unused =
                    ping.toCompletableFuture().whenComplete((pong, failure) -> end(probe, pinged(failure)));
            return;
        }
        long number = canary.next();
        AsyncCommand<byte[], byte[], byte[]> before = Requests.get(canary.key()).command();
        AsyncCommand<byte[], byte[], String> write = Requests.set(
                        canary.key(), Canary.digits(number), Canaries.LIFE_MILLIS)
                .command();
        AsyncCommand<byte[], byte[], byte[]> after = Requests.get(canary.key()).command();
        probe.link().send(List.of(before, write, after));
        CompletableFuture<?> unused = CompletableFuture.allOf(before, write, after)
                .whenComplete((all, failure) -> end(probe, found(canary, number, before, after, failure)));
    }

    private static Finding pinged(@Nullable Throwable failure) {
        return failure == null ? Finding.well(false, false) : Finding.ill(LettuceErrors.isAnswer(failure), failure);
    }

    private Finding found(
            Canary canary,
            long number,
            AsyncCommand<byte[], byte[], byte[]> before,
            AsyncCommand<byte[], byte[], byte[]> after,
            @Nullable Throwable failure) {
        if (failure == null) {
            byte[] read = after.getNow(null);
            if (Canary.numberIn(read) < number) {
                return Finding.ill(true, new IllegalStateException("it does not return what was just written"));
            }
            return Finding.well(true, canary.acknowledge(number, before.getNow(null)));
        }
        if (LettuceErrors.isNoPermission(failure)) {
            sayReadOnly();
            return Finding.well(false, false);
        }
        boolean answered = LettuceErrors.isAnswer(failure);
        // If the slot has moved, the node is well, and somebody else will have the canary.
        return answered && LettuceErrors.isRedirection(failure)
                ? Finding.well(true, false)
                : Finding.ill(answered, failure);
    }

    private void sayReadOnly() {
        if (!readOnlyUser) {
            readOnlyUser = true;
            LOG.warn(
                    "Redis cluster node {} does not let this user write its canary, so its probes only see whether it"
                            + " answers; to let them see more: ACL SETUSER {} ~{}{}* +get +set",
                    node,
                    config.username() == null ? "default" : config.username(),
                    config.keyPrefix(),
                    Canaries.KEY_PREFIX);
        }
    }

    private void end(Probe probe, Finding finding) {
        if (!finding.alive() && !probe.repeated() && wasClosedByServer(probe, finding)) {
            Probe again = new Probe(probe.startNanos(), node.control(), probe.finding(), true, new AtomicBoolean());
            if (running.compareAndSet(probe, again)) {
                begin(again);
            }
            return;
        }
        if (!running.compareAndSet(probe, null)) {
            return;
        }
        lastEndNanos = System.nanoTime();
        Doom doom = probe.link().doom();
        if (!finding.alive() && doom != null) {
            Throwable cause =
                    doom.cause() == null ? new IllegalStateException("the connection was closed") : doom.cause();
            probe.finding().complete(new Finding(false, cause, false, false, false));
            return;
        }
        if (finding.alive()) {
            note(lastEndNanos - probe.startNanos());
        }
        failures = finding.failure() == null ? 0 : failures + 1;
        lastCheck = Instant.now();
        probe.finding().complete(finding);
    }

    /** That may have happened while nobody used the connection, and says nothing of the server. */
    private static boolean wasClosedByServer(Probe probe, Finding finding) {
        CompletableFuture<NodeClient.Wire> opened = probe.link().opened();
        return probe.link().doom() == null
                && opened.isDone()
                && !opened.isCompletedExceptionally()
                && !(finding.failure() instanceof TimeoutException)
                && !probe.link().isOpen();
    }

    private synchronized void note(long nanos) {
        lastLatencyNanos = nanos;
        latencies[latencyCount++ % latencies.length] = nanos;
        long[] sorted = Arrays.copyOf(latencies, Math.min(latencyCount, latencies.length));
        Arrays.sort(sorted);
        medianNanos = sorted[sorted.length / 2];
    }
}
