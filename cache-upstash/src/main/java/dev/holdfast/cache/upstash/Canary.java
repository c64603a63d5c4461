package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.SparedKeys;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether the database can be written: stores the next number under a key of this client's own and reads it
 * back, in one request. An older number than the last that was acknowledged means that the database lost writes.
 *
 * <p>There are two such keys, written in turn. A database that evicts when it is full takes one and leaves the other, as a rule; one
 * that was emptied, or is a copy from before this client's time, has neither.
 */
final class Canary {
    private static final Logger LOG = LoggerFactory.getLogger(UpstashStore.class);
    private static final Duration TTL = Duration.ofDays(1);
    private static final int MAX_DOUBTFUL = 64;

    private final RestClient rest;
    private final Clock clock;
    private final Place[] places;
    private final ReentrantLock one = new ReentrantLock();

    // Guarded by the lock, but for the two that health reads.
    private long next = 1;
    private boolean refusalLogged;
    /** Numbers that the database may have written, or write still, though nobody heard of it; the latest ones. */
    private final Deque<Long> doubtful = new ArrayDeque<>();

    private final AtomicInteger failures = new AtomicInteger();
    private volatile @Nullable Instant lastProbe;

    Canary(RestClient rest, KeyPrefix prefix, Clock clock) {
        this.rest = rest;
        this.clock = clock;
        String key = prefix.apply(SparedKeys.CANARY + UUID.randomUUID());
        this.places = new Place[] {new Place(key), new Place(key + ":2")};
    }

    /** A key, and what is known of it; guarded by the lock. */
    private final class Place {
        private final String key;
        private long acknowledged;
        private long acknowledgedAtNanos;

        Place(String key) {
            this.key = key;
        }

        void acknowledged(long number) {
            acknowledged = number;
            acknowledgedAtNanos = System.nanoTime();
        }

        boolean isWritten() {
            return acknowledged > 0;
        }

        boolean isGoneOrUnwritten(byte @Nullable [] now) {
            boolean expired = System.nanoTime() - acknowledgedAtNanos > TTL.toNanos() / 2;
            return !isWritten() || (now == null && !expired);
        }

        boolean isOlder(byte @Nullable [] now) {
            return now != null && number(now) < acknowledged && !doubtful.contains(number(now));
        }
    }

    int failures() {
        return failures.get();
    }

    @Nullable
    Instant lastProbe() {
        return lastProbe;
    }

    ProbeResult probe(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        try {
            if (!one.tryLock(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new CacheTimeoutException(
                        "probe of " + rest.errors().address() + ": another was under way for all of " + timeout,
                        null,
                        false);
            }
        } catch (InterruptedException e) {
            throw rest.errors().interrupted("probe", e);
        }
        try {
            ProbeResult result = write(deadline);
            failures.set(0);
            return result;
        } catch (CacheUnavailableException e) {
            failures.incrementAndGet();
            throw e;
        } finally {
            lastProbe = clock.instant();
            one.unlock();
        }
    }

    private ProbeResult write(long deadline) {
        long number = next++;
        Place place = places[(int) (number % 2)];
        Place other = places[(int) (next % 2)];
        List<Reply> replies = sent(number, place, other, deadline);
        if (replies.get(0) instanceof Reply.Failure refused) {
            CacheException failure = rest.errors().text("probe", refused.text());
            if (failure instanceof CacheRejectedException && refused.text().startsWith("NOPERM")) {
                return ping(deadline, failure);
            }
            throw failure instanceof CacheRejectedException
                    ? new CacheUnavailableException(
                            String.valueOf(failure.getMessage()), failure, Reason.SERVER_STATE, false)
                    : failure;
        }
        try {
            byte[] before = replies.get(0).bytes();
            List<Reply> both = replies.get(1).array();
            byte[] now = both.get(0).bytes();
            byte[] beside = both.get(1).bytes();
            if (now == null || (number(now) != number && !doubtful.contains(number(now)))) {
                throw new MalformedReplyException("the canary was written but not read back");
            }
            boolean gone = place.isGoneOrUnwritten(before) && other.isGoneOrUnwritten(beside);
            boolean wentBack = (gone && (place.isWritten() || other.isWritten()))
                    || place.isOlder(before)
                    || other.isOlder(beside);
            place.acknowledged(number);
            if (wentBack) {
                // What it holds belongs to that past, and tells nothing more.
                other.acknowledged(0);
            }
            return new ProbeResult(true, wentBack);
        } catch (MalformedReplyException e) {
            throw new CacheUnavailableException(
                    "probe of " + rest.errors().address() + ": " + e.getMessage(), e, Reason.CONNECTION, true);
        }
    }

    /** The numbers may go out twice, beside each other, and the later of the two may be executed at any time after that. */
    private List<Reply> sent(long number, Place place, Place other, long deadline) {
        boolean doubt = true;
        try {
            Probing.Result result = rest.probe(
                    List.of(
                            Command.of(
                                    "SET",
                                    place.key,
                                    Long.toString(number),
                                    "PX",
                                    Long.toString(TTL.toMillis()),
                                    "GET"),
                            Command.of("MGET", place.key, other.key)),
                    Math.max(1, deadline - System.nanoTime()));
            doubt = result.doubtful();
            return result.replies();
        } finally {
            if (doubt) {
                doubtful.add(number);
                if (doubtful.size() > MAX_DOUBTFUL) {
                    doubtful.remove();
                }
            }
        }
    }

    private static long number(byte[] text) {
        return new Reply.Bytes(text).number();
    }

    private ProbeResult ping(long deadline, CacheException refusal) {
        if (!refusalLogged) {
            refusalLogged = true;
            LOG.warn(
                    "{}: this token may not write {}, so the database is only pinged and a lost write goes unnoticed;"
                            + " a standard token may: {}",
                    rest.errors().address(),
                    places[0].key,
                    refusal.getMessage());
        }
        Reply reply = rest.probe(List.of(Command.of("PING")), Math.max(1, deadline - System.nanoTime()))
                .replies()
                .get(0);
        if (reply instanceof Reply.Failure failure) {
            throw new CacheUnavailableException(
                    "probe of " + rest.errors().address() + ": " + UpstashErrors.quoted(failure.text()),
                    null,
                    Reason.SERVER_STATE,
                    false);
        }
        return new ProbeResult(false, false);
    }
}
