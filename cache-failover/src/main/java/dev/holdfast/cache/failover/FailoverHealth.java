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

/** Says how the composite and each of its tiers are. */
final class FailoverHealth {
    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Clock clock;
    private final Instant startedAt;

    FailoverHealth(Switchboard switchboard, List<Tier> tiers, Clock clock) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.clock = clock;
        this.startedAt = clock.instant();
    }

    StoreHealth snapshot() {
        // Asks them, so not under the lock.
        List<StoreHealth> stores = tiers.stream().map(Tier::health).toList();
        List<TierHealth> healths = switchboard.decide(state -> healths(state, stores));
        StoreHealth serving = healths.stream()
                .filter(TierHealth::serving)
                .map(TierHealth::store)
                .findFirst()
                .orElse(null);
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
        long total = tiers.stream()
                .mapToLong(tier -> tier.store().operations().total())
                .sum();
        long failed = tiers.stream()
                .mapToLong(tier -> tier.store().operations().failed())
                .sum();
        return new OperationStats(total, failed, latency);
    }

    private List<TierHealth> healths(FailoverState state, List<StoreHealth> stores) {
        long now = switchboard.now();
        Instant wall = clock.instant();
        List<TierHealth> healths = new ArrayList<>();
        for (TierState tier : state.tiers) {
            CacheUnavailableException last = tier.detector.lastFailure();
            String failure = last == null ? null : last.getMessage();
            healths.add(new TierHealth(
                    tier.name,
                    tier.circuit.mode(),
                    tier.index == state.tiers.serving(),
                    atLeastStart(wall.minusNanos(now - tier.circuit.since())),
                    tier.circuit.reason(),
                    tier.detector.failureRate(),
                    failure,
                    failure == null ? null : wall.minusNanos(now - tier.detector.lastFailureAt()),
                    tier.dirty.keys(),
                    tier.dirty.prefixes.size(),
                    tier.dirty.counters(),
                    tier.dirty.overflowed(),
                    tier.note() != null || tier.index > 0 ? tier.note() : state.rollProblem(),
                    stores.get(tier.index)));
        }
        return healths;
    }
}
