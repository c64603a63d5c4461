package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.ErrorReply;
import io.lettuce.core.RedisCommandExecutionException;
import java.io.IOException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What kind of failure it is, as far as it decides what is done next. */
enum FailureKind {
    /** Another node has the slot. */
    MOVED,
    /** Another node may have the key, for this once. */
    ASK,
    /** A state of the node or the cluster that passes by itself. */
    PASSING,
    /** A script must be sent in full. */
    NO_SCRIPT,
    /** The answer is larger than it may be. */
    TOO_LARGE,
    /** The node answered, and that is that. */
    ANSWERED,
    /** The connection was lost or could not be opened. */
    LOST;

    static FailureKind of(Throwable failure) {
        ErrorReply answer = answer(failure);
        if (answer == null) {
            return failure instanceof ReplyTooLargeException ? TOO_LARGE : LOST;
        }
        return switch (answer.code()) {
            case "MOVED" -> MOVED;
            case "ASK" -> ASK;
            case "NOSCRIPT" -> NO_SCRIPT;
            default -> answer.isPassing() ? PASSING : ANSWERED;
        };
    }

    /** Whether a node said so, which a dead one can't. */
    static boolean isAnswer(@Nullable Throwable failure) {
        return isAnswer(failure, answer -> !answer.isOfClient());
    }

    /** Whether a node refused a log-in for its words. */
    static boolean isOfLogin(@Nullable Throwable failure) {
        return isAnswer(failure, answer -> !answer.isOfClients() && !answer.isPassing());
    }

    /** Whether a node does not know a command, or this client's user may never use it. */
    static boolean isCommandRefused(Throwable failure) {
        return isAnswer(
                failure,
                answer -> !answer.isOfClient()
                        && (answer.is("NOPERM") || answer.is("ERR"))
                        && !answer.text().contains("cluster support disabled"));
    }

    static boolean isNoPermission(Throwable failure) {
        return isAnswer(failure, answer -> answer.is("NOPERM"));
    }

    static boolean isRedirection(Throwable failure) {
        return of(failure) == MOVED || of(failure) == ASK;
    }

    private static boolean isAnswer(@Nullable Throwable failure, Predicate<ErrorReply> which) {
        ErrorReply answer = answer(failure);
        return answer != null && which.test(answer);
    }

    private static @Nullable ErrorReply answer(@Nullable Throwable failure) {
        RedisCommandExecutionException answer =
                failure == null ? null : Causes.find(failure, RedisCommandExecutionException.class);
        return answer == null ? null : ErrorReply.of(answer.getMessage());
    }

    /** Whether the node, or something between, ended the connection. */
    static boolean isClosedByPeer(Throwable failure) {
        return Causes.find(failure, ClosedByPeerException.class) != null
                || Causes.find(failure, IOException.class) != null;
    }

    /**
     * Where MOVED or ASK points to.
     *
     * @param from the node that said it, whose host stands for one that is left out
     * @return {@code null} if it is malformed
     */
    static @Nullable Redirection redirection(Throwable failure, Node from) {
        ErrorReply answer = answer(failure);
        String[] words = answer == null ? new String[0] : answer.text().split(" ", -1);
        int slot = words.length < 3 ? -1 : Slots.parse(words[1]);
        if (slot < 0) {
            return null;
        }
        if (words[2].startsWith("?:")) {
            // A node whose name is not known yet: others may know its address.
            return new Redirection(slot, null);
        }
        try {
            return new Redirection(
                    slot,
                    Address.parse(words[2].startsWith(":") ? from.address().host() + words[2] : words[2]));
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * A slot, and who has it.
     *
     * @param to {@code null} if the node that said so does not know where that is
     */
    record Redirection(int slot, @Nullable Address to) {}

    /** Whether a node refuses writes for a state of its own in which it answers reads. */
    static boolean isOfWritesOnly(Throwable failure) {
        return isAnswer(failure, answer -> answer.isOfWritesOnly());
    }
}
