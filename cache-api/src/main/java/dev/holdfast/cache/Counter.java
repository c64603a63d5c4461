package dev.holdfast.cache;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Optional;

/**
 * A number that every process with the same servers adds to, each time in one atomic step. It begins at 0, and begins anew when its time to live has
 * passed. Apart from all caches. For any number of threads.
 *
 * <p>Every operation throws {@link CacheUnavailableException} if no tier answers, {@link CacheInterruptedException} if the calling thread is interrupted
 * before the call or while it waits, and {@link IllegalStateException} if the client is closed.
 */
public interface Counter {

    /**
     * Returns the name.
     *
     * @return the name
     */
    String name();

    /**
     * Adds 1.
     *
     * @return the new value
     * @throws CacheUnavailableException as {@link #increment(long)}
     */
    default long increment() {
        return increment(1);
    }

    /**
     * Adds to the counter, in one atomic step.
     *
     * @param delta what to add; may be negative
     * @return the new value
     * @throws CacheUnavailableException if no tier answers, or if the outcome is unknown, since repeating could count twice:
     *     {@link CacheUnavailableException#outcomeUnknown()} tells the two apart
     */
    long increment(long delta);

    /**
     * Reads the counter.
     *
     * @return its value; 0 if it was not added to within its time to live
     */
    long get();

    /** Sets the counter back to 0. */
    void reset();

    /**
     * Says how long the counter still lives.
     *
     * @return the time until it begins anew, {@link CacheStore#FOREVER} if it never does; empty if it stands at no value
     */
    Optional<Duration> ttl();

    /**
     * Returns a view whose operations don't block their caller.
     *
     * @return the view
     */
    AsyncCounter async();
}
