package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** What became of one caller's calls. One thread makes them; any may ask. */
final class TrafficTally {
    /** It is bounded by a limit of its own, not by that of a call. */
    static final String PREFIX_REMOVAL = "removeByPrefix";

    private static final int DETAILS = 5;
    private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final LongAdder calls = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder over50ms = new LongAdder();
    private final LongAdder cameBack = new LongAdder();
    private final LongAdder wrong = new LongAdder();
    private final LongAdder acknowledgedIncrements = new LongAdder();
    private final LongAdder unknownIncrements = new LongAdder();
    private final LongAdder incrementsLost = new LongAdder();
    private final LongAdder incrementsTwice = new LongAdder();
    private final Queue<String> details = new ConcurrentLinkedQueue<>();
    private volatile long longestNanos;
    private volatile String longestCall = "none";

    /**
     * Makes a call.
     *
     * @param harmless whether it may be repeated
     * @return whether it was answered
     */
    boolean attempt(String name, boolean harmless, Runnable call) {
        long start = System.nanoTime();
        try {
            call.run();
            return true;
        } catch (CacheException | IllegalStateException e) {
            if (harmless) {
                errors.increment();
                note(name + " threw " + causes(e));
            } else {
                unknown.increment();
                note(name + " threw, as it may: " + e);
            }
            return false;
        } finally {
            took(name, System.nanoTime() - start);
            calls.increment();
        }
    }

    private void took(String name, long nanos) {
        if (nanos > longestNanos && !name.equals(PREFIX_REMOVAL)) {
            longestNanos = nanos;
            longestCall = name;
        }
        if (nanos > LONG_NANOS) {
            over50ms.increment();
        }
    }

    private static String causes(Throwable e) {
        StringBuilder text = new StringBuilder(e.toString());
        for (Throwable suppressed : e.getSuppressed()) {
            text.append("\n    besides ").append(suppressed);
        }
        return text.toString();
    }

    void wrong(String detail) {
        wrong.increment();
        note(detail);
    }

    void cameBack(String detail) {
        cameBack.increment();
        note(detail);
    }

    private void note(String detail) {
        if (details.size() < DETAILS) {
            details.add(detail);
        }
    }

    void incrementAcknowledged() {
        acknowledgedIncrements.increment();
    }

    void incrementUnknown() {
        unknownIncrements.increment();
    }

    /** Compares a counter with what was acknowledged; to be called once, at the end. */
    void compare(long counter) {
        long acknowledged = acknowledgedIncrements.sum();
        incrementsLost.add(Math.max(0, acknowledged - counter));
        incrementsTwice.add(Math.max(0, counter - acknowledged - unknownIncrements.sum()));
    }

    long calls() {
        return calls.sum();
    }

    TrafficReport report() {
        return new TrafficReport(
                calls.sum(),
                errors.sum(),
                unknown.sum(),
                unknown.sum(),
                Duration.ofNanos(longestNanos),
                longestCall,
                over50ms.sum(),
                cameBack.sum(),
                wrong.sum(),
                incrementsLost.sum(),
                incrementsTwice.sum(),
                List.copyOf(details));
    }
}
