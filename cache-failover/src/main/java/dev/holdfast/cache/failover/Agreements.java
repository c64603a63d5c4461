package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.Roll;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What this client's caches may believe, told by its {@link Attendance}: whether every member of the roll was clean a short while ago, up to which
 * time that is known, the servers' clock and the floors. Readers see it without a lock; it is changed under the owner's.
 *
 * <p>An entry older than a cache's limit is stale while this is not {@linkplain #trust trusted}. The argument: a member that acknowledges a change
 * elsewhere than on the first server is behind from before that, and its last clean beat was sent before; so whoever asks the roll later than the
 * longest age of a clean beat after that sees that somebody is missing, and what an answer says is believed for a while only. Both together, and the
 * time between two beats, are shorter than the limit. What was made before the change is older than the limit by then, since entries are as old as
 * the work that made them.
 */
class Agreements {
    /** A clock that goes away from the monotonic one by more than this between two ticks was set, or the machine stood still. */
    private static final long STEP_MILLIS = 20;

    /** Two looks at clocks that are further apart don't tell how these go. */
    private static final long AT_ONCE_MILLIS = 5;

    /** Where the server has said nothing for so long, it is believed that this machine's clock was put right. */
    private static final long UNHEARD_MILLIS = 60_000;

    /** A time that is off by less does not matter. */
    private static final long MATTERS_MILLIS = 50;

    /** Two clients' words for one moment of the server's clock are nearer to each other: each may be off by as much as does not matter. */
    private static final long APART_MILLIS = 2 * MATTERS_MILLIS;

    /** What is known of the server's clock is never taken for less exact: floors would be so far ahead that what is put after them is not believed. */
    private static final long MOST_UNSURE_MILLIS = 500;

    private final InstantSource clock;
    private final LongSupplier nanoTime;
    /** Whether the clock is this machine's, which is put right by the server's; a test's stays as it is. */
    private final boolean adjusted;

    private final List<CacheAgreement> caches = new ArrayList<>();
    private final Map<String, Long> floors = new HashMap<>();
    private volatile long trustedUntil = Long.MIN_VALUE;
    /** The same by the monotonic clock; meaningful where there is one. */
    private volatile long trustedUntilNanos;
    /** When the monotonic clock began, by the servers' clock; meaningful where that was {@link #corrected}. */
    private volatile long origin;

    /** Whether this machine's clock turned out to be another than the servers', or was set: the monotonic one is gone by then. */
    private volatile boolean corrected;

    /** What the server's time may be off by, if that matters: the answers were slow so far, and it may have been at either end of them. */
    private volatile long unsure;

    /** The same to the millisecond. */
    private long exactTo = Long.MAX_VALUE;

    /** Whether the server serves, and has yet to say what time it is. */
    private volatile boolean awaited;

    /** When the server last said what time it is; when this began, if it never did. */
    private long heardAt;

    /**
     * What was made before is of any age, by how long the machine stood still with its monotonic clock: where this machine's clock went ahead of that, nobody can tell
     * it from one that was set.
     */
    private volatile long doubted = Long.MIN_VALUE;

    private long clockOrigin;
    private long step;
    private volatile long shortest = Long.MAX_VALUE;

    Agreements(InstantSource clock, LongSupplier nanoTime) {
        this(clock, nanoTime, clock instanceof Clock system && system.equals(Clock.systemUTC()));
    }

    Agreements(InstantSource clock, LongSupplier nanoTime, boolean adjusted) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.adjusted = adjusted;
        this.heardAt = monotonicMillis();
        this.clockOrigin = clock.millis() - heardAt;
    }

    private long monotonicMillis() {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong());
    }

    /** What one cache may believe. */
    private final class CacheAgreement implements Agreement {
        final String prefix;
        final long withinMillis;
        volatile long floor = Long.MIN_VALUE;

        private final Predicate<String> clearing;

        CacheAgreement(String prefix, Duration within, Predicate<String> clearing) {
            this.prefix = prefix;
            this.clearing = clearing;
            this.withinMillis = within.isZero() ? Long.MAX_VALUE : within.toMillis();
        }

        @Override
        public long now() {
            return serverMillis();
        }

        @Override
        public long mark() {
            return adjusted ? monotonicMillis() : clock.millis();
        }

        @Override
        public long timeOf(long mark) {
            // A clock that is ahead of the server's would date it after the next floor.
            long early = awaited && withinMillis != Long.MAX_VALUE ? withinMillis / 2 : 0;
            return (adjusted ? serverMillis() - unsure - (monotonicMillis() - mark) : mark) - early;
        }

        @Override
        public long floor() {
            return floor;
        }

        @Override
        public long trustedUntil() {
            return withinMillis == Long.MAX_VALUE ? Long.MAX_VALUE : trustedUntil;
        }

        @Override
        public boolean isTrustedUntil(long nano) {
            return withinMillis == Long.MAX_VALUE || (trustedUntil != Long.MIN_VALUE && trustedUntilNanos - nano >= 0);
        }

        @Override
        public long staleBefore(long now, long trusted) {
            boolean all = withinMillis == Long.MAX_VALUE || now <= Math.min(trusted, trustedUntil);
            return all ? Long.MIN_VALUE : Math.max(now - withinMillis, doubted);
        }

        /** Only with a limit do all that share the cache hear of it in time. */
        @Override
        public boolean clear() {
            return withinMillis != Long.MAX_VALUE && clearing.test(prefix);
        }

        @Override
        public void close() {
            closed(this);
        }
    }

    /**
     * Opens one for a cache.
     *
     * @param within zero if it has no limit
     * @param clearing has everything of the cache with a prefix absent that was made so far, or returns false
     */
    synchronized Agreement open(String prefix, Duration within, Predicate<String> clearing) {
        CacheAgreement opened = new CacheAgreement(prefix, within, clearing);
        caches.add(opened);
        if (opened.withinMillis < shortest) {
            // What is trusted was found out for a longer limit; who finds it out now looks at this once more.
            shortest = opened.withinMillis;
            distrust();
        }
        settle(opened);
        return opened;
    }

    private synchronized void closed(CacheAgreement agreement) {
        caches.remove(agreement);
        shortest = caches.stream().mapToLong(each -> each.withinMillis).min().orElse(Long.MAX_VALUE);
    }

    /** The shortest limit of a cache; {@code null} if none has one. */
    @Nullable
    Duration shortest() {
        long millis = shortest;
        return millis == Long.MAX_VALUE ? null : Duration.ofMillis(millis);
    }

    /** The servers' time, as far as it is known. */
    long serverMillis() {
        return adjusted && corrected ? origin + monotonicMillis() : clock.millis();
    }

    /** Whether members were clean a short while ago. */
    boolean isTrusted() {
        return serverMillis() <= trustedUntil;
    }

    /**
     * The server said what time it is.
     *
     * @param millis by its clock
     * @param roundTrip how long that took, in nanoseconds: it was some time in between
     * @return whether what was made in this process so far is older than it says
     */
    boolean serverSaid(long millis, long roundTrip) {
        long half = TimeUnit.NANOSECONDS.toMillis(roundTrip) / 2;
        long measured = millis + half - monotonicMillis();
        long ahead = serverMillis() - monotonicMillis() - measured;
        // Within what the network may have taken on one of the two ways, nothing was learnt: this machine's clock is as
        // good.
        boolean learnt = step != 0 || Math.abs(ahead) > half + 1;
        exactTo = learnt ? half : Math.min(exactTo, half + Math.abs(ahead));
        long off = adjusted && exactTo > MATTERS_MILLIS ? Math.min(exactTo, MOST_UNSURE_MILLIS) : 0;
        if (learnt) {
            unsure = Math.max(unsure, off);
            origin = measured;
            corrected = true;
        }
        unsure = off;
        doubted = Math.min(doubted, serverMillis());
        awaited = false;
        heardAt = monotonicMillis();
        step = 0;
        return adjusted && ahead > half + MATTERS_MILLIS;
    }

    /** Takes in whether the server serves, and will say what time it is as soon as it can be asked: until then nobody knows how wrong this clock is. */
    void awaits(boolean time) {
        if (awaited != time) {
            awaited = time;
        }
    }

    /** Whether the server serves, and has yet to say what time it is. */
    boolean isAwaited() {
        return awaited;
    }

    /** Believes entries of any age for so long, from so long ago. */
    void trust(long agoNanos, long forNanos) {
        trustedUntilNanos = nanoTime.getAsLong() + forNanos - agoNanos;
        trustedUntil = serverMillis() + TimeUnit.NANOSECONDS.toMillis(forNanos - agoNanos);
    }

    /** Believes no entry that is older than its cache's limit. */
    void distrust() {
        if (trustedUntil != Long.MIN_VALUE) {
            trustedUntil = Long.MIN_VALUE;
        }
    }

    /**
     * Sees whether this machine's clock was set since the last time, or the machine stood still and its monotonic clock with it.
     *
     * @return whether what was made in this process so far is older than it says
     */
    boolean tick() {
        long before = monotonicMillis();
        long found = clock.millis() - before;
        if (monotonicMillis() - before > AT_ONCE_MILLIS) {
            return false; // this thread stood still between the two
        }
        long originBefore = clockOrigin;
        long difference = found - originBefore;
        clockOrigin = found;
        if (Math.abs(difference) > STEP_MILLIS) {
            distrust();
            step += difference;
            if (!corrected) {
                origin = originBefore;
                corrected = true;
            }
            if (adjusted && difference > MATTERS_MILLIS) {
                doubted = serverMillis();
            }
        }
        if (step != 0 && monotonicMillis() - heardAt > UNHEARD_MILLIS) {
            long moved = step;
            long followed = origin + moved;
            origin = followed;
            step = 0;
            doubted = Math.min(doubted, serverMillis());
            return adjusted && moved < -MATTERS_MILLIS;
        }
        return false;
    }

    /** Takes in floors that others know. */
    synchronized void raise(Map<String, Long> known) {
        known.forEach((name, floor) -> floors.merge(name, floor, Math::max));
        if (!known.isEmpty()) {
            caches.forEach(this::settle);
        }
    }

    /** The floor of a cache with a limit; {@link Long#MIN_VALUE} if it has none. */
    long floorOver(String prefix) {
        return Math.max(floorOf(prefix), Math.max(floorOf(Roll.ALL), floorOf(Roll.AGREEING)));
    }

    /** After what any client dates by now. */
    private long clearingMillis() {
        return serverMillis() + APART_MILLIS + unsure;
    }

    /** Whether the clock alone puts a floor that is raised now above that one. */
    boolean isAbove(long floor) {
        return clearingMillis() > floor;
    }

    /**
     * Raises the floor of a cache so far that everything is below it that any client has made by now, whatever its clock.
     *
     * @param before what {@link #floorOver} said when all was to be removed: what was made until then may be dated by that
     * @return the floor
     */
    long clear(String prefix, long before) {
        long floor = Math.max(clearingMillis(), before + 1);
        raise(Map.of(prefix, floor));
        return floor;
    }

    /** Whether a prefix is that of a cache with a limit, which believes nothing below its floor. */
    synchronized boolean isLimited(String prefix) {
        return caches.stream().anyMatch(cache -> cache.prefix.equals(prefix))
                && caches.stream()
                        .allMatch(cache -> !cache.prefix.equals(prefix) || cache.withinMillis != Long.MAX_VALUE);
    }

    /**
     * Takes in all floors that the server has, and forgets those which that of all caches has made good for.
     *
     * @return the floors that are known here and not there: the server has lost them
     */
    synchronized Map<String, Long> lackedBy(Map<String, Long> server) {
        long all = server.getOrDefault(Roll.ALL, Long.MIN_VALUE);
        floors.entrySet().removeIf(each -> !server.containsKey(each.getKey()) && each.getValue() <= all);
        Map<String, Long> lacked = new HashMap<>(floors);
        lacked.entrySet().removeIf(each -> each.getValue() <= Math.max(all, server.getOrDefault(each.getKey(), all)));
        return lacked;
    }

    private void settle(CacheAgreement cache) {
        long floor = Math.max(floorOf(cache.prefix), floorOf(Roll.ALL));
        cache.floor = cache.withinMillis == Long.MAX_VALUE ? floor : Math.max(floor, floorOf(Roll.AGREEING));
    }

    /** The floor that is known under a name; {@link Long#MIN_VALUE} if none is. */
    synchronized long floorOf(String name) {
        return floors.getOrDefault(name, Long.MIN_VALUE);
    }
}
