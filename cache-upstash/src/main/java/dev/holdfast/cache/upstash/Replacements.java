package dev.holdfast.cache.upstash;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleSupplier;

/**
 * The pace at which lost connections are replaced: as many as there may be at once, since a restart breaks them all, and then ten a second,
 * or as many as there may be if that is more, give or take a quarter. What must wait is not a call but the right to have one more request under way: calls share requests meanwhile, and so
 * send fewer that could break connections. Thread-safe.
 */
final class Replacements {
    private static final int LEAST_PER_SECOND = 10;
    private static final int LEAST_AT_ONCE = 8;
    private static final double JITTER = 0.25;

    private final AtomicInteger lost = new AtomicInteger();
    private final long intervalNanos;
    private final long atOnceNanos;
    private final DoubleSupplier random;
    /** When the next one is due if none is made before; guarded by this. */
    private long next;

    Replacements(int maxConnections) {
        this(maxConnections, System.nanoTime(), () -> ThreadLocalRandom.current()
                .nextDouble());
    }

    Replacements(int maxConnections, long now, DoubleSupplier random) {
        this.intervalNanos = TimeUnit.SECONDS.toNanos(1) / Math.max(LEAST_PER_SECOND, maxConnections);
        this.atOnceNanos = Math.max(LEAST_AT_ONCE, maxConnections) * intervalNanos;
        this.random = random;
        this.next = now - atOnceNanos;
    }

    /** A connection ended, and not by its peer's leave: a call on it got no whole answer. */
    void lost() {
        lost.incrementAndGet();
    }

    /**
     * To be called by whoever had a request under way, when it has ended.
     *
     * @return for how many nanoseconds nobody else may have one in its place; 0 or less if a connection was lost that may be replaced at once, or none
     */
    long pause(long now) {
        int seen = lost.get();
        while (seen > 0 && !lost.compareAndSet(seen, seen - 1)) {
            seen = lost.get();
        }
        return seen == 0 ? 0 : reserve(now) - now;
    }

    private synchronized long reserve(long now) {
        if (next - (now - atOnceNanos) < 0) {
            next = now - atOnceNanos;
        }
        next += (long) (intervalNanos * (1 + JITTER * (2 * random.getAsDouble() - 1)));
        return next;
    }
}
