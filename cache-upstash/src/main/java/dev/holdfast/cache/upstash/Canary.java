package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.CanaryLog;
import dev.holdfast.cache.redis.ProbeTurn;
import dev.holdfast.cache.spi.KeyPrefix;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
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

    private final RestClient rest;
    private final ProbeTurn turn;

    // Of the probe whose turn it is.

    private CanaryLog next;
    private CanaryLog other;
    private boolean refusalLogged;

    Canary(RestClient rest, KeyPrefix prefix) {
        this.rest = rest;
        this.turn = new ProbeTurn(rest.errors().address());
        String key = SparedKeys.CANARY + UUID.randomUUID();
        this.next = new CanaryLog(prefix.encodeKey(key));
        this.other = new CanaryLog(prefix.encodeKey(key + ":2"));
    }

    int failures() {
        return turn.failures();
    }

    @Nullable
    Instant lastProbe() {
        return turn.lastProbe();
    }

    ProbeResult probe(Duration timeout) {
        return turn.probe(timeout, this::write);
    }

    private ProbeResult write(long deadline) {
        CanaryLog written = next;
        next = other;
        other = written;
        CanaryLog.Question question = written.ask();
        List<Reply> replies = sent(written, question, deadline);
        if (replies.get(0) instanceof Reply.Failure refused) {
            written.withdraw(question);
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
            byte[] beside = both.get(1).bytes();
            if (!written.canBeWritten(both.get(0).bytes())) {
                throw new MalformedReplyException("the canary was written but not read back");
            }
            if (!written.canBeAnswer(before) || !next.canBeAnswer(beside)) {
                throw new MalformedReplyException("a canary holds what nobody wrote");
            }
            boolean gone = written.isKnown() || next.isKnown();
            gone &= written.isMissing(before) || !written.isKnown();
            gone &= next.isMissing(beside) || !next.isKnown();
            // Nothing, in one of them, is what a database leaves that evicts: its connection does not matter.
            boolean wentBack = written.acknowledge(question, before, this) || next.isOutdated(beside) || gone;
            if (wentBack) {
                // What it holds belongs to that past, and tells nothing more.
                next.seen(beside);
            }
            return new ProbeResult(true, wentBack);
        } catch (MalformedReplyException e) {
            throw new CacheUnavailableException(
                    "probe of " + rest.errors().address() + ": " + e.getMessage(), e, Reason.CONNECTION, true);
        }
    }

    /** The numbers may go out twice, beside each other, and the later of the two may be executed at any time after that. */
    private List<Reply> sent(CanaryLog written, CanaryLog.Question question, long deadline) {
        boolean doubt = true;
        try {
            String number = text(question.digits());
            String life = Long.toString(CanaryLog.LIFE_MILLIS);
            Probing.Result result = rest.probe(
                    List.of(
                            Command.of("SET", text(written.key()), number, "PX", life, "GET"),
                            Command.of("MGET", text(written.key()), text(next.key()))),
                    Math.max(1, deadline - System.nanoTime()));
            doubt = result.doubtful();
            return result.replies();
        } finally {
            if (doubt) {
                written.repeats(question);
            }
        }
    }

    private static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private ProbeResult ping(long deadline, CacheException refusal) {
        if (!refusalLogged) {
            refusalLogged = true;
            LOG.warn(
                    "{}: this token may not write {}, so the database is only pinged and a lost write goes unnoticed;"
                            + " a standard token may: {}",
                    rest.errors().address(),
                    text(next.key()),
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
