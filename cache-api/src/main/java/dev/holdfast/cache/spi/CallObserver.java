package dev.holdfast.cache.spi;

import org.jspecify.annotations.Nullable;

/**
 * Is told of calls of one kind, from begin to end: of the commands that stores send to servers, or of the loads of a client. Called on
 * the thread that makes the call and waits meanwhile, so it has to be quick. What it throws is logged and harms no call. For any number
 * of threads.
 */
public interface CallObserver {

    /** Is told of the end of a call that nobody observes. */
    Ended UNOBSERVED = failure -> {};

    /**
     * A call begins.
     *
     * @param name what is called: a command's name ({@code GET}; {@code PIPELINE SET} of several in one go), or {@code load}
     * @param place where: of a command its server, {@code host:port} with an IPv6 address in brackets; of a load the cache's name
     * @return is told of its end, once, on the same thread
     */
    Ended began(String name, String place);

    /**
     * A command got a connection. Stores that share open connections without waiting never say so.
     *
     * @param place the server, as in {@link #began}
     * @param nanos how long it waited for that, in nanoseconds; 0 or more
     */
    default void waited(String place, long nanos) {}

    /** Is told of the end of one call. */
    @FunctionalInterface
    interface Ended {

        /**
         * The call has ended.
         *
         * @param failure what it ended with; {@code null} if it was answered
         */
        void ended(@Nullable Throwable failure);
    }
}
