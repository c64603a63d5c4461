package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.client.CacheClient;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * One more caller, every millisecond, that notes which tier has answered it. So the moments of switching are those that an
 * application sees, not what the library says of itself; they are at most a millisecond and a call late.
 */
final class TierWatch implements AutoCloseable {
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(1);

    private final Cache<String, String> cache;
    private final String firstType;
    private final Thread thread = new Thread(this::watch, "tier-watch");
    private volatile String tier;
    private volatile long leftAt;
    private volatile long returnedAt;
    private volatile boolean armed;
    private volatile boolean stop;

    TierWatch(CacheClient client, String firstType) {
        this.cache = client.cache("watch", String.class, String.class).build();
        this.firstType = firstType;
        this.tier = firstType;
        thread.start();
    }

    private void watch() {
        while (!stop) {
            try {
                see(cache.lookup("heartbeat").tier(), System.nanoTime());
            } catch (CacheException e) {
                // Nothing answered this time; the gap is part of what is measured.
                tier = "none";
            }
            LockSupport.parkNanos(PAUSE);
        }
    }

    private void see(String answered, long now) {
        boolean first = answered.equals(firstType);
        if (armed && !first && leftAt == 0) {
            leftAt = now;
        }
        if (first && leftAt != 0 && returnedAt == 0) {
            returnedAt = now;
        }
        tier = answered;
    }

    /** Has the moments noted from now on. */
    void arm() {
        armed = true;
    }

    /** The name of the tier that answered last. */
    String tier() {
        return tier;
    }

    /** When another tier than the first answered for the first time, by {@link System#nanoTime()}; 0 if never. */
    long leftAt() {
        return leftAt;
    }

    /** When the first tier answered again; 0 if it did not. */
    long returnedAt() {
        return returnedAt;
    }

    @Override
    public void close() {
        stop = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
