package dev.holdfast.cache.monitor;

import java.time.Instant;
import java.util.Map;

/**
 * What had been counted at one moment, since the monitor began.
 *
 * @param nanos the moment, monotonic
 * @param time the moment on the wall
 * @param caches by name, sorted; unmodifiable
 * @param tiers by name, in their order; unmodifiable
 */
record Sample(long nanos, Instant time, Map<String, Tally> caches, Map<String, Tally> tiers) {}
