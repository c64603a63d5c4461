package dev.holdfast.cache.client;

import dev.holdfast.cache.Settings;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which tiers settings ask for, in which order.
 *
 * @param tiers tier names, the first to answer first; never empty
 * @param switchedOff the variable that keeps servers out which are configured or named; {@code null} if none does
 */
record TierPlan(List<String> tiers, @Nullable String switchedOff) {
    private static final List<String> MEMORY_ONLY = List.of(KnownTier.MEMORY.tier());

    /**
     * Reads the plan.
     *
     * @param settings the settings
     * @param stores what can be made
     * @return the plan
     */
    static TierPlan of(Settings settings, StoreProviders stores) {
        boolean enabled = settings.flag("CACHE_ENABLED", true);
        boolean redis = settings.flag("REDIS_ENABLED", true);
        List<String> named = named(settings, stores);
        if (!enabled) {
            return new TierPlan(MEMORY_ONLY, "CACHE_ENABLED");
        }
        List<String> wanted = named.isEmpty() ? configured(settings, stores) : named;
        if (redis) {
            return new TierPlan(wanted, null);
        }
        List<String> others = wanted.stream().filter(tier -> !isRedis(tier)).toList();
        return new TierPlan(
                others.isEmpty() ? MEMORY_ONLY : others,
                wanted.stream().anyMatch(TierPlan::isRedis) ? "REDIS_ENABLED" : null);
    }

    private static boolean isRedis(String tier) {
        return KnownTier.named(tier).filter(known -> known != KnownTier.MEMORY).isPresent();
    }

    private static List<String> configured(Settings settings, StoreProviders stores) {
        boolean singleToo = settings.flag("REDIS_FALLBACK_TO_SINGLE", true);
        List<String> tiers = new ArrayList<>();
        for (KnownTier tier : KnownTier.values()) {
            boolean spare = tier == KnownTier.SINGLE && tiers.contains(KnownTier.CLUSTER.tier());
            if (tier == KnownTier.MEMORY) {
                tiers.addAll(stores.configured(settings));
            }
            if (tier.configured(settings) && (!spare || singleToo)) {
                tiers.add(tier.tier());
            }
        }
        return List.copyOf(tiers);
    }

    /** What {@code CACHE_TIERS} says; checked even where a switch makes it meaningless. */
    private static List<String> named(Settings settings, StoreProviders stores) {
        List<String> tiers = settings.list("CACHE_TIERS");
        if (new HashSet<>(tiers).size() < tiers.size()) {
            throw settings.malformed("CACHE_TIERS", "must name each tier once");
        }
        if (tiers.contains(KnownTier.MEMORY.tier()) && tiers.indexOf(KnownTier.MEMORY.tier()) < tiers.size() - 1) {
            throw settings.malformed("CACHE_TIERS", "must name memory last: it always answers");
        }
        for (String tier : tiers) {
            Optional<KnownTier> known = KnownTier.named(tier);
            if (known.isEmpty() && !stores.canMake(tier)) {
                throw settings.malformed(
                        "CACHE_TIERS",
                        "may name cluster, single, upstash, memory and tiers of your own that a StoreProvider makes; its word "
                                + (tiers.indexOf(tier) + 1) + " is none of them");
            }
            if (known.isPresent() && !known.get().configured(settings)) {
                throw settings.malformed(
                        "CACHE_TIERS",
                        "the tier " + tier + " is not configured: "
                                + known.get().toConfigure());
            }
        }
        return tiers;
    }
}
