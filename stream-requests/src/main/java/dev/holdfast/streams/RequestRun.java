package dev.holdfast.streams;

import dev.holdfast.streams.AnswerSteps.Sent;
import dev.holdfast.streams.Steps.LeftException;
import dev.holdfast.streams.Steps.OverException;
import dev.holdfast.streams.Steps.RefusedException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a terminal does with one request: skip it if its time is over, answer it from an earlier run of its id, or run it, keep the answer,
 * send it, and only then remove the request. If another run of its id is under way, or it is one of the {@link Suspects} and not the one that may be run,
 * it leaves the terminal and waits with the {@link Repetitions}. While
 * Redis is away it repeats the step it is at: each may be done twice without harm. What it can't finish stays in the stream for others; what Redis
 * refuses for good, or for want of memory until nobody waits any more, ends.
 */
final class RequestRun implements Runnable, Held {
    private static final Logger LOG = LoggerFactory.getLogger(RequestRun.class);
    private static final long MAY_NOT_BEGIN = 0;
    private static final long FIRST_PAUSE_NANOS = 10_000_000;
    private static final long LONGEST_PAUSE_NANOS = 200_000_000;

    private final Worker worker;
    private final Partition partition;
    private final StreamReply.Entry entry;
    private final Steps steps;
    private final Attempts attempts;
    private boolean suspected;
    private boolean counted;
    private volatile boolean begun;

    RequestRun(Worker worker, Partition partition, Partition.Taken taken) {
        this(worker, partition, taken, true);
    }

    private RequestRun(Worker worker, Partition partition, Partition.Taken taken, boolean counted) {
        this.worker = worker;
        this.partition = partition;
        this.entry = taken.entry();
        this.suspected = taken.delivery() > 1;
        this.counted = counted;
        this.steps = new Steps(worker);
        this.attempts = new Attempts(worker, partition, taken, steps);
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
        return steps.isOver(nanos);
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
        if (id == null
                || replies == null
                || limit == null
                || payload == null
                || !StreamReply.isNumber(StreamReply.text(limit), ServerClock.LIMIT_DIGITS)) {
            attempts.bury("not a request: it lacks a field");
            remove();
            return;
        }
        long limitMillis = Long.parseLong(StreamReply.text(limit));
        steps.deadline(partition.clock().deadline(entry.id(), limitMillis, fields.get("d")));
        AnswerSteps answers = new AnswerSteps(worker, partition, entry.id(), StreamReply.text(id), replies, steps);
        try {
            answer(answers, payload);
        } catch (OverException e) {
            expire(answers.id());
        } catch (RefusedException e) {
            refuse(answers, e);
        }
    }

    /** Answers it, or has it wait where it holds no terminal; if there is no room, then here. */
    private void answer(AnswerSteps answers, byte[] payload) {
        long pause = FIRST_PAUSE_NANOS;
        while (true) {
            steps.requireTime(null);
            Answer answer = answered(answers, payload);
            if (answer != null) {
                Sent sent = answers.send(answer);
                if (sent == Sent.MISSING && !isOver() && park(answers, true)) {
                    return;
                }
                countOrphan(sent);
                if (!answers.isRemoved()) {
                    remove();
                }
                worker.counters().answered.increment();
                return;
            }
            beginToWait();
            if (park(answers, false)) {
                return;
            }
            steps.rest(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
    }

    /** Has it wait with the {@link Repetitions}: for another's answer, or, answered, for the reply stream that its caller may be making again. */
    private boolean park(AnswerSteps answers, boolean isAnswered) {
        Repetition waiting = new Repetition(
                partition,
                entry.id(),
                answers.id(),
                answers.replies(),
                attempts.delivery(),
                suspected,
                steps.deadline());
        return worker.repetitions().park(isAnswered ? waiting.answered() : waiting);
    }

    /** The answer, of an earlier run of this id or of this one; {@code null} while another run of it is under way, or another of the suspects. */
    private @Nullable Answer answered(AnswerSteps answers, byte[] payload) {
        if (attempts.areTooMany()) {
            // Before all that can fail, or it would never come to that.
            byte[] found = answers.found();
            return found == null
                    ? keep(answers, attempts.giveUp("no worker that had it has answered"))
                    : answers.earlier(found);
        }
        if (suspected && !worker.suspects().begin(this)) {
            return null;
        }
        Object found = begin(answers.id());
        if (found.equals(MAY_NOT_BEGIN)) {
            suspected = true;
            if (worker.suspects().begin(this)) {
                found = begin(answers.id());
            }
        }
        if (found.equals(MAY_NOT_BEGIN)) {
            return null;
        }
        return found instanceof Long tries
                ? keep(answers, attempts.run(answers.id(), payload, tries))
                : answers.earlier((byte[]) found);
    }

    private @Nullable Answer keep(AnswerSteps answers, Answer made) {
        Answer kept = answers.keep(owner(), made);
        begun = false;
        return kept;
    }

    /** Waiting is no delivery: whoever takes it over counts as this one did. */
    private void beginToWait() {
        worker.suspects().end(this);
        if (counted) {
            attempts.count(attempts.delivery() - 1);
            counted = false;
        }
    }

    private void expire(String id) {
        if (!attempts.isBuried()) {
            worker.counters().expired.increment();
        }
        drop(id);
        remove();
    }

    /** Ends a request that Redis does not let be answered. Its caller hears of it, if it can. */
    private void refuse(AnswerSteps answers, RefusedException e) {
        String reason = String.valueOf(e.getMessage());
        attempts.bury(reason);
        drop(answers.id());
        try {
            countOrphan(answers.send(Answer.failure("given up: " + reason)));
        } catch (OverException late) {
            // Then nobody waits for it.
        }
        remove();
    }

    private void drop(String id) {
        begun = false;
        lastly(() -> worker.redis()
                .call(Script.DROP.onBoth(
                        worker.keys().done(id), worker.keys().tries(id), owner(), attempts.started() ? 1 : 0)));
    }

    /**
     * Begins to be the one who runs this id.
     *
     * @return how many runs of this id have begun since one has ended, this one included; {@link #MAY_NOT_BEGIN} if others have and this is not the one of the
     *     suspects that may be run; or the answer of another run, or its name
     */
    private Object begin(String id) {
        Object found = steps.take(() -> worker.redis()
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
                attempts.count(attempts.delivery());
                counted = true;
            }
            steps.requireTime(null);
        }
        return Objects.requireNonNull(found);
    }

    /** Two workers that both have the request, since one was taken for dead, are two. */
    private String owner() {
        return "R" + worker.consumer() + ' ' + entry.id();
    }

    private void countOrphan(Sent sent) {
        if (sent != Sent.SENT) {
            worker.counters().orphans.increment();
        }
    }

    private void remove() {
        lastly(() -> worker.redis().call(partition.removal(List.of(entry.id()))));
    }

    /** Does a step that matters when the deadline is over, too; if Redis refuses it, the request stays there. */
    private void lastly(Supplier<? extends @Nullable Object> step) {
        try {
            steps.takeLast(step);
        } catch (OverException | RefusedException e) {
            LOG.warn("{} of {} stays with Redis: {}", entry.id(), partition, Trouble.shown(e));
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
