package dev.holdfast.cache.failover;

import java.time.Duration;
import java.util.Objects;

/** Checks of settings. A message names the setting, its bound and what was given. */
final class Bounds {
    private static final Duration LONGEST = Duration.ofDays(365);

    private Bounds() {}

    static Duration positive(String name, Duration value) {
        Objects.requireNonNull(value, name);
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(name + " must be positive: " + value);
        }
        return atMostAYear(name, value);
    }

    static Duration notNegative(String name, Duration value) {
        Objects.requireNonNull(value, name);
        if (value.isNegative()) {
            throw new IllegalArgumentException(name + " must not be negative: " + value);
        }
        return atMostAYear(name, value);
    }

    static void atLeast(String name, long min, long value) {
        if (value < min) {
            throw new IllegalArgumentException(name + " must be at least " + min + ": " + value);
        }
    }

    private static Duration atMostAYear(String name, Duration value) {
        if (value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " must be at most " + LONGEST + ": " + value);
        }
        return value;
    }
}
