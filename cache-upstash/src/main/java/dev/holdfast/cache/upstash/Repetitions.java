package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends commands, and again if their connection breaks and that is harmless: the second time alone, on another connection, as it may have been the
 * connection's fault, or that of another command in the same request; and then among the {@link Suspects}. If one breaks its connections again and
 * again, and no other does, while the database answers, it is that command's fault. Thread-safe.
 */
final class Repetitions {
    /** How often commands of one caller are repeated that go together. */
    private static final int REPEATS_OF_ALL = 2;

    private static final long PING_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Combiner combiner;
    private final Requests rest;
    private final Blame blame = new Blame();
    private final Suspects suspects;
    private volatile boolean closed;

    Repetitions(Combiner combiner, Requests rest) {
        this.combiner = combiner;
        this.rest = rest;
        this.suspects = new Suspects(rest, blame);
    }

    /** Repeats nothing from now on. */
    void close() {
        closed = true;
    }

    Reply one(Command command, long deadline) {
        // Whoever is suspect has its first connection for itself too.
        boolean suspect = suspects.isOne(command);
        Reply reply;
        try {
            reply = suspect ? suspects.first(command, deadline) : null;
            if (reply == null) {
                suspect = false;
                reply = combiner.run(command, left(command.name(), deadline));
            }
        } catch (CacheUnavailableException e) {
            if (closed || !mayBeRepeated(command, e) || !isBroken(e) || deadline - System.nanoTime() <= 0) {
                throw e;
            }
            reply = again(command, deadline, suspect, e);
        }
        blame.answered(command, System.nanoTime());
        return reply;
    }

    private Reply again(Command command, long deadline, boolean suspect, CacheUnavailableException first) {
        long since = System.nanoTime();
        CacheUnavailableException last = first;
        boolean unknown = first.outcomeUnknown();
        if (suspect
                && isClosed(first)
                && blame.isJudged(command, System.nanoTime())
                && isToBlame(command, since, deadline)) {
            throw rejected(command, "a connection broke under it alone, as others did under requests like it", first);
        }
        int repeats = blame.repeats(command, System.nanoTime());
        int done = 0;
        while (done < repeats && (done == 0 || (isClosed(last) && deadline - System.nanoTime() > 0))) {
            try {
                boolean isSuspect = suspect || done > 0 || command.isLarge() || brokeAlone(last);
                return repeated(command, deadline, isSuspect && !isSilent(last), last);
            } catch (CacheUnavailableException e) {
                if (e == last) {
                    break;
                }
                e.addSuppressed(last);
                last = e;
                unknown |= e.outcomeUnknown();
                done++;
            }
        }
        if (done == repeats && isClosed(first) && isClosed(last) && isToBlame(command, since, deadline)) {
            throw rejected(
                    command,
                    (1 + repeats)
                            + " connections broke while it was under way, all but the first without any other command",
                    last);
        }
        throw unknown && !command.isReadOnly() ? outcomeUnknown(last) : last;
    }

    private CacheRejectedException rejected(Command command, String why, CacheUnavailableException last) {
        blame.judged(command, System.nanoTime());
        return new CacheRejectedException(
                command.name() + " at " + rest.errors().address() + ": " + why
                        + ", though the database answers others; the command has " + command.json().length
                        + " bytes: does a proxy or the service limit requests or answers to less?",
                last);
    }

    private Reply repeated(Command command, long deadline, boolean suspect, CacheUnavailableException before) {
        Reply reply = suspect ? suspects.again(command, deadline, before) : null;
        if (reply != null) {
            return reply;
        }
        try {
            return combiner.runAgain(command, left(command.name(), deadline));
        } catch (CacheUnavailableException e) {
            if (isClosed(e)) {
                blame.broke(command, System.nanoTime());
            }
            throw e;
        }
    }

    private boolean isToBlame(Command command, long since, long deadline) {
        long left = Math.min(deadline - System.nanoTime(), PING_NANOS);
        return left > 0 && !blame.isOfOthers(command, System.nanoTime()) && rest.answers(since, left);
    }

    /** Runs commands of one caller in one request; failed replies stand in their places. */
    List<Reply> all(List<Command> commands, long deadline) {
        try {
            return combiner.runAll(commands, left("pipeline", deadline));
        } catch (CacheUnavailableException e) {
            boolean harmless = commands.stream().allMatch(command -> mayBeRepeated(command, e));
            if (closed || !harmless || !isBroken(e) || deadline - System.nanoTime() <= 0) {
                throw e;
            }
            return allAgain(commands, deadline, e);
        }
    }

    private List<Reply> allAgain(List<Command> commands, long deadline, CacheUnavailableException first) {
        CacheUnavailableException last = first;
        boolean unknown = first.outcomeUnknown();
        for (int done = 0; done < REPEATS_OF_ALL; done++) {
            if (done > 0 && (!isClosed(last) || deadline - System.nanoTime() <= 0)) {
                break;
            }
            try {
                List<Reply> replies = done > 0 || brokeAlone(last) ? suspects.allAgain(commands, deadline, last) : null;
                return replies != null ? replies : combiner.runAllAgain(commands, left("pipeline", deadline));
            } catch (CacheUnavailableException e) {
                if (e == last) {
                    break;
                }
                e.addSuppressed(last);
                last = e;
                unknown |= e.outcomeUnknown();
            }
        }
        throw unknown && !commands.stream().allMatch(Command::isReadOnly) ? outcomeUnknown(last) : last;
    }

    /** Whether nobody else had a part in a request that broke its connection, while suspects break theirs or others need what there is. */
    private boolean brokeAlone(CacheUnavailableException failure) {
        return (suspects.areBreaking() || combiner.isShort()) && isClosed(failure) && !Combiner.wasShared(failure);
    }

    /** The same failure, of which it is not known what came of an attempt before. */
    static CacheUnavailableException outcomeUnknown(CacheUnavailableException e) {
        String message = String.valueOf(e.getMessage());
        return e.outcomeUnknown()
                ? e
                : e instanceof CacheTimeoutException
                        ? new CacheTimeoutException(message, e, true, e.failedKeys(), e.partialResult())
                        : new CacheUnavailableException(
                                message, e, e.reason(), true, e.failedKeys(), e.partialResult());
    }

    /** Whether it was sent, and its connection broke. Silence is no sign of poison: whatever limits requests or answers ends the connection. */
    static boolean isClosed(CacheUnavailableException e) {
        return isBroken(e) && e.outcomeUnknown() && !isSilent(e);
    }

    /** Whether a connection could not be made or broke, and no answer came. */
    private static boolean isBroken(CacheUnavailableException e) {
        return e.reason() == Reason.CONNECTION
                && origin(e) instanceof IOException cause
                && !(cause instanceof MalformedHttpException);
    }

    /**
     * Whether a command may be sent again after a failure. One that was only silent may still be executed, at any time, and so after what is
     * acknowledged later: a value that comes so late would bring back what was removed. Whoever is told that the outcome is unknown
     * can wait for that.
     */
    private static boolean mayBeRepeated(Command command, CacheUnavailableException failure) {
        return command.isHarmless() && !(isSilent(failure) && command.stores());
    }

    private static boolean isSilent(CacheUnavailableException e) {
        return origin(e) instanceof SilentConnectionException;
    }

    private static @Nullable Throwable origin(CacheUnavailableException e) {
        Throwable cause = e.getCause();
        while (cause instanceof CacheUnavailableException && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return cause;
    }

    /** How many nanoseconds are left for something that is about to be sent. */
    long left(String what, long deadline) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            throw new CacheTimeoutException(
                    what + " at " + rest.errors().address() + ": no time was left to send it", null, false);
        }
        return left;
    }
}
