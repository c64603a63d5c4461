package dev.holdfast.streams;

import dev.holdfast.streams.Steps.RefusedException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * How one request's answer is kept for its window and sent to the caller's stream: both, and the request's removal, in one script if all
 * is as usual; else step by step, each of which has its own way with what is refused. Of one thread.
 */
final class AnswerSteps {
    private static final Logger LOG = LoggerFactory.getLogger(AnswerSteps.class);
    private static final long MOST_REPLIES = 10_000;

    /** How far {@link Script#ANSWER} says that it came. */
    private static final long KEPT = 1;

    private static final long ADDED = 2;
    private static final long REMOVED = 3;

    private final Worker worker;
    private final Partition partition;
    private final String entryId;
    private final String id;
    private final byte[] replies;
    private final Steps steps;
    private long done;

    /** What became of an answer: there was a stream for it, there was none, or there can be none. */
    enum Sent {
        SENT,
        MISSING,
        NOWHERE
    }

    AnswerSteps(Worker worker, Partition partition, String entryId, String id, byte[] replies, Steps steps) {
        this.worker = worker;
        this.partition = partition;
        this.entryId = entryId;
        this.id = id;
        this.replies = replies;
        this.steps = steps;
    }

    /** The request's id. */
    String id() {
        return id;
    }

    /** The name of the caller's stream. */
    byte[] replies() {
        return replies;
    }

    /** Whether the request has gone with its answer. */
    boolean isRemoved() {
        return done >= REMOVED;
    }

    /** The answer that stands at this id; {@code null} if none does, or that is not known. */
    byte @Nullable [] found() {
        try {
            return (byte[]) steps.take(() -> worker.redis()
                    .call(Command.of(Protocol.Command.GET, worker.keys().done(id))));
        } catch (RefusedException e) {
            return null;
        }
    }

    /** An earlier run's answer; {@code null} if the bytes name one that is under way. */
    @Nullable
    Answer earlier(byte[] found) {
        if (!Answer.isAnswer(found)) {
            return null;
        }
        worker.counters().replayed.increment();
        return new Answer(found);
    }

    /**
     * Keeps the answer, unless another run was first; then that one's is the answer. A failure is none while another run is under way: then
     * {@code null}.
     */
    @Nullable
    Answer keep(String owner, Answer made) {
        done = atOnce(owner, made);
        if (done >= KEPT) {
            return made;
        }
        Object first = steps.take(() -> worker.redis()
                .call(Script.FINISH.onBoth(
                        worker.keys().done(id),
                        worker.keys().tries(id),
                        owner,
                        made.bytes(),
                        worker.config().replyWindow().toMillis())));
        return first == null ? made : earlier((byte[]) first);
    }

    /** Keeps the answer, sends it and removes the request; says how far that came. In a cluster these are for two nodes. */
    private long atOnce(String owner, Answer made) {
        if (worker.config().clustered()) {
            return 0;
        }
        Command command = Script.ANSWER.onAll(
                List.of(worker.keys().done(id), worker.keys().tries(id), replies, partition.stream()),
                owner,
                made.bytes(),
                worker.config().replyWindow().toMillis(),
                id,
                MOST_REPLIES,
                Keys.GROUP,
                entryId);
        try {
            return StreamReply.number(steps.take(() -> {
                try {
                    return worker.redis().call(command);
                } catch (RuntimeException e) {
                    throw Trouble.isRefusal(e) ? new RefusedException(e) : e;
                }
            }));
        } catch (RefusedException e) {
            return 0;
        }
    }

    /** Adds the answer to the caller's stream, if that has not been done; says whether there was one. One that is none, or is forbidden, is as good as gone. */
    Sent send(Answer answer) {
        if (done >= ADDED) {
            return Sent.SENT;
        }
        try {
            Object added = steps.take(() -> {
                try {
                    return worker.redis().call(reply(replies, id, answer.bytes()));
                } catch (RuntimeException e) {
                    throw Trouble.isForbiddenKey(e) ? new RefusedException(e) : e;
                }
            });
            return added == null ? Sent.MISSING : Sent.SENT;
        } catch (RefusedException e) {
            LOG.warn("the answer to {} has nowhere to go: {}", entryId, Trouble.shown(e));
            return Sent.NOWHERE;
        }
    }

    static Command reply(byte[] replies, String id, byte[] answer) {
        return Command.of(
                Protocol.Command.XADD, replies, "NOMKSTREAM", "MAXLEN", "~", MOST_REPLIES, "*", "i", id, "a", answer);
    }
}
