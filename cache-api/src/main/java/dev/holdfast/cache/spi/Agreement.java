package dev.holdfast.cache.spi;

import dev.holdfast.cache.CachePolicy;

/**
 * Which entries of a cache are not to be believed, since a client of the same servers may have changed them where this one did not see it; one
 * for each cache. Entries say when the work that made them began, by the servers' clock. For caches and composites. Thread-safe; neither
 * blocks nor allocates.
 */
public interface Agreement extends AutoCloseable {
    /** Believes everything, by this machine's own clock. */
    Agreement NONE = new Agreement() {};

    /**
     * Returns the servers' time, as far as it is known: that of the first server of a composite.
     *
     * @return epoch milliseconds; by this machine's clock while no server has said its own
     */
    default long now() {
        return System.currentTimeMillis();
    }

    /**
     * Marks the present moment, for what takes time.
     *
     * @return what {@link #timeOf} takes; has no other meaning
     */
    default long mark() {
        return now();
    }

    /**
     * Returns when a moment was, by what is known of the servers' clock by now.
     *
     * @param mark what {@link #mark} said then
     * @return epoch milliseconds; while nothing is known of that clock yet, and will be soon, earlier by half of what entries may be old, so that it was
     *     before the next {@link #floor} if this machine's clock is ahead by less
     */
    default long timeOf(long mark) {
        return mark;
    }

    /**
     * Returns the floor: what was made before is absent, for every client. It only rises.
     *
     * @return epoch milliseconds by the servers' clock; {@link Long#MIN_VALUE} if nothing is
     */
    default long floor() {
        return Long.MIN_VALUE;
    }

    /**
     * Returns until when entries of any age are believed, so far. To be asked before an entry is read; it takes no look at a clock.
     *
     * @return epoch milliseconds by the servers' clock; {@link Long#MIN_VALUE} if none are, {@link Long#MAX_VALUE} if there is no age limit
     */
    default long trustedUntil() {
        return Long.MAX_VALUE;
    }

    /**
     * Returns whether entries of any age are believed until a moment that is to come, unless something is learnt before. It takes no look at a clock.
     *
     * @param nanoTime the moment, by {@link System#nanoTime}
     * @return false also where that is not known
     */
    default boolean isTrustedUntil(long nanoTime) {
        return true;
    }

    /**
     * Returns the age limit for an entry that was read: what was made before is stale, unless entries of any age were believed before it was read and are
     * still.
     *
     * @param now what {@link #now} says after it was read
     * @param trusted what {@link #trustedUntil} said before
     * @return epoch milliseconds by the servers' clock; {@link Long#MIN_VALUE} if nothing is stale
     */
    default long staleBefore(long now, long trusted) {
        return Long.MIN_VALUE;
    }

    /**
     * Raises the {@link #floor} above everything that any client has made so far: for this client when this returns, for the others
     * when they next hear of each other, which is within the cache's {@link CachePolicy#agreeWithin}. It takes one question to the server, and none
     * while that is out. What is absent stays in the servers until its time to live ends.
     *
     * <p>May wait: for the server's answer as long as one of its calls may take, and a moment if the floor was raised just now.
     *
     * @return false, with nothing done, if the others would not hear of it: then everything is to be removed. By default that is so
     * @throws IllegalStateException if the store is closed
     */
    default boolean clear() {
        return false;
    }

    /** Ends it with its cache. */
    @Override
    default void close() {}
}
