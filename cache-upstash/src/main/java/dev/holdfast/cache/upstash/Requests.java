package dev.holdfast.cache.upstash;

import java.util.List;
import java.util.concurrent.Executor;

/** Sends requests on the calling thread and waits for their answers. */
interface Requests {
    /** Sends a command. */
    Reply one(Command command, long timeoutNanos);

    /** As {@link #one}, for a command that was sent before. */
    Reply oneAgain(Command command, long timeoutNanos);

    /** Sends a command on a connection of its own, which nobody used before or will use after it. */
    Reply alone(Command command, long timeoutNanos);

    /** Sends several commands in one request; answers stand in their order. */
    List<Reply> many(List<Command> commands, long timeoutNanos);

    /** As {@link #many}, for commands that were sent before. */
    List<Reply> manyAgain(List<Command> commands, long timeoutNanos);

    /** Sends several commands in one request as {@link #alone} does. */
    List<Reply> manyAlone(List<Command> commands, long timeoutNanos);

    /** Whether a call was answered a moment ago on a shared connection, by whichever caller, so that there is somebody to be spared. */
    boolean answersOthers();

    /**
     * Whether the database answers at all: it has answered a call on a shared connection, or does so now on a connection that nobody used before.
     *
     * @param since an answer to a call after that time is one, by {@link System#nanoTime()}
     */
    boolean answers(long since, long timeoutNanos);

    /** Whether the database answers a question now, which goes the way that calls go, but not on a connection that they share. */
    boolean answersQuestion(long timeoutNanos);

    /** How many connections that calls share broke so far under requests without a large command, none by this side's doing. */
    long broken();

    /** How many connections that calls share broke since a call was last answered on one. */
    long brokenInARow();

    /** Threads that may wait for an answer. */
    Executor threadPool();

    UpstashErrors errors();
}
