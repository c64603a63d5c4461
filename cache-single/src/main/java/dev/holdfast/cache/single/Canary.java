package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.CanaryLog;
import dev.holdfast.cache.redis.ProbeTurn;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * The probe: on a connection of its own it reads this client's canary, puts the next number there and reads that back, in one round
 * trip.
 */
final class Canary {
    /** What is to know that a process was compared, by what name it goes, if it has one. */
    interface Told {
        void compared(@Nullable String process, ProbeResult result);
    }

    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);

    private final SingleConfig config;
    private final Reserve reserve;
    private final IntSupplier generation;
    private final Combiner combiner;
    private final JedisErrors errors;
    private final ProbeTurn turn;
    private final CanaryLog log;

    // Of the probe whose turn it is.

    private boolean readOnlyUserLogged;

    /** The process that the last answer came from; {@code null} if that did not say. */
    private @Nullable String process;

    Canary(SingleConfig config, Reserve reserve, IntSupplier generation, Combiner combiner, JedisErrors errors) {
        this.config = config;
        this.reserve = reserve;
        this.generation = generation;
        this.combiner = combiner;
        this.errors = errors;
        this.turn = new ProbeTurn("Redis at " + config.address());
        String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
        this.log = new CanaryLog(config.keyPrefix().encodeKey(SparedKeys.CANARY + id));
    }

    /** Probes failed in a row. */
    int failures() {
        return turn.failures();
    }

    /** When the last probe ended; {@code null} if there was none. */
    @Nullable
    Instant lastProbe() {
        return turn.lastProbe();
    }

    /**
     * Compares the canary with what was acknowledged, and puts the next there.
     *
     * @param told hears of it, before another probe begins
     */
    ProbeResult probe(Duration timeout, Told told) {
        return turn.probe(timeout, until -> {
            ProbeResult result = probeUntil(until);
            told.compared(process, result);
            return result;
        });
    }

    private ProbeResult probeUntil(long until) {
        int before = generation.getAsInt();
        try {
            return probeOnce(until);
        } catch (CacheUnavailableException e) {
            // A server that has become a replica says nothing of the one that the name stands for by now.
            if (e.reason() == Reason.SERVER_STATE && generation.getAsInt() != before) {
                return probeOnce(until);
            }
            throw e;
        }
    }

    private ProbeResult probeOnce(long until) {
        CanaryLog.Question question = log.ask();
        Request set = Request.repeatable(Command.SET)
                .with(log.key())
                .with(question.digits())
                .with(Keyword.PX)
                .with(CanaryLog.LIFE_MILLIS);
        List<Request> commands = List.of(
                Request.reading(Command.GET).with(log.key()),
                set,
                Request.reading(Command.GET).with(log.key()));
        Reserve.Answer answer = ask(until, commands, () -> log.repeats(question));
        List<@Nullable Object> replies = answer.replies();
        if (replies.stream().anyMatch(errors::isNoPermission)) {
            log.withdraw(question);
            return ping(until);
        }
        refuseRefusals(replies);
        if (!log.canBeWritten(bytes(replies.get(2)))) {
            throw new CacheUnavailableException(
                    "Redis at " + config.address() + " does not return what was just written to it",
                    null,
                    Reason.SERVER_STATE,
                    false);
        }
        return new ProbeResult(true, log.acknowledge(question, bytes(replies.get(0)), answer.connection()));
    }

    private static byte @Nullable [] bytes(@Nullable Object reply) {
        return reply == null || reply instanceof byte[] ? (byte[]) reply : new byte[0];
    }

    private void refuseRefusals(List<@Nullable Object> replies) {
        for (Object reply : replies) {
            if (reply instanceof Refusal refusal) {
                if (errors.isReadOnly(refusal)) {
                    combiner.renew();
                }
                throw unavailable(errors.refusal(refusal));
            }
        }
    }

    private ProbeResult ping(long until) {
        refuseRefusals(
                ask(until, List.of(Request.reading(Command.PING)), () -> {}).replies());
        if (!readOnlyUserLogged) {
            readOnlyUserLogged = true;
            LOG.warn(
                    "Redis at {} does not let this user write its canary, so its probes only see whether it answers;"
                            + " to let them see more: ACL SETUSER {} ~{}{}* +get +set",
                    config.address(),
                    config.username() == null ? "default" : config.username(),
                    config.keyPrefix(),
                    SparedKeys.CANARY);
        }
        return new ProbeResult(false, false);
    }

    private Reserve.Answer ask(long until, List<Request> commands, Runnable twice) {
        long now = System.nanoTime();
        Reserve.Answer answer = reserve.ask(commands, until, now + (until - now) / 2, twice);
        process = answer.connection().process();
        return answer;
    }

    /** A probe has no use for a mere refusal: the server can't be used as it has to be. */
    private static RuntimeException unavailable(RuntimeException refusal) {
        return refusal instanceof CacheUnavailableException
                ? refusal
                : new CacheUnavailableException(
                        String.valueOf(refusal.getMessage()), refusal.getCause(), Reason.SERVER_STATE, false);
    }
}
