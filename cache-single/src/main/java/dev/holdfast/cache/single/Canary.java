package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.SparedKeys;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * The probe: on a connection of its own it reads this client's canary, a key that nobody else writes, puts the next number
 * there and reads that back, in one round trip. A number lower than the last that was acknowledged means that the server has lost
 * writes. So does none, but not on the connection that acknowledged the last: a server that is full may have evicted the canary,
 * and one that went back in time was started again, which no connection outlives.
 */
final class Canary {
    /** What is to know that a process was compared, by what name it goes, if it has one. */
    interface Told {
        void compared(@Nullable String process, ProbeResult result);
    }

    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final int MOST_UNANSWERED = 64;
    private static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

    private final SingleConfig config;
    private final Reserve reserve;
    private final IntSupplier generation;
    private final Connections connections;
    private final JedisErrors errors;
    private final byte[] key;

    /** Held for a whole probe, with bounded waits for I/O. It guards what follows. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private long number;
    private long acknowledged;
    private long acknowledgedAt;

    /** Which connection acknowledged that; {@code null} if none has yet. */
    private @Nullable Object acknowledgedOn;

    private boolean askedTwice;

    /** The last numbers that may be written at any later time, also after newer ones: sent without an answer, or on two connections. */
    private final Deque<Long> unanswered = new ArrayDeque<>();

    private boolean readOnlyUserLogged;

    /** The process that the last answer came from; {@code null} if that did not say. */
    private @Nullable String process;

    private volatile int failures;
    private volatile @Nullable Instant lastProbe;

    Canary(SingleConfig config, Reserve reserve, IntSupplier generation, Connections connections, JedisErrors errors) {
        this.config = config;
        this.reserve = reserve;
        this.generation = generation;
        this.connections = connections;
        this.errors = errors;
        String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
        this.key = config.keyPrefix().encodeKey(SparedKeys.CANARY + id);
    }

    /** Probes failed in a row. */
    int failures() {
        return failures;
    }

    /** When the last probe ended; {@code null} if there was none. */
    @Nullable
    Instant lastProbe() {
        return lastProbe;
    }

    /**
     * Compares the canary with what was acknowledged, and puts the next there.
     *
     * @param told hears of it, before another probe begins
     */
    ProbeResult probe(Duration timeout, Told told) {
        long start = System.nanoTime();
        long until = start + Math.min(timeout.toNanos(), Long.MAX_VALUE / 4);
        boolean answered = false;
        await(until);
        try {
            ProbeResult result = probeUntil(until);
            answered = true;
            told.compared(process, result);
            return result;
        } finally {
            failures = answered ? 0 : failures + 1;
            lastProbe = Instant.now();
            turn.unlock();
        }
    }

    private void await(long until) {
        try {
            if (!turn.tryLock(until - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                throw new CacheTimeoutException(
                        "another probe of Redis at " + config.address() + " is still under way", null, false);
            }
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        }
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
        number++;
        if (unanswered.size() == MOST_UNANSWERED) {
            unanswered.remove();
        }
        unanswered.add(number);
        Reserve.Answer answer = ask(
                until,
                List.of(
                        Request.reading(Command.GET).with(key),
                        Request.repeatable(Command.SET)
                                .with(key)
                                .with(number)
                                .with(Keyword.PX)
                                .with(LIFE_MILLIS),
                        Request.reading(Command.GET).with(key)));
        List<@Nullable Object> replies = answer.replies();
        if (replies.stream().anyMatch(errors::isNoPermission)) {
            return ping(until);
        }
        refuseRefusals(replies);
        long read = numberIn(replies.get(2));
        if (read != number && !unanswered.contains(read)) {
            throw new CacheUnavailableException(
                    "Redis at " + config.address() + " does not return what was just written to it",
                    null,
                    Reason.SERVER_STATE,
                    false);
        }
        boolean evicted = replies.get(0) == null && answer.connection() == acknowledgedOn;
        boolean wentBack = acknowledged > 0
                && !evicted
                && System.nanoTime() - acknowledgedAt < TimeUnit.MILLISECONDS.toNanos(LIFE_MILLIS)
                && numberIn(replies.get(0)) < acknowledged
                && !unanswered.contains(numberIn(replies.get(0)));
        if (!askedTwice) {
            unanswered.removeLastOccurrence(number);
        }
        acknowledged = number;
        acknowledgedOn = answer.connection();
        acknowledgedAt = System.nanoTime();
        return new ProbeResult(true, wentBack);
    }

    private void refuseRefusals(List<@Nullable Object> replies) {
        for (Object reply : replies) {
            if (reply instanceof Refusal refusal) {
                if (errors.isReadOnly(refusal)) {
                    connections.renew();
                }
                throw unavailable(errors.refusal(refusal));
            }
        }
    }

    private ProbeResult ping(long until) {
        refuseRefusals(ask(until, List.of(Request.reading(Command.PING))).replies());
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

    private Reserve.Answer ask(long until, List<Request> commands) {
        long now = System.nanoTime();
        askedTwice = false;
        Reserve.Answer answer = reserve.ask(commands, until, now + (until - now) / 2, () -> askedTwice = true);
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

    private static long numberIn(@Nullable Object reply) {
        if (reply instanceof byte[] digits) {
            try {
                return Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
            } catch (NumberFormatException e) {
                return -1;
            }
        }
        return -1;
    }
}
