package dev.holdfast.streams;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes requests and answers them, on a fixed number of terminals: so many at a time, and none is taken from Redis before a terminal is free for
 * it. Any number of servers, on any number of machines, share the work of one name.
 *
 * <p>Redis may be away when it starts and at any time after: work under way goes on, and its answer is kept until Redis takes it.
 *
 * <p>Thread-safe.
 */
public final class RequestServer implements AutoCloseable {
    /** Who talks to Redis besides the terminals: the signs of life, those that wait, those that look, and who asks for figures. */
    private static final int OTHERS = 5;

    private static final String STOPPED = "the server was stopped: it takes nothing any more";
    private static final Duration LONGEST_GRACE = Duration.ofDays(365);

    private static final Logger LOG = LoggerFactory.getLogger(RequestServer.class);

    private final StreamsConfig config;
    private final Worker worker;
    private final Redis commands;
    private final Redis blocking;
    private final Terminals terminals;
    private final Intake intake;
    private final Heartbeat heartbeat;
    private final Queue queue;
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean allDone;

    private RequestServer(StreamsConfig config, int count, RequestHandler handler) {
        this.config = config;
        this.terminals = new Terminals(count);
        this.commands = new Redis(config, count + OTHERS, Duration.ZERO);
        this.blocking = new Redis(config, 1, Duration.ofMillis(Intake.BLOCK_MILLIS), commands);
        this.worker = new Worker(config, commands, Objects.requireNonNull(handler, "handler"));
        this.intake = new Intake(worker, blocking, terminals);
        this.heartbeat = intake.heartbeat();
        this.queue = new Queue(config, commands);
    }

    /**
     * Starts a server. It returns at once; a Redis that is away is no error.
     *
     * @param terminals how many requests it works on at a time, from 1 to 10,000
     * @param handler does the work
     * @throws IllegalArgumentException if {@code terminals} is out of its range, or the reply window is shorter than twice {@link
     *     StreamsConfig#claimIdle()}
     */
    public static RequestServer start(StreamsConfig config, int terminals, RequestHandler handler) {
        config.requireConsistent();
        RequestServer server = new RequestServer(config, terminals, handler);
        server.intake.ensure();
        server.heartbeat.ensure();
        return server;
    }

    /** Returns what this server has seen. Asks nobody. */
    public ServerHealth health() {
        if (!stopping.get()) {
            intake.ensure();
        }
        Optional<String> all = stopping.get() ? Optional.of(STOPPED) : intake.trouble();
        int overdue = worker.overdue();
        Optional<String> late = overdue == 0
                ? Optional.empty()
                : Optional.of(overdue + " of " + terminals.total()
                        + " terminals have requests whose callers have given up: does the handler hang?");
        return new ServerHealth(
                all.isEmpty(),
                terminals.busy(),
                terminals.total(),
                overdue,
                worker.counters().sums(),
                all.or(intake::partTrouble).or(() -> late));
    }

    /**
     * Asks Redis what waits there.
     *
     * @throws RequestRejectedException if it does not answer within the command timeout
     */
    public QueueHealth queue() {
        return queue.health();
    }

    /**
     * Stops: takes nothing any more, waits for the work under way, interrupts what is not done in time and leaves it for other
     * servers, which take it over after {@link StreamsConfig#claimIdle()}. Idempotent: who stops a server that is being stopped waits for that, up to
     * a grace of their own that shortens no other's.
     *
     * @param grace how long to wait, zero or more, a year at most, whatever is more; more than the longest work, and less than the platform
     *     waits before it kills
     * @return whether all work was done; {@code false} too if another still waits for it
     * @throws IllegalArgumentException if {@code grace} is negative
     */
    public boolean stop(Duration grace) {
        if (grace.isNegative()) {
            throw new IllegalArgumentException("grace must be zero or more: " + grace);
        }
        Duration most = grace.compareTo(LONGEST_GRACE) < 0 ? grace : LONGEST_GRACE;
        if (!stopping.compareAndSet(false, true)) {
            return awaitEnd(most);
        }
        try {
            allDone = finish(most);
            if (!allDone) {
                LOG.warn("{} requests at work are not done within the grace; others take them over", terminals.busy());
            }
        } finally {
            tearDown();
        }
        return allDone;
    }

    private boolean awaitEnd(Duration most) {
        try {
            return ended.await(most.toNanos(), TimeUnit.NANOSECONDS) && allDone;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Takes nothing any more, and waits for what is at work. */
    private boolean finish(Duration grace) {
        intake.stop();
        try {
            intake.join(Intake.BLOCK_MILLIS + config.commandTimeout().toMillis());
            long start = System.nanoTime();
            boolean idle = terminals.awaitIdle(grace);
            return worker.repetitions().awaitNone(grace.minusNanos(System.nanoTime() - start)) && idle;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void tearDown() {
        try {
            worker.end();
            terminals.interrupt();
            endBeat();
            if (intake.silence().isEmpty()) {
                heartbeat.leave();
            }
        } finally {
            blocking.close();
            commands.close();
            ended.countDown();
        }
    }

    private void endBeat() {
        try {
            heartbeat.stop(config.commandTimeout().toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops with the grace of the configuration. */
    @Override
    public void close() {
        stop(config.grace());
    }
}
