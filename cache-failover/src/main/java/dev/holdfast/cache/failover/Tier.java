package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.PartialOutage;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A store in its place in the order: its calls are counted on their way in and out. */
final class Tier {
    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    /** So many refusals and nothing else are worth asking whether the server refuses only these. */
    private static final int MANY_REFUSALS = 10;

    private static final int REFUSED_PAUSE_TICKS = (int) (TimeUnit.SECONDS.toNanos(1) / Ticks.PERIOD);
    private static final int KINDS_SAID = 32;

    final int index;
    final String name;
    final boolean remote;
    private final @Nullable RecentChanges recent;
    private final Ticks ticks;
    private final int slowTicks;
    private final int suspectTicks;
    private final InFlight calls;
    private final LongAdder failures = new LongAdder();
    private final LongAdder slow = new LongAdder();
    private final LongAdder refusals = new LongAdder();
    /** The types of failures that nobody described and that stand in the log. */
    private final Set<String> unexpected = ConcurrentHashMap.newKeySet();

    private volatile CacheStore store;
    private int period;
    /** What the ticker has seen so far. */
    private long answersSeen;

    private long slowSeen;
    private long exhaustedSeen;
    private long switchesSeen;
    private long refusalsSeen;
    private long refusedInARow;
    /** When refusals last were so many that it was told. */
    private int refusedTick = -REFUSED_PAUSE_TICKS;

    Tier(TierState state, CacheStore store, Ticks ticks, FailoverConfig config) {
        this.index = state.index;
        this.name = state.name;
        this.remote = state.remote;
        this.recent = state.recent;
        this.store = store;
        this.ticks = ticks;
        this.slowTicks = inTicks(config.slowCallThreshold());
        this.suspectTicks = inTicks(config.suspectAfter());
        this.calls = new InFlight(suspectTicks);
        // From now on it is asked, and nothing of this composite's was there before.
        PartialOutage before = outage();
        if (before != null) {
            settle(before);
        }
        this.switchesSeen = switches();
    }

    private void settle(PartialOutage before) {
        try {
            before.settled().run();
        } catch (RuntimeException | Error e) {
            log.warn("tier {}: an outage from before the start could not be settled, it counts as one since", name, e);
        }
    }

    private static int inTicks(Duration duration) {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE / 2, duration.toNanos() / Ticks.PERIOD));
    }

    CacheStore store() {
        return store;
    }

    /** Asks the store for its health; one that fails at that says nothing of itself and is not taken for worse. */
    StoreHealth health() {
        try {
            return store.health();
        } catch (RuntimeException | Error e) {
            return StoreHealth.of("unknown", remote, Instant.EPOCH);
        }
    }

    /** Which part of it was out and is not settled yet; {@code null} if none is. Asks the store, so not to be called under a lock. */
    @Nullable
    PartialOutage outage() {
        try {
            return recent == null ? null : store.outage();
        } catch (RuntimeException | Error e) {
            log.warn("tier {} does not say what was out", name, e);
            return null;
        }
    }

    /** How often its store was led to another server. Asks the store, so not to be called under a lock. */
    long switches() {
        try {
            return store.switches();
        } catch (RuntimeException | Error e) {
            return switchesSeen;
        }
    }

    /** Calls come to it for so many times: with each, what is on a lower server from before is not seen any more. Under the switchboard's lock. */
    void beginPeriod(int number) {
        if (number != period && store instanceof LowerServer server) {
            server.begin();
        }
        period = number;
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
            refusals.increment();
            answered(tick);
        } else {
            failures.increment();
            calls.end(tick);
        }
    }

    /**
     * Returns what a failed call says about its store. Whatever is no {@link CacheUnavailableException} is none of the caller's
     * doing, whose arguments were checked; it is said in the log once for each kind.
     */
    CacheUnavailableException unavailable(Throwable failure) {
        if (failure instanceof CacheUnavailableException unavailable) {
            return unavailable;
        }
        if (unexpected.size() < KINDS_SAID && unexpected.add(failure.getClass().getName())) {
            log.error("tier {} failed in a way that it does not describe; the next tier is asked", name, failure);
        }
        String what = failure.getClass().getName() + ": " + ForeignText.shown(failure.getMessage());
        return new CacheUnavailableException(
                "tier " + name + " failed unexpectedly: " + what, failure, Reason.UNEXPECTED, true);
    }

    /** How many calls were answered so far, refusals included. */
    long answers() {
        // Failures first: they are counted before their call ends, so the difference errs downwards only for a moment.
        long failed = failures.sum();
        return calls.ended() - failed;
    }

    /**
     * What a tier's calls did since the last look.
     *
     * @param answers how many were answered
     * @param slow how many of those slowly
     * @param suspect whether one hangs
     * @param refusing whether it has refused everything for a while, said once a second
     * @param busy whether anything happened or is under way
     * @param switched whether its store was led to another server
     */
    record Observation(long answers, long slow, boolean suspect, boolean refusing, boolean busy, boolean switched) {}

    /** Looks what happened since the last time; for the ticker. Asks the store, so not to be called under a lock. */
    Observation observe(int tick) {
        long answers = answers();
        long slowOnes = slow.sum();
        boolean pending = calls.stuck(tick, 0);
        boolean suspect = remote && pending && calls.stuck(tick, suspectTicks);
        long slower = slowOnes == slowSeen || saturated() ? 0 : slowOnes - slowSeen;
        long fresh = Math.max(0, answers - answersSeen);
        long switches = switches();
        Observation seen = new Observation(
                fresh,
                slower,
                suspect,
                refuses(tick, fresh),
                pending || answers != answersSeen,
                switches != switchesSeen);
        switchesSeen = switches;
        answersSeen = Math.max(answersSeen, answers);
        slowSeen = slowOnes;
        return seen;
    }

    private boolean refuses(int tick, long fresh) {
        long refused = refusals.sum();
        if (fresh > 0) {
            refusedInARow = refused - refusalsSeen >= fresh ? refusedInARow + fresh : 0;
        }
        refusalsSeen = refused;
        if (!remote || refusedInARow < MANY_REFUSALS || tick - refusedTick < REFUSED_PAUSE_TICKS) {
            return false;
        }
        refusedTick = tick;
        refusedInARow = 0;
        return true;
    }

    /** Whether callers wait for each other's connections: slow calls are then no fault of the server's, unless its probe is slow too. */
    private boolean saturated() {
        PoolHealth pool = health().pool();
        boolean refused = pool.exhausted() != exhaustedSeen;
        exhaustedSeen = pool.exhausted();
        return refused || pool.waiting() > 0 || (pool.max() > 0 && pool.active() >= pool.max());
    }
}
