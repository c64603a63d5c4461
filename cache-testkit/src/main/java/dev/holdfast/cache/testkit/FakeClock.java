package dev.holdfast.cache.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;

/**
 * A clock that stands still until a test moves it. A client that goes by it ({@code CacheClient.builder().clock(clock)}) measures freshness, retry pauses,
 * leases, refreshes and the times to live in this process's memory by it; times to live in real servers stay real. For any number of threads.
 *
 * <pre>{@code
 * FakeClock clock = new FakeClock();
 * try (CacheClient client = CacheClient.builder().clock(clock).build()) {
 *     Cache<String, String> cache = client.cache("c", String.class, String.class).ttl(ofMinutes(5)).build();
 *     cache.put("k", "v");
 *     clock.advance(ofMinutes(5));
 *     assertNull(cache.get("k"));
 * }
 * }</pre>
 */
public final class FakeClock implements InstantSource {
    private volatile Instant now;

    /** Creates one that stands at the beginning of the year 2026, UTC. */
    public FakeClock() {
        this(Instant.parse("2026-01-01T00:00:00Z"));
    }

    /**
     * Creates one.
     *
     * @param start where it stands
     */
    public FakeClock(Instant start) {
        this.now = start;
    }

    @Override
    public Instant instant() {
        return now;
    }

    /**
     * Moves it.
     *
     * @param time by how much; not negative
     * @throws IllegalArgumentException if it is negative: caches are built for clocks that don't go back
     */
    public synchronized void advance(Duration time) {
        Objects.requireNonNull(time, "time");
        if (time.isNegative()) {
            throw new IllegalArgumentException("a clock does not go back: " + time);
        }
        now = now.plus(time);
    }

    @Override
    public String toString() {
        return "FakeClock at " + now;
    }
}
