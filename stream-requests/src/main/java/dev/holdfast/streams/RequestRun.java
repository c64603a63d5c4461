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
 * send it, and only then remove the request. If another run of its id is under way, or it is one of the {@link Suspects} and not the one that may be run,
 * it leaves the terminal and waits with the {@link Repetitions}. While
 * Redis is away it repeats the step it is at: each may be done twice without harm. What it can't finish stays in the stream for others; what Redis
 * refuses for good, or for want of memory until nobody waits any more, ends.
 */
final class RequestRun implements Runnable, Held {
    private static final Logger LOG = LoggerFactory.getLogger(RequestRun.class);
    private static final long MOST_REPLIES = 10_000;
    private static final long LAST_STEP_NANOS = 10_000_000_000L;
    private static final long MAY_NOT_BEGIN = 0;
    private static final long FIRST_PAUSE_NANOS = 10_000_000;
    private static final long LONGEST_PAUSE_NANOS = 200_000_000;

    /** How far {@link Script#ANSWER} says that it came. */
    private static final long KEPT = 1;

    private static final long ADDED = 2;
    private static final long REMOVED = 3;

    private final Worker worker;
    private final Partition partition;
    private final StreamReply.Entry entry;
    private final long payloadBytes;
    private int delivery;
    private volatile long deadline = System.nanoTime() + LAST_STEP_NANOS;
    private boolean suspected;
    private boolean counted;
    private boolean started;
    private boolean buried;
    private long done;
    private volatile boolean begun;

    /** What became of an answer: there was a stream for it, there was none, or there can be none. */
    private enum Sent {
        SENT,
        MISSING,
        NOWHERE
    }

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
        this(worker, partition, taken, true);
    }

    private RequestRun(Worker worker, Partition partition, Partition.Taken taken, boolean counted) {
        this.worker = worker;
        this.partition = partition;
        this.entry = taken.entry();
        this.payloadBytes = taken.payloadBytes();
        this.delivery = taken.delivery();
        this.suspected = taken.delivery() > 1;
        this.counted = counted;
    }

    /** The run of one that has waited. */
    static RequestRun resumed(Worker worker, Repetition waited, Partition.Taken taken) {
        RequestRun run = new RequestRun(worker, waited.partition(), taken, false);
        run.suspected = waited.isSuspected();
        return run;
    }

    /** Has no other of the {@link Suspects} begin before this one, if it is one of them. */
    void reserve() {
        if (suspected) {
            var unused = worker.suspects().begin(this);
        }
    }

    /** Lets go of it; what Redis has of it stays there. */
    void leave() {
        worker.atWork().remove(this);
        worker.suspects().end(this);
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
    public @Nullable Lease lease() {
        byte[] id = entry.fields().get("i");
        return id == null || !begun ? null : new Lease(StreamReply.text(id), owner());
    }

    @Override
    public boolean isOver() {
        return isOver(0);
    }

    /** Whether its caller has given up for so long. */
    boolean isOver(long nanos) {
        return deadline + nanos - System.nanoTime() <= 0;
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
            leave();
        }
    }

    private void handle() {
        Map<String, byte[]> fields = entry.fields();
        byte[] id = fields.get("i");
        byte[] replies = fields.get("r");
        byte[] limit = fields.get("l");
        byte[] payload = fields.get("p");
        if (id == null || replies == null || limit == null || payload == null || !isNumber(StreamReply.text(limit))) {
            bury("not a request: it lacks a field");
            remove();
            return;
        }
        long limitMillis = Long.parseLong(StreamReply.text(limit));
        deadline = partition.clock().deadline(entry.id(), limitMillis, fields.get("d"));
        try {
            answer(StreamReply.text(id), replies, payload);
        } catch (OverException e) {
            expire(StreamReply.text(id));
        } catch (RefusedException e) {
            refuse(StreamReply.text(id), replies, e);
        }
    }

    /** Whether it can be a limit. */
    static boolean isNumber(String text) {
        return isNumber(text, 12);
    }

    /** Whether it has digits only, so many at most. */
    static boolean isNumber(String text, int digits) {
        return text.length() <= digits && text.matches("[0-9]+");
    }

    /** Answers it, or has it wait where it holds no terminal; if there is no room, then here. */
    private void answer(String id, byte[] replies, byte[] payload) {
        long pause = FIRST_PAUSE_NANOS;
        while (true) {
            if (isOver()) {
                throw new OverException(null);
            }
            Answer answer = answered(id, replies, payload);
            if (answer != null) {
                Sent sent = done >= ADDED ? Sent.SENT : send(id, replies, answer);
                if (sent == Sent.MISSING && waitForStream(id, replies)) {
                    return;
                }
                countOrphan(sent);
                if (done < REMOVED) {
                    remove();
                }
                worker.counters().answered.increment();
                return;
            }
            beginToWait();
            Repetition waiting = new Repetition(partition, entry.id(), id, replies, delivery, suspected, deadline);
            if (worker.repetitions().park(waiting)) {
                return;
            }
            rest(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
    }

    /** Its caller may be making its reply stream again. The answer is kept, so it needs no terminal for that. */
    private boolean waitForStream(String id, byte[] replies) {
        Repetition kept = new Repetition(partition, entry.id(), id, replies, delivery, suspected, deadline);
        return !isOver() && worker.repetitions().park(kept.answered());
    }

    /** The answer, of an earlier run of this id or of this one; {@code null} while another run of it is under way, or another of the suspects. */
    private @Nullable Answer answered(String id, byte[] replies, byte[] payload) {
        if (delivery > worker.config().maxDeliveries()) {
            // Before all that can fail, or it would never come to that.
            byte[] found = found(id);
            return found == null ? keep(id, replies, giveUp("no worker that had it has answered")) : earlier(found);
        }
        if (suspected && !worker.suspects().begin(this)) {
            return null;
        }
        Object found = begin(id);
        if (found.equals(MAY_NOT_BEGIN)) {
            suspected = true;
            if (worker.suspects().begin(this)) {
                found = begin(id);
            }
        }
        if (found.equals(MAY_NOT_BEGIN)) {
            return null;
        }
        return found instanceof Long tries ? keep(id, replies, attempts(id, payload, tries)) : earlier((byte[]) found);
    }

    private @Nullable Answer earlier(byte[] found) {
        if (!Answer.isAnswer(found)) {
            return null;
        }
        worker.counters().replayed.increment();
        return new Answer(found);
    }

    /** Waiting is no delivery: whoever takes it over counts as this one did. */
    private void beginToWait() {
        worker.suspects().end(this);
        if (counted) {
            count(delivery - 1);
            counted = false;
        }
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
            countOrphan(send(id, replies, Answer.failure("given up: " + reason)));
        } catch (OverException late) {
            // Then nobody waits for it.
        }
        remove();
    }

    private void drop(String id) {
        begun = false;
        lastly(() -> worker.redis()
                .call(Script.DROP.onBoth(worker.keys().done(id), worker.keys().tries(id), owner(), started ? 1 : 0)));
    }

    /** What stands at this id, if that is known. */
    private byte @Nullable [] found(String id) {
        try {
            return (byte[]) step(() -> worker.redis()
                    .call(Command.of(Protocol.Command.GET, worker.keys().done(id))));
        } catch (RefusedException e) {
            return null;
        }
    }

    /**
     * Begins to be the one who runs this id.
     *
     * @return how many runs of this id have begun since one has ended, this one included; {@link #MAY_NOT_BEGIN} if others have and this is not the one of the
     *     suspects that may be run; or the answer of another run, or its name
     */
    private Object begin(String id) {
        Object found = step(() -> worker.redis()
                .call(Script.BEGIN.onBoth(
                        worker.keys().done(id),
                        worker.keys().tries(id),
                        owner(),
                        worker.config().claimIdle().toMillis(),
                        worker.triesCounted().toMillis(),
                        worker.suspects().isRunning(this) ? 1 : 0)));
        if (found instanceof Long tries && tries > MAY_NOT_BEGIN) {
            begun = true;
            if (!counted) {
                count(delivery);
                counted = true;
            }
            if (isOver()) {
                throw new OverException(null);
            }
        }
        return Objects.requireNonNull(found);
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
        started = true;
        while (true) {
            // Its own array: the next attempt and the dead letter have it as it was sent. Outside of the attempt, as is
            // the answer's copy: want of memory for
            // them is no failure of the handler.
            Request request = new Request(id, payload.clone(), delivery, deadline);
            byte[] result = null;
            Throwable failure = null;
            try {
                result = worker.handler().handle(request);
            } catch (RequestFailedException e) {
                return Answer.failure(String.valueOf(e.getMessage()));
            } catch (Throwable e) {
                failure = e;
            } finally {
                // It was meant for the handler. In a virtual thread it would close the connection to Redis.
                Thread.interrupted();
            }
            if (result != null) {
                return answer(result);
            }
            if (failure == null) {
                failure = new NullPointerException("the handler returned null");
            }
            if (worker.ended()) {
                throw new LeftException();
            }
            worker.counters().attemptsFailed.increment();
            HandlerFailure.log(LOG, "delivery " + delivery + " of " + id + " failed", failure);
            if (delivery >= worker.config().maxDeliveries()) {
                return giveUp(HandlerFailure.reason(failure));
            }
            deliverAgain();
            if (isOver()) {
                throw new OverException(failure);
            }
        }
    }

    private Answer answer(byte[] result) {
        if (result.length > worker.config().maxPayloadBytes()) {
            return Answer.failure("the answer has " + result.length + " bytes, more than "
                    + worker.config().maxPayloadBytes());
        }
        return Answer.result(result);
    }

    /** Redis counts the delivery, so it counts for whoever takes over, too. */
    private void deliverAgain() {
        rest(Math.min(50_000_000L * delivery, Math.max(0, deadline - System.nanoTime())));
        count(delivery + 1);
        delivery++;
    }

    private void count(int deliveries) {
        try {
            step(() -> worker.redis()
                    .call(Script.CLAIM.on(partition.stream(), Keys.GROUP, worker.consumer(), deliveries, entry.id())));
        } catch (RefusedException e) {
            // The group is gone, and with it the count.
        }
    }

    private Answer giveUp(String reason) {
        if (!buried) {
            bury(reason);
        }
        return Answer.failure("given up after " + worker.config().maxDeliveries() + " deliveries: " + reason);
    }

    /** A letter that Redis does not take until the deadline is lost, but for the log. */
    private void bury(String reason) {
        buried = true;
        worker.counters().dead.increment();
        LOG.warn("{} of {} is a dead letter: {}", entry.id(), partition, reason);
        try {
            step(() -> worker.redis().call(DeadLetter.of(partition, entry, payloadBytes, delivery, reason)));
        } catch (OverException | RefusedException e) {
            LOG.warn("the dead letter {} of {} is not kept: {}", entry.id(), partition, Trouble.shown(e));
        }
    }

    /**
     * Keeps the answer for its window, unless another run was first; then that one's is the answer. A failure is none while another run is under
     * way: then {@code null}.
     */
    private @Nullable Answer keep(String id, byte[] replies, Answer made) {
        done = atOnce(id, replies, made);
        if (done >= KEPT) {
            begun = false;
            return made;
        }
        Object first = step(() -> worker.redis()
                .call(Script.FINISH.onBoth(
                        worker.keys().done(id),
                        worker.keys().tries(id),
                        owner(),
                        made.bytes(),
                        worker.config().replyWindow().toMillis())));
        begun = false;
        return first == null ? made : earlier((byte[]) first);
    }

    /** Keeps the answer, sends it and removes the request in one go, if all is as usual; says how far that came. In a cluster these are for two nodes. */
    private long atOnce(String id, byte[] replies, Answer made) {
        if (worker.config().clustered()) {
            return 0;
        }
        Command command = Script.ANSWER.onAll(
                List.of(worker.keys().done(id), worker.keys().tries(id), replies, partition.stream()),
                owner(),
                made.bytes(),
                worker.config().replyWindow().toMillis(),
                id,
                MOST_REPLIES,
                Keys.GROUP,
                entry.id());
        try {
            return StreamReply.number(step(() -> {
                try {
                    return worker.redis().call(command);
                } catch (RuntimeException e) {
                    throw Trouble.isRefusal(e) ? new RefusedException(e) : e;
                }
            }));
        } catch (RefusedException e) {
            // Each step by itself has its own way with what is refused.
            return 0;
        }
    }

    /** Adds the answer to the caller's stream; says whether there was one. One that is none, or is forbidden, is as good as gone. */
    private Sent send(String id, byte[] replies, Answer answer) {
        try {
            Object added = step(() -> {
                try {
                    return worker.redis().call(reply(replies, id, answer.bytes()));
                } catch (RuntimeException e) {
                    throw Trouble.isForbiddenKey(e) ? new RefusedException(e) : e;
                }
            });
            return added == null ? Sent.MISSING : Sent.SENT;
        } catch (RefusedException e) {
            LOG.warn("the answer to {} has nowhere to go: {}", entry.id(), Trouble.shown(e));
            return Sent.NOWHERE;
        }
    }

    private void countOrphan(Sent sent) {
        if (sent != Sent.SENT) {
            worker.counters().orphans.increment();
        }
    }

    static Command reply(byte[] replies, String id, byte[] answer) {
        return Command.of(
                Protocol.Command.XADD, replies, "NOMKSTREAM", "MAXLEN", "~", MOST_REPLIES, "*", "i", id, "a", answer);
    }

    private void remove() {
        lastly(() -> worker.redis().call(partition.removal(List.of(entry.id()))));
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
