package dev.holdfast.cache.failover;

import org.jspecify.annotations.Nullable;

/**
 * A call that was made on the fast path and may not be over: it failed, or the route was replaced meanwhile.
 *
 * @param result what it returned, if it did
 * @param failure what it threw, if it did
 */
record Tried<R extends @Nullable Object>(
        Route route, int tick, R result, @Nullable Throwable failure) {}
