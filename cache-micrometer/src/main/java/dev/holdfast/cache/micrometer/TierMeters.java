package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.micrometer.MeterSet.Name;
import java.util.List;
import java.util.Locale;

/** The meters of a client as a whole, and of its tiers, which are the same as long as it is open. */
final class TierMeters {
    private static final Name STATUS = new Name("holdfast.client.status", "Whether the client is in this status");
    private static final Name STATE = new Name("holdfast.tier.state", "Whether the tier is in this state");
    private static final Name SERVING = new Name("holdfast.tier.serving", "Whether calls go to the tier");
    private static final Name DIRTY =
            new Name("holdfast.tier.dirty.keys", "Changes that the tier has yet to make up for");
    private static final Name PROBES = new Name(
            "holdfast.tier.probe.failures", "Probes of the tier that failed in a row, of the node with the most");

    private TierMeters() {}

    /** Registers them; {@code view} is what they measure. */
    static void register(MeterSet meters, HealthView view, List<String> tiers) {
        for (CacheHealth.Status each : CacheHealth.Status.values()) {
            meters.gauge(STATUS, view, health -> health.read(all -> is(all.status(), each)), "status", word(each));
        }
        for (String tier : tiers) {
            for (TierHealth.State each : TierHealth.State.values()) {
                meters.gauge(
                        STATE,
                        view,
                        health -> health.tier(tier, all -> is(all.state(), each)),
                        "tier",
                        tier,
                        "state",
                        word(each));
            }
            meters.gauge(SERVING, view, health -> health.tier(tier, all -> all.serving() ? 1 : 0), "tier", tier);
            meters.gauge(DIRTY, view, health -> health.tier(tier, TierMeters::dirty), "tier", tier);
            meters.gauge(PROBES, view, health -> health.tier(tier, TierMeters::failedProbes), "tier", tier);
        }
    }

    private static double is(Enum<?> present, Enum<?> asked) {
        return present == asked ? 1 : 0;
    }

    private static double dirty(TierHealth tier) {
        return (double) tier.dirtyKeys() + tier.dirtyPrefixes() + tier.dirtyCounters();
    }

    private static double failedProbes(TierHealth tier) {
        return tier.store().nodes().stream()
                .mapToInt(NodeHealth::failureCount)
                .max()
                .orElse(0);
    }

    /** What a constant is called in a tag. */
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
