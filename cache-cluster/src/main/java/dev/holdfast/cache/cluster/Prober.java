package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.ProbeLimit;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.CanaryLog;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Probes one node, never twice at a time, without a thread of its own. A master on which this client wrote something since the last
 * time gets its canary: the next number is written, and the one before comes back. Others, and those where the canary may not be
 * written, get a PING.
 */
final class Prober {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final long LONGEST_OPENING_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long LOOP_GRACE_MILLIS = 25;
    private static final int BUSY_FACTOR = 5;

    /** After so many failed probes a new master is probed as seldom as any node that does not serve. */
    private static final int MOST_EAGER = 5;

    /** The pause between probes of a new master before that, since calls wait for it. */
    private static final long COMPARISON_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A node does one thing after the other: so much longer it may take for each byte of something large, a second at most. */
    private static final long NANOS_PER_BYTE = 64;

    private static final long LONGEST_LARGE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** So long a user who may not write the canary is taken at his word; then it is tried again. */
    private static final long NO_PERMISSION_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final Node node;
    private final Canaries canaries;
    private final ClusterConfig config;
    private final AtomicReference<@Nullable Probe> running = new AtomicReference<>();

    /** The pause between probes of a node that does not serve. */
    private final Backoff pause = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));

    private final ProbeLimit limit;

    private volatile int failures;
    private volatile @Nullable Instant lastCheck;
    private volatile long lastLatencyNanos = Long.MAX_VALUE;
    private volatile long lastEndNanos;
    private volatile long checkAfterNanos;
    private volatile boolean saidReadOnly;
    private volatile long readOnlyUntil;

    /** Whether the canary was seen since the node was last doubted. */
    private volatile boolean compared;

    Prober(Node node, Canaries canaries, ClusterConfig config) {
        this.node = node;
        this.canaries = canaries;
        this.config = config;
        this.limit = new ProbeLimit(config.minProbeTimeout().toNanos());
        this.lastEndNanos = System.nanoTime();
        this.readOnlyUntil = lastEndNanos;
        this.checkAfterNanos = config.healthCheckInterval().toNanos();
    }

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
        return limit.medianNanos();
    }

    /** When the last probe ended, or this was created. */
    long lastEndNanos() {
        return lastEndNanos;
    }

    /** Whether the pause after failed probes is over. */
    boolean isRested(long now) {
        return pause.failures() == 0
                || pause.remaining(now).isZero()
                // Somebody waits for it who could be served elsewhere as soon as anything is known.
                || (pause.failures() <= MOST_EAGER
                        && node.isUp()
                        && node.isUncompared()
                        && now - lastEndNanos > COMPARISON_PAUSE_NANOS);
    }

    /** After how long without probe the next health check is due. */
    long checkAfterNanos() {
        return checkAfterNanos;
    }

    /** Notes that a health check was due, and when the next will be. */
    void checked(long nextAfterNanos) {
        lastEndNanos = System.nanoTime();
        checkAfterNanos = nextAfterNanos;
    }

    /** Whether this user may write the canary, as far as is known. */
    boolean mayWrite() {
        return System.nanoTime() - readOnlyUntil >= 0;
    }

    /** The probe under way; {@code null} if there is none. */
    @Nullable
    Probe running() {
        return running.get();
    }

    /** Whether what was acknowledged there is still to be compared with what is there now. */
    boolean owesComparison() {
        return !compared && mayWrite() && canaries.isKnown(node.role().slots());
    }

    /** The node may not be what it was: its canary is to be compared. */
    void doubt() {
        compared = false;
    }

    /**
     * Whether a probe takes too long. Opening a connection counts by itself, and generously: it is slow for reasons that have nothing
     * to do with the node's state. To be called by one thread.
     *
     * @param now a moment
     * @param lostNanos for how long that thread was kept from running since it exists; such time does not count
     * @param busy whether it has just been kept from running; then the node may be as well, and is given longer
     * @param part of the time that it has, as a divisor
     */
    boolean isOverdue(Probe probe, long now, long lostNanos, boolean busy, int part) {
        long gone = now - probe.startNanos() - probe.lostSince(lostNanos);
        if (!probe.first().isOpen() && !probe.wasOpen()) {
            return gone > Math.min(config.connectTimeout().toNanos(), LONGEST_OPENING_NANOS);
        }
        boolean lenient = busy || node.pool().isMovingSince(probe.startNanos());
        long large = Math.min(node.pool().largeBytes() * NANOS_PER_BYTE, LONGEST_LARGE_NANOS);
        long usual = (lenient ? BUSY_FACTOR : 1) * limit.nanos() + large;
        long most = part == 1 && !node.isUp() ? Math.max(usual, limit.nanosWhileOut()) : usual / part;
        // While it is not even sent, our own event loop has something large to do.
        long sent = probe.first().writtenAt();
        boolean unsent = sent - probe.startNanos() < 0 && probe.first().isOpen();
        return unsent ? gone > LONGEST_OPENING_NANOS : Math.min(now - sent, gone) > most;
    }

    /** Begins a probe, or joins the one under way. What it finds never fails. */
    Probe probe() {
        Probe present = running.get();
        if (present != null) {
            return present;
        }
        boolean writes = isCanaryDue();
        AtomicReference<@Nullable Probe> self = new AtomicReference<>();
        Probe probe =
                new Probe(node, (asking, link) -> ask(asking, link, writes), found -> end(self.get(), found, writes));
        self.set(probe);
        Probe other = running.compareAndExchange(null, probe);
        if (other != null) {
            if (writes) {
                node.wrote(); // which was for the probe that did not come about
            }
            return other;
        }
        probe.begin();
        return probe;
    }

    /**
     * Ends a probe that took too long, unless its answer is there by now and our own event loop has not come to read it. To be called
     * again until it has ended: that end is not left to the event loop for ever. To be called by one thread.
     *
     * @param now a moment
     * @param lostNanos for how long that thread was kept from running since it exists; the event loop was, too, and had no time to read
     */
    void timeOut(Probe probe, long now, long lostNanos) {
        if (!probe.noticeOverdue(now, lostNanos)) {
            if (probe.isOverdueFor(LONGEST_OPENING_NANOS, now, lostNanos)) {
                probe.timeOut();
            }
            return;
        }
        Wire open = probe.first().isAlive() ? probe.first().opened().getNow(null) : null;
        if (open == null) {
            probe.timeOut();
            return;
        }
        open.later(probe::timeOut, LOOP_GRACE_MILLIS);
        if (!open.isOpen()) {
            probe.timeOut();
        }
    }

    private boolean isCanaryDue() {
        return node.role().master() && mayWrite() && (node.takeWritten() || owesComparison());
    }

    private CompletableFuture<Finding> ask(Probe probe, Link link, boolean writes) {
        CanaryLog canary = writes ? canaries.among(node.role().slots()) : null;
        if (canary == null) {
            return link.ask(Requests.PING).handle((pong, failure) -> pinged(failure));
        }
        if (link != probe.first() || !probe.wasOpen()) {
            // A master that hands over to its replica answers, but holds writes back until that is done.
            CompletableFuture<?> unused = link.ask(Requests.PING).thenRun(probe::spoke);
        }
        return new CanaryQuestion(this, link, canary).ask();
    }

    /** Whether the canary was seen since the node was last doubted. */
    boolean isCompared() {
        return compared;
    }

    /** Notes that the canary was seen. */
    void compared() {
        compared = true;
    }

    Canaries canaries() {
        return canaries;
    }

    /** What is found of a node whose answers are not those to its commands on a connection, which ends. */
    Finding outOfStep(Link link) {
        MalformedReplyException why = Pairing.outOfStep();
        node.pool().drop(link, new CloseReason(CloseReason.Kind.HUNG, why));
        return Finding.ill(false, why);
    }

    private Finding pinged(@Nullable Throwable failure) {
        return failure == null
                ? Finding.pinged(mayWrite(), mayWrite() && !node.isWritten())
                : Finding.ill(FailureKind.isAnswer(failure), failure);
    }

    /** What a write that ended so says of the node; {@code null} for one that was answered. */
    Finding found(@Nullable Throwable failure) {
        if (failure == null) {
            return Finding.well(true);
        }
        if (FailureKind.isNoPermission(failure)) {
            readOnlyUntil = System.nanoTime() + NO_PERMISSION_NANOS;
            sayReadOnly();
            return Finding.well(false);
        }
        boolean answered = FailureKind.isAnswer(failure);
        // If the slot has moved, the node is well, and somebody else will have the canary.
        return answered && FailureKind.isRedirection(failure) ? Finding.passedOn() : Finding.ill(answered, failure);
    }

    private void sayReadOnly() {
        if (!saidReadOnly) {
            saidReadOnly = true;
            LOG.warn(
                    "Redis cluster node {} does not let this user write its canary, so its probes only see whether it"
                            + " answers; to let them see more: ACL SETUSER {} ~{}{}* +get +set",
                    node,
                    config.username() == null ? "default" : config.username(),
                    config.keyPrefix(),
                    SparedKeys.CANARY);
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // there is one probe at a time
    private void end(@Nullable Probe ended, Finding found, boolean wrote) {
        try {
            note(Objects.requireNonNull(ended), found, wrote);
        } finally {
            running.set(null);
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // there is one probe at a time
    private void note(Probe probe, Finding found, boolean wrote) {
        lastEndNanos = System.nanoTime();
        if (wrote && !found.followed()) {
            node.wrote();
        }
        if (found.conclusive()) {
            if (found.answered()) {
                lastLatencyNanos = lastEndNanos
                        - Math.max(probe.startNanos(), probe.first().openedAt());
                // An answer after a state in which the node took no writes may have been held back until then.
                if (failures == 0 || !node.isUp()) {
                    limit.took(lastLatencyNanos, node.isUp() ? limit.nanos() : limit.nanosWhileOut());
                }
            }
            if (found.failure() == null) {
                failures = 0;
                pause.succeeded();
            } else {
                failures = failures + 1;
                pause.failed(lastEndNanos);
            }
            lastCheck = Instant.now();
        }
    }
}
