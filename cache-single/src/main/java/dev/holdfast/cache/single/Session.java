package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.internal.OperationMeter;
import dev.holdfast.cache.internal.PrefixScans;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.Rotation;
import dev.holdfast.cache.spi.CallObserver;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** What a store and its views have in common: every command of a caller goes through it, is observed and counted. Thread-safe. */
final class Session {
    private static final Duration COMPARISON_LIMIT = Duration.ofSeconds(2);

    final SingleConfig config;
    final JedisErrors errors;
    final Connector connector;
    final Restarts restarts;
    final RollOnServer roll;
    final Tracker tracker;
    final CallObservers observers = new CallObservers();
    final PrefixScans scans = new PrefixScans();
    final SparedKeys spared;
    private final Instant startedAt = Instant.now();
    private final OperationMeter meter = new OperationMeter();
    private final Combiner combiner;
    private final Canary canary;
    private final MemoryInquiry memory;
    private volatile HealthState state = HealthState.UNKNOWN;
    private volatile boolean closed;

    Session(SingleConfig config) {
        this.config = config;
        this.spared = new SparedKeys(config.keyPrefix(), LoggerFactory.getLogger(SingleStore.class)::warn);
        this.errors = new JedisErrors(config);
        this.connector = new Connector(config, errors);
        Reserve reserve = new Reserve(config, connector, errors);
        this.combiner = new Combiner(config, connector, reserve, errors, observers);
        this.canary = new Canary(config, reserve, connector::generation, combiner, errors);
        this.restarts = connector.restarts();
        this.memory = new MemoryInquiry(reserve, errors, connector::execute);
        this.roll = new RollOnServer(config, reserve, errors);
        this.tracker = new Tracker(config, connector);
        restarts.compareBy(told -> canary.probe(COMPARISON_LIMIT, told), combiner::renew);
        connector.whenSwitched(() -> combiner.switchOver(new IOException("the sentinels name another master")));
        connector.rotateBy(new Rotation(
                connector.login(),
                words -> {
                    reserve.forget(words);
                    tracker.authenticate(words);
                    combiner.authenticate(words);
                },
                "holdfast-" + config.address() + "-credentials"));
    }

    void requireOpen() {
        if (closed) {
            throw errors.closed();
        }
    }

    /**
     * Sends a command and waits for its reply.
     *
     * @param command the command
     * @param type what the reply has to be: if it is not, requests and replies are out of step, and the connection is lost
     * @param start when the call began
     * @param until when it must have ended
     * @return the reply
     */
    <T extends @Nullable Object> T call(Request command, Reply<T> type, long start, long until) {
        CallObserver.Ended observed = observers.began(command.name(), config.address());
        Throwable failure = null;
        try {
            return read(command, type, combiner.answer(List.of(command), false, start, until));
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            ended(observed, start, failure);
        }
    }

    private <T extends @Nullable Object> T read(Request command, Reply<T> type, Repetitions.Answered answered) {
        if (answered.reply() instanceof Refusal refusal) {
            noteReadOnly(errors.isReadOnly(refusal));
            throw errors.refusal(refusal);
        }
        Pipeline pipeline = answered.by().pipeline();
        try {
            return type.of(answered.reply(), pipeline);
        } catch (RuntimeException e) {
            // Requests and replies are out of step, or the other end is no Redis: what follows can't be believed
            // either.
            RuntimeException outOfStep = errors.outOfStep(command, e);
            pipeline.fail(outOfStep);
            throw errors.lost(outOfStep, null, true);
        }
    }

    /**
     * Sends several commands in one go and waits for all replies.
     *
     * @param commands the commands
     * @param start when the call began
     * @param until when it must have ended
     * @return a reply for each, in their order; a refusal stands there as a {@link RuntimeException} that is ready to be
     *     thrown
     */
    List<@Nullable Object> callAll(List<Request> commands, long start, long until) {
        CallObserver.Ended observed = observers.beganPipeline(commands.get(0).name(), config.address());
        Throwable failure = null;
        try {
            List<@Nullable Object> replies = new ArrayList<>(commands.size());
            if (combiner.answer(commands, true, start, until).reply() instanceof List<?> list) {
                replies.addAll(list);
            }
            noteReadOnly(replies.stream().anyMatch(errors::isReadOnly));
            replies.replaceAll(reply -> reply instanceof Refusal refusal ? errors.refusal(refusal) : reply);
            return replies;
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            ended(observed, start, failure);
        }
    }

    /** A server that takes no writes is no master any more. */
    private void noteReadOnly(boolean isReadOnly) {
        if (isReadOnly) {
            connector.doubtPlace();
            combiner.renew();
        }
    }

    private void ended(CallObserver.Ended observed, long start, @Nullable Throwable failure) {
        observed.ended(failure);
        boolean answered = failure == null || failure instanceof CacheRejectedException;
        meter.record(start, answered);
        if (!answered) {
            failed(failure);
        } else if (state != HealthState.UP) {
            state = HealthState.UP;
        }
    }

    private void failed(@Nullable Throwable failure) {
        if (failure instanceof CacheUnavailableException e && e.reason().counts()) {
            state = HealthState.DOWN;
        }
    }

    ProbeResult probe(Duration timeout) {
        try {
            ProbeResult result = restarts.tell(told -> canary.probe(timeout, told));
            state = HealthState.UP;
            return result;
        } catch (CacheUnavailableException e) {
            failed(e);
            throw e;
        }
    }

    StoreHealth health() {
        PoolHealth pool = combiner.figures();
        HealthState now = state;
        return StoreHealth.of("native-redis", true, startedAt)
                .withState(now)
                .withOperations(meter.snapshot())
                .withPool(pool)
                .withMemory(memory.use(now == HealthState.UP))
                .withNodes(List.of(new NodeHealth(
                        config.address(),
                        "master",
                        canary.failures() == 0 ? now : HealthState.DOWN,
                        canary.failures(),
                        canary.lastProbe(),
                        pool,
                        0)));
    }

    void disconnect(Throwable cause) {
        if (!closed) {
            combiner.disconnect(cause);
        }
    }

    void close() {
        if (!closed) {
            closed = true;
            tracker.close();
            combiner.close();
        }
    }
}
