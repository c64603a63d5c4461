package dev.holdfast.cache.single;

import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.redis.Authentication;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one way to the server: how connections are shared among callers is decided behind it. Times are those of
 * {@link System#nanoTime()}. For any number of threads.
 *
 * <p>Whatever goes wrong is thrown as the {@link dev.holdfast.cache.CacheException} that names it; use after {@link #close} is an
 * {@link IllegalStateException}.
 */
interface Connections {

    /**
     * Sends a command and waits for its reply.
     *
     * @param command the command
     * @param type what the reply has to be: if it is not, requests and replies are out of step, and the connection is lost
     * @param start when the call began
     * @param until when it must have ended
     * @return the reply
     */
    <T extends @Nullable Object> T call(Request command, Reply<T> type, long start, long until);

    /**
     * Sends several commands in one go and waits for all replies.
     *
     * @param commands the commands
     * @param start when the call began
     * @param until when it must have ended
     * @return a reply for each, in their order; a refusal stands there as a {@link RuntimeException} that is ready to be
     *     thrown
     */
    List<@Nullable Object> callAll(List<Request> commands, long start, long until);

    /** Closes what is idle, and what is in use once its call has ended; the name is resolved anew. */
    void renew();

    /**
     * Fails every call that is under way, connecting or waiting, now.
     *
     * @param cause why
     */
    void disconnect(Throwable cause);

    /**
     * Leaves the present server for another one. What was sent and may be sent twice is repeated there.
     *
     * @param why why
     */
    void switchOver(Throwable why);

    /** Logs in anew whichever connections have other words than these, between calls. Blocks for a bounded time. */
    void authenticate(Authentication words);

    /** Disconnects for good. Idempotent. */
    void close();

    /** The figures. */
    PoolHealth figures();
}
