package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** The decisions alone: nothing of what they want is done, time stands still until a test moves it, and chance has no choice. */
final class Decisions {
    static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

    /** Says the least or the most of what may be. */
    enum Chance implements RandomGenerator {
        LEAST,
        MOST;

        @Override
        public long nextLong() {
            throw new UnsupportedOperationException("only within a bound");
        }

        @Override
        public long nextLong(long bound) {
            return this == LEAST ? 0 : bound - 1;
        }
    }

    final FailoverConfig config;
    final Tiers tiers;
    final FailoverState state;
    long now = 1_000 * SECOND;

    Decisions(FailoverConfig config, Chance chance, TierState.Traits... traits) {
        this.config = config;
        tiers = tiers(config, List.of(traits), chance, "id");
        state = new FailoverState(new DirtyKeys(tiers));
    }

    /** Tiers of a client of that name. */
    static Tiers tiers(FailoverConfig config, List<TierState.Traits> traits, RandomGenerator random, String name) {
        Agreements agreements = new Agreements(Clock.systemUTC(), System::nanoTime);
        return new Tiers(config, traits, random, Attendance.of(name, agreements));
    }

    /** The state of a client with one server. */
    static FailoverState alone() {
        return new FailoverState(new DirtyKeys(
                tiers(FailoverConfig.DEFAULT, List.of(server("first")), new SplittableRandom(1), "test")));
    }

    /** Two servers and a memory. */
    static Decisions usual(FailoverConfig config) {
        return new Decisions(config, Chance.LEAST, server("first"), server("second"), memory());
    }

    static Decisions usual() {
        return usual(FailoverConfig.DEFAULT);
    }

    static TierState.Traits server(String name) {
        return server(name, Duration.ZERO);
    }

    static TierState.Traits server(String name, Duration bound) {
        return new TierState.Traits(name, true, TierPolicy.DEFAULT, bound.toNanos());
    }

    static TierState.Traits buffered(String name) {
        return new TierState.Traits(name, true, TierPolicy.DEFAULT.withBuffered(true), 0);
    }

    static TierState.Traits memory() {
        return new TierState.Traits("memory", false, TierPolicy.DEFAULT, 0);
    }

    TierState first() {
        return tiers.get(0);
    }

    TierState second() {
        return tiers.get(1);
    }

    TierState last() {
        return tiers.get(tiers.size() - 1);
    }

    /** What was decided since the last look, of one kind. */
    <E extends Effect> List<E> taken(Class<E> kind) {
        return state.takeEffects().stream()
                .filter(kind::isInstance)
                .map(kind::cast)
                .toList();
    }

    void forget() {
        List<Effect> unused = state.takeEffects();
    }

    /** Has a tier fenced, and returns what ends that. */
    static Effect.Disconnect fence(FailoverState state, int index, long now) {
        state.tiers.get(index).circuit.relapse(down(), now);
        return fence(state);
    }

    private static Effect.Disconnect fence(FailoverState state) {
        return state.takeEffects().stream()
                .filter(Effect.Disconnect.class::isInstance)
                .map(Effect.Disconnect.class::cast)
                .reduce((before, last) -> last)
                .orElseThrow();
    }

    /** Opens a tier, and ends its fence. */
    void open(TierState tier) {
        tier.circuit.open(TierHealth.Reason.PROBE, down(), now);
        state.fenced(fence(state), true, now);
        forget();
    }

    /** Lets an open tier answer a probe, so that it is on its way back. */
    void answer(TierState tier) {
        state.tiers.get(tier.index).detector.probed(now, ProbeResult.OK, now);
    }

    static CacheUnavailableException down() {
        return new CacheUnavailableException("down", null, Reason.CONNECTION, false);
    }

    static CacheUnavailableException lost() {
        return new CacheUnavailableException("lost", null, Reason.CONNECTION, true);
    }

    static CacheUnavailableException failure(Reason reason) {
        return reason == Reason.TIMEOUT
                ? new CacheTimeoutException("no answer", null, false)
                : new CacheUnavailableException("failed", null, reason, false);
    }
}
