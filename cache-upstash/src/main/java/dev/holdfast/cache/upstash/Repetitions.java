package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.upstash.Batch.Waiting;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends commands, and again if their connection breaks and that is harmless: on another connection, as it may have been the connection's fault, and
 * in a smaller request, as it may have been that of another command in the same; and once it broke one alone, among the {@link Suspects}. If one
 * breaks its connections again and again, and no other does, while the database answers, it is that command's fault. Thread-safe.
 */
final class Repetitions {
    /** How often commands of one caller are repeated that go together. */
    private static final int REPEATS_OF_ALL = 2;

    /** In halves and in quarters: whoever breaks their connections alone is alone then. */
    private static final int MOST_IN_COMPANY = 2;

    private static final long PING_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Combiner combiner;
    private final Requests rest;
    private final Blame blame = new Blame();
    private final Suspects suspects;
    private volatile boolean closed;

    Repetitions(Combiner combiner, Requests rest) {
        this.combiner = combiner;
        this.rest = rest;
        this.suspects = new Suspects(rest, blame, combiner::isAnybodyKept);
    }

    /** Repeats nothing from now on. */
    void close() {
        closed = true;
    }

    Reply one(Command command, long deadline) {
        // Whoever is suspect has its first connection for itself too.
        boolean suspect = suspects.isOne(command, deadline);
        Waiting mine = null;
        Reply reply;
        try {
            reply = suspect ? suspects.first(command, deadline) : null;
            if (reply == null) {
                suspect = false;
                mine = blame.isSuspect(command, System.nanoTime()) ? Waiting.byItself(command) : Waiting.first(command);
                reply = combiner.run(mine, left(command.name(), deadline));
            }
        } catch (CacheUnavailableException e) {
            if (closed || !mayBeRepeated(command, e) || !isBroken(e) || deadline - System.nanoTime() <= 0) {
                throw e;
            }
            reply = again(new Course(command, deadline, mine == null ? 1 : mine.company), suspect, e);
        }
        blame.answered(command, System.nanoTime());
        return reply;
    }

    /** What has become of a command since its first connection broke. Of one thread. */
    private final class Course {
        final Command command;
        final long deadline;
        private final long since = System.nanoTime();
        private final long broken = rest.broken();
        /** How many of those that broke since then did so under this one. */
        private int brokenByIt;
        /** How many commands its last request had. */
        private int company;

        Course(Command command, long deadline, int company) {
            this.command = command;
            this.deadline = deadline;
            this.company = company;
        }

        boolean wasAlone() {
            return company == 1;
        }

        boolean isOver() {
            return deadline - System.nanoTime() <= 0;
        }

        /**
         * Sends it once more, with at most half of those that it broke its connection with.
         *
         * @param inCompany whether others may go with it at all
         */
        Reply repeat(boolean inCompany, boolean suspect, CacheUnavailableException before) {
            if (suspect) {
                company = 1;
                Reply reply = suspects.again(command, deadline, before);
                if (reply != null) {
                    return reply;
                }
            }
            Waiting mine = company == 1 && isClosed(before)
                    ? Waiting.afterItBroke(command)
                    : Waiting.again(command, inCompany ? Math.max(1, company / 2) : 1);
            try {
                return combiner.run(mine, left(command.name(), deadline));
            } catch (CacheUnavailableException e) {
                company = mine.company;
                if (isClosed(e)) {
                    brokenByIt += command.isLarge() ? 0 : 1;
                    if (company == 1) {
                        blame.broke(command, System.nanoTime());
                    }
                }
                throw e;
            }
        }

        /** Whether it is this command's fault: no other connection broke meanwhile, and others are answered. */
        boolean isToBlame() {
            long left = Math.min(deadline - System.nanoTime(), PING_NANOS);
            return left > 0
                    && rest.broken() - broken <= brokenByIt
                    && !blame.isOfOthers(command, System.nanoTime())
                    && rest.answers(since, left);
        }
    }

    private Reply again(Course course, boolean suspect, CacheUnavailableException first) {
        Command command = course.command;
        CacheUnavailableException last = first;
        boolean unknown = first.outcomeUnknown();
        if (suspect && isClosed(first) && blame.isJudged(command, System.nanoTime()) && course.isToBlame()) {
            throw rejected(command, "a connection broke under it alone, as others did under requests like it", first);
        }
        int repeats = blame.repeats(command, System.nanoTime());
        int alone = 0;
        int shared = 0;
        do {
            try {
                boolean isSuspect = suspect
                        || alone > 0
                        || ((suspects.areBreaking() || combiner.permits().isScarce())
                                && (command.isLarge() || (course.wasAlone() && isClosed(last))));
                return course.repeat(mayHaveCompany(shared), isSuspect && !isSilent(last), last);
            } catch (CacheUnavailableException e) {
                if (e == last) {
                    break;
                }
                e.addSuppressed(last);
                last = e;
                unknown |= e.outcomeUnknown();
                alone += course.wasAlone() ? 1 : 0;
                shared += course.wasAlone() ? 0 : 1;
            }
        } while (alone < repeats && isClosed(last) && !course.isOver());
        if (alone == repeats && isClosed(first) && isClosed(last) && course.isToBlame()) {
            throw rejected(
                    command,
                    (1 + shared + alone) + " connections broke while it was under way, " + alone
                            + " of them without any other command",
                    last);
        }
        throw unknown && !command.isReadOnly() ? Failures.outcomeUnknown(last) : last;
    }

    /** Whether who broke a connection in company may have company again: not while there are some who break whatever they are sent on. */
    private boolean mayHaveCompany(int shared) {
        return shared == 0 || (shared < MOST_IN_COMPANY && !suspects.areBreaking() && combiner.isMostlyAnswered());
    }

    private CacheRejectedException rejected(Command command, String why, CacheUnavailableException last) {
        blame.judged(command, System.nanoTime());
        return new CacheRejectedException(
                command.name() + " at " + rest.errors().address() + ": " + why
                        + ", though the database answers others; the command has " + command.json().length
                        + " bytes: does a proxy or the service limit requests or answers to less?",
                last);
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
                List<Reply> replies = done > 0 || (suspects.areBreaking() && isClosed(last))
                        ? suspects.allAgain(commands, deadline, last)
                        : null;
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
        throw unknown && !commands.stream().allMatch(Command::isReadOnly) ? Failures.outcomeUnknown(last) : last;
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
