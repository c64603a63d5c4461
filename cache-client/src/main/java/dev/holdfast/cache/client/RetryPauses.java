package dev.holdfast.cache.client;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** Keys whose last load failed and for which no other is tried for a while. Bounded: beyond it, some keys get no pause. */
final class RetryPauses {
    private static final int MOST = 10_000;

    private final ConcurrentHashMap<String, Long> untilNanos = new ConcurrentHashMap<>();
    private final LongSupplier nanoTime;

    RetryPauses(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    void begin(String storeKey, Duration pause) {
        if (pause.isZero()) {
            return;
        }
        if (untilNanos.size() >= MOST) {
            untilNanos.values().removeIf(this::isOver);
        }
        if (untilNanos.size() < MOST) {
            untilNanos.put(storeKey, nanoTime.getAsLong() + pause.toNanos());
        }
    }

    boolean holds(String storeKey) {
        if (untilNanos.isEmpty()) {
            return false;
        }
        Long until = untilNanos.get(storeKey);
        if (until == null) {
            return false;
        }
        if (isOver(until)) {
            untilNanos.remove(storeKey, until);
            return false;
        }
        return true;
    }

    void end(String storeKey) {
        if (!untilNanos.isEmpty()) {
            untilNanos.remove(storeKey);
        }
    }

    void endAll() {
        untilNanos.clear();
    }

    private boolean isOver(long until) {
        return nanoTime.getAsLong() - until >= 0;
    }
}
