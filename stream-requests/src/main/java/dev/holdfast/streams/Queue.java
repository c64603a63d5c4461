package dev.holdfast.streams;

import dev.holdfast.streams.RequestRejectedException.Reason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol;

/** Asks Redis what stands in the streams. For any number of threads. */
final class Queue {
    private final Redis redis;
    private final Keys keys;
    private final long patienceMillis;
    /** Who asks has one connection, however many ask: the others are for calls and work. */
    private final Semaphore turn = new Semaphore(1);

    Queue(StreamsConfig config, Redis redis) {
        this.redis = redis;
        this.keys = new Keys(config);
        this.patienceMillis = config.commandTimeout().toMillis();
    }

    /**
     * Asks.
     *
     * @throws RequestRejectedException if there is no answer, or others who ask leave no time for this one
     */
    QueueHealth health() {
        boolean mine = false;
        try {
            mine = turn.tryAcquire(patienceMillis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!mine) {
            throw new RequestRejectedException("too many ask for the figures", null, Reason.UNAVAILABLE);
        }
        try {
            return ask();
        } finally {
            turn.release();
        }
    }

    private QueueHealth ask() {
        try {
            Sum sum = new Sum();
            for (int partition = 0; partition < keys.partitions(); partition++) {
                add(partition, sum);
            }
            return new QueueHealth(
                    sum.length, sum.lag, sum.pending, Duration.ofMillis(sum.oldestMillis), sum.consumers, sum.dead);
        } catch (RuntimeException e) {
            throw new RequestRejectedException("Redis does not answer: " + Trouble.shown(e), e, Reason.UNAVAILABLE);
        }
    }

    private static final class Sum {
        long length;
        long lag;
        long pending;
        long oldestMillis;
        long consumers;
        long dead;
    }

    private void add(int partition, Sum sum) {
        byte[] stream = keys.requests(partition);
        List<@Nullable Object> replies = redis.all(List.of(
                Command.of(Protocol.Command.XLEN, stream),
                Command.of(Protocol.Command.XLEN, keys.dead(partition)),
                Command.sub(Protocol.Command.XINFO, "GROUPS", stream),
                Command.of(Protocol.Command.XPENDING, stream, Keys.GROUP),
                Script.TIME.on(stream)));
        long length = StreamReply.number(good(replies.get(0)));
        sum.length += length;
        sum.dead += letters(replies.get(1));
        Map<String, @Nullable Object> group = group(replies.get(2));
        Object waiting = unlessNone(replies.get(3));
        if (group == null || waiting == null) {
            // No worker has been there yet.
            sum.lag += length;
            return;
        }
        long pending = StreamReply.number(group.get("pending"));
        Object lag = group.get("lag");
        sum.pending += pending;
        sum.consumers += StreamReply.number(group.get("consumers"));
        // Before Redis 7, and where it has lost count: what is in the stream is pending or not yet taken. It counts
        // what was trimmed by hand, too.
        sum.lag += lag == null ? Math.max(0, length - pending) : Math.min(length, StreamReply.number(lag));
        Object oldest = StreamReply.list(waiting).get(1);
        if (oldest != null) {
            long age = ServerClock.millis(good(replies.get(4))) - StreamReply.millis(StreamReply.text(oldest));
            sum.oldestMillis = Math.max(sum.oldestMillis, age);
        }
    }

    /** What is of another kind has none, and is no reason to hide the queue. */
    private static long letters(@Nullable Object reply) {
        boolean none = reply instanceof RuntimeException e && !Trouble.mayPass(e);
        return none ? 0 : StreamReply.number(good(reply));
    }

    private static @Nullable Map<String, @Nullable Object> group(@Nullable Object reply) {
        Object groups = unlessNone(reply);
        return groups == null ? null : named(groups);
    }

    private static @Nullable Map<String, @Nullable Object> named(Object groups) {
        return StreamReply.list(groups).stream()
                .map(StreamReply::named)
                .filter(group -> Keys.GROUP.equals(StreamReply.text(group.get("name"))))
                .findFirst()
                .orElse(null);
    }

    /** The reply; {@code null} if there is no stream, or no group. What else Redis refuses says nothing about them. */
    private static @Nullable Object unlessNone(@Nullable Object reply) {
        return reply instanceof RuntimeException e && Trouble.isNoGroup(e) ? null : good(reply);
    }

    private static @Nullable Object good(@Nullable Object reply) {
        if (reply instanceof RuntimeException e) {
            throw e;
        }
        return reply;
    }
}
