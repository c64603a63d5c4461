package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Makes the client's health out of its store's. */
final class HealthReport {
    private HealthReport() {}

    /**
     * Sums up.
     *
     * @param store what the store says
     * @param onlyTier the tier's name where the store is no composite
     * @param enabled whether the cache is switched on
     * @param startedAt when the client was opened
     * @param now the time
     */
    static CacheHealth of(StoreHealth store, String onlyTier, boolean enabled, Instant startedAt, Instant now) {
        List<TierHealth> tiers = store.tiers().isEmpty() ? List.of(plain(onlyTier, store)) : store.tiers();
        Optional<TierHealth> serving =
                tiers.stream().filter(TierHealth::serving).findFirst();
        StoreHealth shown = serving.orElse(tiers.get(0)).store();
        return new CacheHealth(
                enabled ? status(tiers, serving) : Status.DISABLED,
                serving.isPresent(),
                shown.type(),
                shown.distributed(),
                shown.readYourWrites(),
                now,
                Duration.between(startedAt, now),
                shown.operations(),
                shown.pool(),
                tiers);
    }

    private static Status status(List<TierHealth> tiers, Optional<TierHealth> serving) {
        if (serving.isEmpty()) {
            return Status.CRITICAL;
        }
        if (tiers.get(0).serving()) {
            return Status.HEALTHY;
        }
        return serving.get().store().distributed() ? Status.DEGRADED : Status.CRITICAL;
    }

    /** A store that needs no composite is a tier that always serves. */
    private static TierHealth plain(String name, StoreHealth store) {
        return new TierHealth(
                name, "CLOSED", true, store.startedAt(), null, 0, null, null, 0, 0, 0, false, null, store);
    }
}
