package dev.holdfast.cache.upstash;

import java.util.List;
import java.util.concurrent.Executor;

/** Sends requests on the calling thread and waits for their answers. */
interface Requests {
    /** Sends a command. */
    Reply one(Command command, long timeoutNanos);

    /** As {@link #one}, for a command that was sent before; {@code fresh} if on a connection that nobody used before. */
    Reply oneAgain(Command command, boolean fresh, long timeoutNanos);

    /** Sends several commands in one request; answers stand in their order. */
    List<Reply> many(List<Command> commands, long timeoutNanos);

    /** As {@link #many}, for commands that were sent before; {@code fresh} if on a connection that nobody used before. */
    List<Reply> manyAgain(List<Command> commands, boolean fresh, long timeoutNanos);

    /** Threads that may wait for an answer. */
    Executor threadPool();

    UpstashErrors errors();
}
