package dev.holdfast.cache.monitor;

import java.time.Instant;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What had been counted at one moment, since the monitor began.
 *
 * @param nanos the moment, monotonic
 * @param time the moment on the wall
 * @param caches by name, sorted; unmodifiable
 * @param closed the sum of caches that were closed long ago and are none of the former; {@code null} if there are none
 * @param named the hundred that came first, open or closed: of these counts are kept for ever
 * @param tiers by name, in their order; unmodifiable
 */
record Sample(
        long nanos,
        Instant time,
        Map<String, Tally> caches,
        @Nullable Tally closed,
        Set<String> named,
        Map<String, Tally> tiers) {}
