package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Says how the composite and each of its tiers are. */
final class FailoverHealth {
    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Clock clock;
    private final Instant startedAt;

    /** What the state knows of a tier, copied under its lock. */
    private record View(
            Circuit.Mode mode,
            boolean serving,
            long since,
            TierHealth.@Nullable Reason reason,
            double failureRate,
            @Nullable String lastFailure,
            long lastFailureAt,
            int keys,
            int prefixes,
            int counters,
            boolean overflowed,
            @Nullable String notes) {}

    FailoverHealth(Switchboard switchboard, List<Tier> tiers, Clock clock) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.clock = clock;
        this.startedAt = clock.instant();
    }

    StoreHealth snapshot() {
        List<View> views = switchboard.decide(FailoverHealth::views);
        long now = switchboard.now();
        Instant wall = clock.instant();
        List<TierHealth> healths = new ArrayList<>();
        StoreHealth serving = null;
        for (Tier tier : tiers) {
            View view = views.get(tier.index);
            StoreHealth store = tier.health();
            if (view.serving()) {
                serving = store;
            }
            healths.add(new TierHealth(
                    tier.name,
                    TierHealth.State.valueOf(view.mode().name()),
                    view.serving(),
                    atLeastStart(wall.minusNanos(now - view.since())),
                    view.reason(),
                    view.failureRate(),
                    view.lastFailure(),
                    view.lastFailure() == null ? null : wall.minusNanos(now - view.lastFailureAt()),
                    view.keys(),
                    view.prefixes(),
                    view.counters(),
                    view.overflowed(),
                    view.notes(),
                    store));
        }
        StoreHealth shown = serving == null ? healths.get(0).store() : serving;
        return StoreHealth.of(shown.type(), shown.distributed(), startedAt)
                .withAvailable(serving != null)
                .withReadYourWrites(shown.readYourWrites())
                .withOperations(operations(healths, shown.operations().latency()))
                .withPool(shown.pool())
                .withNodes(shown.nodes())
                .withTiers(healths);
    }

    /** The state's clock begins a little before the first tier does. */
    private Instant atLeastStart(Instant time) {
        return time.isBefore(startedAt) ? startedAt : time;
    }

    /** Counts of all tiers, since a call may be answered by one that does not serve; latencies can't be added up. */
    private static OperationStats operations(List<TierHealth> tiers, Latency latency) {
        long total = 0;
        long failed = 0;
        for (TierHealth tier : tiers) {
            total += tier.store().operations().total();
            failed += tier.store().operations().failed();
        }
        return new OperationStats(total, failed, latency);
    }

    private static List<View> views(FailoverState state) {
        List<View> views = new ArrayList<>();
        for (TierState tier : state.tiers) {
            CacheUnavailableException last = tier.detector.lastFailure();
            views.add(new View(
                    tier.circuit.mode(),
                    tier.index == state.tiers.serving(),
                    tier.circuit.since(),
                    tier.circuit.reason(),
                    tier.detector.failureRate(),
                    last == null ? null : last.getMessage(),
                    tier.detector.lastFailureAt(),
                    tier.dirty.keys(),
                    tier.dirty.prefixCount(),
                    tier.dirty.counters(),
                    tier.dirty.overflowed(),
                    tier.note() != null || tier.index > 0 ? tier.note() : state.rollProblem()));
        }
        return views;
    }
}
