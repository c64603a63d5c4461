package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * The probe: on a connection of its own it reads this client's canary, a key that nobody else writes, puts the next number
 * there and reads that back, in one round trip. A number lower than the last that was acknowledged, or none, means that
 * the server has lost writes.
 */
final class Canary {
    /** What the canaries of all clients begin with, after the key prefix. No cache's name begins like this. */
    static final String KEY_PREFIX = "#canary:";

    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

    private final SingleConfig config;
    private final Dialer dialer;
    private final Connections connections;
    private final JedisErrors errors;
    private final byte[] key;

    /** Held for a whole probe, with bounded waits for I/O. It guards what follows. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private @Nullable Link link;
    private long number;
    private long acknowledged;
    private long acknowledgedAt;
    private boolean readOnlyUserLogged;

    private volatile int failures;
    private volatile @Nullable Instant lastProbe;

    Canary(SingleConfig config, Dialer dialer, Connections connections, JedisErrors errors) {
        this.config = config;
        this.dialer = dialer;
        this.connections = connections;
        this.errors = errors;
        String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
        this.key = config.keyPrefix().encodeKey(KEY_PREFIX + id);
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

    ProbeResult probe(Duration timeout) {
        long start = System.nanoTime();
        long until = start + Math.min(timeout.toNanos(), Long.MAX_VALUE / 4);
        boolean answered = false;
        await(until);
        try {
            ProbeResult result = probeUntil(until);
            answered = true;
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
        Link before = usable(link);
        try {
            return probe(link(until), until);
        } catch (CacheUnavailableException e) {
            // A connection that was closed while nobody used it says nothing of the server; nor does one to a server
            // that
            // has become a replica, if the name stands for another by now.
            if (before != null && usable(link) == null && e.reason().counts() && e.reason() != Reason.TIMEOUT) {
                return probe(link(until), until);
            }
            throw e;
        }
    }

    private @Nullable Link usable(@Nullable Link link) {
        return link != null && link.doom() == null && link.generation() == dialer.generation() ? link : null;
    }

    /** The open connection, or a new one; one that is still being opened is waited for, also by the next probe. */
    private Link link(long until) {
        Link present = usable(link);
        if (present == null) {
            discard();
            link = present = dialer.dial();
        }
        try {
            return present.opened().get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            throw new CacheTimeoutException(
                    "could not connect to Redis at " + config.address() + " within the probe's time", e, false);
        } catch (ExecutionException e) {
            discard();
            throw errors.again(errors.failureOf(e.getCause() == null ? e : e.getCause()));
        }
    }

    private void discard() {
        if (link != null) {
            dialer.discard(link);
            link = null;
        }
    }

    private ProbeResult probe(Link link, long until) {
        number++;
        List<Object> replies = ask(
                link,
                until,
                List.of(
                        new CommandArguments(Command.GET).add(key),
                        new CommandArguments(Command.SET)
                                .add(key)
                                .add(number)
                                .add(Keyword.PX)
                                .add(LIFE_MILLIS),
                        new CommandArguments(Command.GET).add(key)));
        if (replies.stream().anyMatch(errors::isNoPermission)) {
            return ping(link, until);
        }
        for (Object reply : replies) {
            if (reply instanceof RuntimeException refusal) {
                if (errors.isReadOnly(refusal)) {
                    connections.renew();
                }
                throw unavailable(errors.refusal(refusal));
            }
        }
        if (numberIn(replies.get(2)) != number) {
            throw new CacheUnavailableException(
                    "Redis at " + config.address() + " does not return what was just written to it",
                    null,
                    Reason.SERVER_STATE,
                    false);
        }
        boolean wentBack = acknowledged > 0
                && System.nanoTime() - acknowledgedAt < TimeUnit.MILLISECONDS.toNanos(LIFE_MILLIS)
                && numberIn(replies.get(0)) < acknowledged;
        acknowledged = number;
        acknowledgedAt = System.nanoTime();
        return new ProbeResult(true, wentBack);
    }

    private ProbeResult ping(Link link, long until) {
        ask(link, until, List.of(new CommandArguments(Command.PING)));
        if (!readOnlyUserLogged) {
            readOnlyUserLogged = true;
            LOG.warn(
                    "Redis at {} does not let this user write its canary, so its probes only see whether it answers;"
                            + " to let them see more: ACL SETUSER {} ~{}{}* +get +set",
                    config.address(),
                    config.username() == null ? "default" : config.username(),
                    config.keyPrefix(),
                    KEY_PREFIX);
        }
        return new ProbeResult(false, false);
    }

    private List<Object> ask(Link link, long until, List<CommandArguments> commands) {
        link.reading().begin(until);
        dialer.watch().expect(until);
        boolean intact = false;
        try {
            if (link.doom() != null) {
                throw errors.lost(null, link.doom(), false);
            }
            List<Object> replies = link.callAll(commands);
            intact = true;
            return replies;
        } catch (CacheException e) {
            throw e;
        } catch (RuntimeException e) {
            throw errors.lost(e, link.doom(), true);
        } finally {
            if (!link.reading().end() || !intact) {
                discard();
            }
        }
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
