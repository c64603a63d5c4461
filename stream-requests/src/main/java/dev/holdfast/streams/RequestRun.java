package dev.holdfast.streams;

import dev.holdfast.cache.Backoff;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * What a terminal does with one request: skip it if its time is over, answer it from an earlier run of its id, or run it, keep the answer,
 * send it, and only then remove the request. If another run of its id is under way, it leaves the terminal and waits with the {@link Repetitions}. While
 * Redis is away it repeats the step it is at: each may be done twice without harm. What it can't finish stays in the stream for others; what Redis
 * refuses for good, or for want of memory until nobody waits any more, ends.
 */
final class RequestRun implements Runnable, Held {
    private static final Logger LOG = LoggerFactory.getLogger(RequestRun.class);
    private static final long MOST_REPLIES = 10_000;
    private static final long LAST_STEP_NANOS = 10_000_000_000L;

    private final Worker worker;
    private final Partition partition;
    private final Partition.Taken taken;
    private final StreamReply.Entry entry;
    private int delivery;
    private long deadline;
    private boolean buried;
    private volatile boolean begun;

    /** The run's end without an answer: the request stays for others. */
    private static final class LeftException extends RuntimeException {
        private static final long serialVersionUID = 1;

        LeftException() {
            super(null, null, false, false);
        }
    }

    /** The run's end without an answer: nobody waits for it any more. */
    private static final class OverException extends RuntimeException {
        private static final long serialVersionUID = 1;

        OverException(@Nullable Throwable cause) {
            super("the deadline is over", cause, false, false);
        }
    }

    /** A step that Redis refuses, and will refuse again. */
    private static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        RefusedException(RuntimeException cause) {
            super(Trouble.shown(cause), cause, false, false);
        }
    }

    RequestRun(Worker worker, Partition partition, Partition.Taken taken) {
        this.worker = worker;
        this.partition = partition;
        this.taken = taken;
        this.entry = taken.entry();
        this.delivery = taken.delivery();
    }

    @Override
    public Partition partition() {
        return partition;
    }

    @Override
    public String entryId() {
        return entry.id();
    }

    @Override
    public @Nullable Command keepLease() {
        byte[] id = entry.fields().get("i");
        return id == null || !begun
                ? null
                : Script.KEEP.on(
                        worker.keys().done(StreamReply.text(id)),
                        owner(),
                        worker.config().claimIdle().toMillis());
    }

    @Override
    public void run() {
        try {
            handle();
        } catch (LeftException e) {
            // as it says
        } catch (RuntimeException | Error e) {
            LOG.warn("{} of {} stays with Redis: {}", entry.id(), partition, Trouble.shown(e));
        } finally {
            worker.atWork().remove(this);
        }
    }

    private void handle() {
        Map<String, byte[]> fields = entry.fields();
        byte[] id = fields.get("i");
        byte[] replies = fields.get("r");
        byte[] limit = fields.get("l");
        byte[] payload = fields.get("p");
        if (id == null || replies == null || limit == null || payload == null || !isNumber(limit)) {
            deadline = System.nanoTime() + LAST_STEP_NANOS;
            bury("not a request: it lacks a field");
            remove();
            return;
        }
        long limitMillis = Long.parseLong(StreamReply.text(limit));
        deadline = partition.clock().nanosAt(StreamReply.millis(entry.id()) + limitMillis);
        try {
            answer(StreamReply.text(id), replies, payload);
        } catch (OverException e) {
            expire(StreamReply.text(id));
        } catch (RefusedException e) {
            refuse(StreamReply.text(id), replies, e);
        }
    }

    private static boolean isNumber(byte[] text) {
        return StreamReply.text(text).matches("[0-9]{1,12}");
    }

    private boolean isOver() {
        return deadline - System.nanoTime() <= 0;
    }

    private void answer(String id, byte[] replies, byte[] payload) {
        if (isOver()) {
            throw new OverException(null);
        }
        Answer answer;
        if (delivery > worker.config().maxDeliveries()) {
            // Before all that can fail, or it would never come to that.
            answer = kept(id);
            if (answer == null) {
                answer = keep(id, giveUp("no worker that had it has answered"));
            } else {
                worker.counters().replayed.increment();
            }
        } else {
            Object found = earlier(id, replies);
            if (found instanceof Repetition) {
                return;
            }
            if (found instanceof Answer earlier) {
                answer = earlier;
                worker.counters().replayed.increment();
            } else {
                answer = keep(id, attempts(id, payload, (Long) Objects.requireNonNull(found)));
            }
        }
        send(id, replies, answer);
        remove();
        worker.counters().answered.increment();
    }

    private void expire(String id) {
        if (!buried) {
            worker.counters().expired.increment();
        }
        drop(id);
        remove();
    }

    /** Ends a request that Redis does not let be answered. Its caller hears of it, if it can. */
    private void refuse(String id, byte[] replies, RefusedException e) {
        String reason = String.valueOf(e.getMessage());
        bury(reason);
        drop(id);
        try {
            send(id, replies, Answer.failure("given up: " + reason));
        } catch (OverException late) {
            // Then nobody waits for it.
        }
        remove();
    }

    private void drop(String id) {
        lastly(() -> worker.redis()
                .call(Script.DROP.onBoth(worker.keys().done(id), worker.keys().tries(id), owner())));
        begun = false;
    }

    /** The answer of an earlier run, if that is known. */
    private @Nullable Answer kept(String id) {
        try {
            byte[] found = (byte[]) step(() -> worker.redis()
                    .call(Command.of(Protocol.Command.GET, worker.keys().done(id))));
            return found != null && Answer.isAnswer(found) ? Answer.of(found) : null;
        } catch (RefusedException e) {
            return null;
        }
    }

    /**
     * Begins to be the one who runs this id. While another request of the same id is being run, this one waits for its answer, to its own
     * deadline at most: elsewhere, or here if there is no room.
     *
     * @return the answer of another run, the {@link Repetition} that waits for one, or how many runs of this id have begun since one has ended
     */
    private Object earlier(String id, byte[] replies) {
        long pause = 10_000_000;
        while (true) {
            Object found = step(() -> worker.redis()
                    .call(Script.BEGIN.onBoth(
                            worker.keys().done(id),
                            worker.keys().tries(id),
                            owner(),
                            worker.config().claimIdle().toMillis(),
                            worker.triesCounted().toMillis())));
            if (found instanceof Long tries) {
                begun = true;
                if (isOver()) {
                    throw new OverException(null);
                }
                return tries;
            }
            byte[] bytes = (byte[]) Objects.requireNonNull(found);
            if (Answer.isAnswer(bytes)) {
                return Answer.of(bytes);
            }
            if (isOver()) {
                throw new OverException(null);
            }
            Repetition waiting = new Repetition(partition, taken, id, replies, deadline);
            if (worker.repetitions().park(waiting)) {
                return waiting;
            }
            rest(pause);
            pause = Math.min(2 * pause, 200_000_000);
        }
    }

    /** Two workers that both have the request, since one was taken for dead, are two. */
    private String owner() {
        return "R" + worker.consumer() + ' ' + entry.id();
    }

    /** Runs the handler until it has an answer or the request is to be given up. */
    private Answer attempts(String id, byte[] payload, long tries) {
        if (tries > worker.config().maxDeliveries()) {
            return giveUp("no worker that had it has answered");
        }
        while (true) {
            Answer answer;
            Throwable failure;
            try {
                answer = attempt(new Request(id, payload, delivery, deadline));
                if (answer != null) {
                    return answer;
                }
                failure = new NullPointerException("the handler returned null");
            } catch (RequestFailedException e) {
                return Answer.failure(String.valueOf(e.getMessage()));
            } catch (Throwable e) {
                failure = e;
            }
            if (worker.ended()) {
                throw new LeftException();
            }
            worker.counters().attemptsFailed.increment();
            LOG.warn("delivery {} of {} failed", delivery, id, failure);
            if (delivery >= worker.config().maxDeliveries()) {
                return giveUp(failure.getClass().getName() + ": " + Trouble.shown(failure));
            }
            deliverAgain();
            if (isOver()) {
                throw new OverException(failure);
            }
        }
    }

    private @Nullable Answer attempt(Request request) throws Exception {
        byte[] result = worker.handler().handle(request);
        if (result != null && result.length > worker.config().maxPayloadBytes()) {
            return Answer.failure("the answer has " + result.length + " bytes, more than "
                    + worker.config().maxPayloadBytes());
        }
        return result == null ? null : Answer.result(result);
    }

    /** Redis counts the delivery, so it counts for whoever takes over, too. */
    private void deliverAgain() {
        rest(Math.min(50_000_000L * delivery, Math.max(0, deadline - System.nanoTime())));
        try {
            step(() -> worker.redis()
                    .call(Script.CLAIM.on(
                            partition.stream(), Keys.GROUP, worker.consumer(), delivery + 1, entry.id())));
        } catch (RefusedException e) {
            // The group is gone, and with it the count.
        }
        delivery++;
    }

    private Answer giveUp(String reason) {
        bury(reason);
        return Answer.failure("given up after " + worker.config().maxDeliveries() + " deliveries: " + reason);
    }

    /** A letter that Redis does not take until the deadline is lost, but for the log. */
    private void bury(String reason) {
        buried = true;
        worker.counters().dead.increment();
        LOG.warn("{} of {} is a dead letter: {}", entry.id(), partition, reason);
        try {
            step(() -> worker.redis().call(DeadLetter.of(partition, entry, delivery, reason)));
        } catch (OverException | RefusedException e) {
            LOG.warn("the dead letter {} of {} is not kept: {}", entry.id(), partition, Trouble.shown(e));
        }
    }

    /** Keeps the answer for its window, unless another run was first; then that one's is the answer. */
    private Answer keep(String id, Answer made) {
        Object first = step(() -> worker.redis()
                .call(Script.FINISH.onBoth(
                        worker.keys().done(id),
                        worker.keys().tries(id),
                        made.bytes(),
                        worker.config().replyWindow().toMillis())));
        begun = false;
        return first == null ? made : Answer.of((byte[]) first);
    }

    /** Adds the answer to the caller's stream. One that is none, or is forbidden, is as good as gone. */
    private void send(String id, byte[] replies, Answer answer) {
        Object added;
        try {
            added = step(() -> {
                try {
                    return worker.redis().call(reply(replies, id, answer.bytes()));
                } catch (RuntimeException e) {
                    throw Trouble.isForbidden(e) ? new RefusedException(e) : e;
                }
            });
        } catch (RefusedException e) {
            LOG.warn("the answer to {} has nowhere to go: {}", entry.id(), Trouble.shown(e));
            added = null;
        }
        if (added == null) {
            worker.counters().orphans.increment();
        }
    }

    static Command reply(byte[] replies, String id, byte[] answer) {
        return Command.of(
                Protocol.Command.XADD, replies, "NOMKSTREAM", "MAXLEN", "~", MOST_REPLIES, "*", "i", id, "a", answer);
    }

    private void remove() {
        lastly(() -> {
            for (Object reply : worker.redis().all(partition.removal(List.of(entry.id())))) {
                if (reply instanceof RuntimeException e) {
                    throw e;
                }
            }
            return null;
        });
    }

    /** Does a step, again and again while Redis is away, or refuses it before the deadline. */
    private <T> @Nullable T step(Supplier<? extends @Nullable T> step) {
        return step(deadline, step);
    }

    /** Does a step that matters when the deadline is over, too; if Redis refuses it, the request stays there. */
    private void lastly(Supplier<? extends @Nullable Object> step) {
        try {
            step(Math.max(deadline, System.nanoTime()) + LAST_STEP_NANOS, step);
        } catch (OverException | RefusedException e) {
            LOG.warn("{} of {} stays with Redis: {}", entry.id(), partition, Trouble.shown(e));
        }
    }

    private <T> @Nullable T step(long until, Supplier<? extends @Nullable T> step) {
        Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
        while (true) {
            try {
                return step.get();
            } catch (RefusedException e) {
                throw e;
            } catch (RuntimeException e) {
                passing(e, until - System.nanoTime() <= 0);
                backoff.failed(System.nanoTime());
                rest(backoff.remaining(System.nanoTime()).toNanos());
            }
        }
    }

    /** Returns if the step is to be tried again. */
    private void passing(RuntimeException e, boolean late) {
        if (worker.ended()) {
            throw new LeftException();
        }
        if (!Trouble.mayPass(e)) {
            throw new RefusedException(e);
        }
        if (late && Trouble.isRefusal(e)) {
            throw new OverException(e);
        }
        if (late && worker.config().clustered()) {
            // The terminal is for the partitions that are there; this one's request is found when it is back.
            throw new LeftException();
        }
    }

    private void rest(long nanos) {
        long until = System.nanoTime() + nanos;
        while (until - System.nanoTime() > 0) {
            if (worker.ended()) {
                throw new LeftException();
            }
            LockSupport.parkNanos(this, until - System.nanoTime());
            if (Thread.interrupted() && worker.ended()) {
                throw new LeftException();
            }
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return Objects.hash(entry.id());
    }
}
