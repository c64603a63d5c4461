package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.PoolHealth;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** A store in its place in the order: its calls are counted on their way in and out. */
final class Tier {
    final int index;
    final String name;
    final boolean remote;
    private final @Nullable RecentChanges recent;
    private final Ticks ticks;
    private final int slowTicks;
    private final int suspectTicks;
    private final InFlight calls = new InFlight();
    private final LongAdder failures = new LongAdder();
    private final LongAdder slow = new LongAdder();
    private volatile CacheStore store;
    /** What the ticker has seen so far. */
    private long answersSeen;

    private long slowSeen;
    private long exhaustedSeen;

    Tier(TierState state, CacheStore store, Ticks ticks, FailoverConfig config) {
        this.index = state.index;
        this.name = state.name;
        this.remote = state.remote;
        this.recent = state.recent;
        this.store = store;
        this.ticks = ticks;
        this.slowTicks = inTicks(config.slowCallThreshold());
        this.suspectTicks = inTicks(config.suspectAfter());
    }

    private static int inTicks(Duration duration) {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE / 2, duration.toNanos() / Ticks.PERIOD));
    }

    CacheStore store() {
        return store;
    }

    /** Puts a new, empty memory in the place of the old one, which is returned. */
    CacheStore replace(CacheStore fresh) {
        CacheStore old = store;
        store = fresh;
        return old;
    }

    /** A call begins. Returns what {@link #answered} or {@link #ended} needs. */
    int begin() {
        int tick = ticks.begin();
        calls.begin(tick);
        return tick;
    }

    void answered(int tick) {
        if (ticks.current() - tick > slowTicks) {
            slow.increment();
        }
        calls.end(tick);
    }

    /** A key was changed; to be called before the caller looks whether it went where it belonged. */
    void changed(String key) {
        if (recent != null) {
            recent.add(key);
        }
    }

    void changed(Collection<String> keys) {
        if (recent != null) {
            keys.forEach(recent::add);
        }
    }

    /** A call ended with an exception. */
    void ended(int tick, Throwable failure) {
        if (failure instanceof CacheRejectedException) {
            answered(tick);
        } else {
            failures.increment();
            calls.end(tick);
        }
    }

    /** How many calls were answered so far, refusals included. */
    long answers() {
        // Failures first: they are counted before their call ends, so the difference errs downwards only for a moment.
        long failed = failures.sum();
        return calls.ended() - failed;
    }

    /** Reports to the state what happened since the last time; for the ticker. Returns whether anything did, or is under way. */
    boolean observe(FailoverState state, int tick, long now) {
        long answers = answers();
        long slowOnes = slow.sum();
        boolean pending = calls.stuck(tick, 0);
        boolean suspect = remote && pending && calls.stuck(tick, suspectTicks);
        long slower = slowOnes == slowSeen || saturated() ? 0 : slowOnes - slowSeen;
        state.verdicts.observed(index, Math.max(0, answers - answersSeen), slower, suspect, now);
        boolean busy = pending || answers != answersSeen;
        answersSeen = Math.max(answersSeen, answers);
        slowSeen = slowOnes;
        return busy;
    }

    /** Whether callers wait for each other's connections: slow calls are then no fault of the server's, unless its probe is slow too. */
    private boolean saturated() {
        PoolHealth pool = store.health().pool();
        boolean refused = pool.exhausted() != exhaustedSeen;
        exhaustedSeen = pool.exhausted();
        return refused || pool.waiting() > 0 || (pool.max() > 0 && pool.active() >= pool.max());
    }
}
