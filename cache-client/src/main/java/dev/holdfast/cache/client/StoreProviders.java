package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** The stores that can be made with what is on the class path or module path, by tier. */
final class StoreProviders {
    private final Map<String, StoreProvider> byTier = new LinkedHashMap<>();

    StoreProviders(Iterable<StoreProvider> found) {
        for (StoreProvider provider : found) {
            StoreProvider other = byTier.putIfAbsent(provider.tier(), provider);
            if (other != null) {
                throw new CacheConfigException("two providers make the tier " + provider.tier() + ": "
                        + other.getClass().getName() + " and "
                        + provider.getClass().getName() + "; leave one of them off the class path");
            }
        }
    }

    /** Finds them where this class was found, whatever the calling thread's context class loader is. */
    static StoreProviders find() {
        return new StoreProviders(ServiceLoader.load(StoreProvider.class, CacheClient.class.getClassLoader()));
    }

    boolean canMake(String tier) {
        return byTier.containsKey(tier);
    }

    /** The tiers whose own providers say that settings ask for them. */
    List<String> configured(Settings settings) {
        return byTier.values().stream()
                .filter(provider -> KnownTier.named(provider.tier()).isEmpty())
                .filter(provider -> provider.isConfigured(settings))
                .map(StoreProvider::tier)
                .toList();
    }

    CacheStore make(String tier, Settings settings) {
        return provider(tier).create(settings);
    }

    CacheStore make(String tier, Settings settings, InstantSource clock) {
        return provider(tier).create(settings, clock);
    }

    private StoreProvider provider(String tier) {
        StoreProvider provider = byTier.get(tier);
        if (provider == null) {
            String artifact = KnownTier.named(tier)
                    .map(KnownTier::artifact)
                    .orElse("the artifact that brings its " + StoreProvider.class.getSimpleName());
            throw new CacheConfigException("the tier " + tier
                    + " is configured, but no module on the class path or module path makes it: add " + artifact);
        }
        return provider;
    }
}
