package dev.holdfast.cache.client;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** A wall clock and a monotonic one that stand still until they are advanced, together. */
final class FakeTime implements InstantSource, LongSupplier {
    private final AtomicLong nanos = new AtomicLong();
    private final long startMillis;

    FakeTime(Instant start) {
        startMillis = start.toEpochMilli();
    }

    FakeTime() {
        this(Instant.parse("2026-01-01T00:00:00Z"));
    }

    void advance(Duration span) {
        nanos.addAndGet(span.toNanos());
    }

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(millis());
    }

    @Override
    public long millis() {
        return startMillis + nanos.get() / 1_000_000;
    }

    @Override
    public long getAsLong() {
        return nanos.get();
    }
}
