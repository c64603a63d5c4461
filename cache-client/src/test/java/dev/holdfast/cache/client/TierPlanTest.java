package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class TierPlanTest {
    private static final StoreProviders STORES = new StoreProviders(List.of(provider("memory"), provider("own")));

    private static StoreProvider provider(String tier) {
        return provider(tier, settings -> false);
    }

    private static StoreProvider provider(String tier, Predicate<Settings> configured) {
        return new StoreProvider() {
            @Override
            public String tier() {
                return tier;
            }

            @Override
            public boolean isConfigured(Settings settings) {
                return configured.test(settings);
            }

            @Override
            public CacheStore create(Settings settings) {
                throw new AssertionError("a plan makes no store");
            }
        };
    }

    private static List<String> plan(String... namesAndValues) {
        return TierPlan.of(settings(namesAndValues), STORES).tiers();
    }

    private static Settings settings(String... namesAndValues) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return Settings.of(values);
    }

    private static String refused(String... namesAndValues) {
        return assertThrows(CacheConfigException.class, () -> plan(namesAndValues))
                .getMessage();
    }

    @Test
    void nothingSetIsMemory() {
        assertEquals(List.of("memory"), plan());
    }

    @Test
    void theOrderIsClusterSingleUpstashMemory() {
        assertEquals(
                List.of("cluster", "single", "upstash", "memory"),
                plan(
                        "KV_REST_API_URL", "https://x",
                        "REDIS_HOST", "h",
                        "REDIS_CLUSTER_ENABLED", "true"));
        assertEquals(List.of("single", "memory"), plan("REDIS_URL", "redis://h"));
        assertEquals(List.of("upstash", "memory"), plan("UPSTASH_REDIS_REST_TOKEN", "t"));
    }

    /** Those of ours are known without their modules, so that a missing one can be named. */
    @Test
    void aProviderOfOnesOwnSaysWhenItsTierIsWanted() {
        StoreProviders stores = new StoreProviders(List.of(
                provider("own", settings -> settings.isSet("OWN_URL")),
                provider("single", settings -> true),
                provider("memory", settings -> false)));
        assertEquals(List.of("memory"), TierPlan.of(settings(), stores).tiers());
        Settings both = settings("OWN_URL", "x", "REDIS_HOST", "h");
        assertEquals(
                List.of("single", "own", "memory"), TierPlan.of(both, stores).tiers());
        TierPlan withoutRedis = TierPlan.of(both.with("REDIS_ENABLED", "false"), stores);
        assertEquals(List.of("own", "memory"), withoutRedis.tiers());
        assertEquals("REDIS_ENABLED", withoutRedis.switchedOff());
        assertEquals(
                List.of("memory"),
                TierPlan.of(both.with("CACHE_ENABLED", "false"), stores).tiers());
        Settings named = both.with("CACHE_TIERS", "single,memory");
        assertEquals(List.of("single", "memory"), TierPlan.of(named, stores).tiers());
    }

    @Test
    void theSingleTierBehindAClusterCanBeLeftOut() {
        assertEquals(
                List.of("cluster", "memory"),
                plan("REDIS_CLUSTER_ENABLED", "true", "REDIS_HOST", "h", "REDIS_FALLBACK_TO_SINGLE", "false"));
        assertEquals(List.of("single", "memory"), plan("REDIS_HOST", "h", "REDIS_FALLBACK_TO_SINGLE", "false"));
    }

    @Test
    void bothSwitchesLeaveMemoryAlone() {
        assertEquals(List.of("memory"), plan("CACHE_ENABLED", "false", "REDIS_HOST", "h"));
        assertEquals(List.of("memory"), plan("REDIS_ENABLED", "false", "REDIS_HOST", "h", "CACHE_TIERS", "single"));
        assertEquals(
                List.of("own", "memory"),
                plan("REDIS_ENABLED", "false", "REDIS_HOST", "h", "CACHE_TIERS", "single,own,memory"));
    }

    @Test
    void cacheTiersSaysWhichAndInWhichOrder() {
        assertEquals(List.of("single"), plan("REDIS_HOST", "h", "CACHE_TIERS", "single"));
        assertEquals(
                List.of("own", "single", "memory"), plan("REDIS_HOST", "h", "CACHE_TIERS", " own , single , memory "));
    }

    @Test
    void cacheTiersThatMeansNothingIsRefused() {
        assertTrue(refused("CACHE_TIERS", "memory,memory").contains("once"));
        assertTrue(refused("CACHE_TIERS", "redis").contains("its word 1"));
        assertTrue(refused("CACHE_TIERS", "single,memory").contains("REDIS_URL"));
        assertTrue(refused("CACHE_TIERS", "cluster,memory").contains("REDIS_CLUSTER_NODES"));
        assertTrue(refused("CACHE_TIERS", "memory,own").contains("last"));
        assertTrue(refused("CACHE_TIERS", "memory,,own").contains("CACHE_TIERS"));
    }

    @Test
    void aTierWhoseModuleIsMissingNamesTheArtifact() {
        CacheConfigException e =
                assertThrows(CacheConfigException.class, () -> STORES.make("cluster", Settings.of(Map.of())));
        assertTrue(e.getMessage().contains("dev.holdfast:holdfast-cache-cluster"), e.getMessage());
    }

    @Test
    void twoProvidersOfOneTierAreRefusedByName() {
        CacheConfigException e = assertThrows(
                CacheConfigException.class, () -> new StoreProviders(List.of(provider("own"), provider("own"))));
        assertTrue(e.getMessage().contains("own"), e.getMessage());
    }
}
