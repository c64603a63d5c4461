package dev.holdfast.cache.cluster;

import org.jspecify.annotations.Nullable;

/**
 * A moment at which everything was disconnected, told from others by its identity.
 */
final class Cut {
    private final @Nullable Throwable why;

    Cut(@Nullable Throwable why) {
        this.why = why;
    }

    /** What {@link dev.holdfast.cache.spi.CacheStore#disconnect} was given; {@code null} before the first time. */
    @Nullable
    Throwable why() {
        return why;
    }
}
