package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import org.jspecify.annotations.Nullable;

/**
 * What the reads, the loads and the writes of one cache share.
 *
 * @param store where changes outdate what is near
 * @param near what is kept near; {@code null} for nothing
 */
record EngineParts<K, V>(
        String name,
        CachePolicy policy,
        CacheStore store,
        StoreKeys<K> keys,
        Entries<V> entries,
        Counters counters,
        Flights<K, V> flights,
        RetryPauses pauses,
        Tombstones tombstones,
        Tags tags,
        Reads<V> reads,
        @Nullable Near<K, V> near,
        EngineServices services) {

    /**
     * Makes those of a cache.
     *
     * @throws IllegalArgumentException if the codec is raw and the policy wants staleness, refreshing or remembered absence
     */
    static <K, V> EngineParts<K, V> of(EngineSpec<K, V> spec) {
        EngineServices services = spec.services();
        boolean raw = spec.codec().isRaw();
        StoreKeys<K> keys = spec.keys();
        CachePolicy policy = Entries.checked(spec.policy(), raw);
        Entries<V> entries = Entries.of(spec);
        Stamps stamps = spec.near() == null ? null : new Stamps();
        Near<K, V> near = stamps == null ? null : near(spec, stamps, keys, entries);
        CacheStore store = stamps == null ? spec.store() : new NearStore(spec.store(), stamps);
        Counters counters =
                new Counters(spec.name(), services.events(), () -> near == null ? NearStats.NONE : near.stats());
        TagReader nearTags = near == null || stamps == null ? null : new NearTags(near.tracking(), stamps, keys::ofTag);
        Tags tags = new Tags(spec.store(), store, keys::ofTag, entries::now, nearTags);
        return new EngineParts<>(
                spec.name(),
                policy,
                store,
                keys,
                entries,
                counters,
                new Flights<>(store::callBound),
                new RetryPauses(services.nanoTime()),
                Tombstones.of(store, raw, policy),
                tags,
                new Reads<>(store, entries, counters, tags),
                near,
                services);
    }

    private static <K, V> @Nullable Near<K, V> near(
            EngineSpec<K, V> spec, Stamps stamps, StoreKeys<K> keys, Entries<V> entries) {
        NearTerms terms = spec.near();
        try {
            return terms == null ? null : terms.open(spec.name(), spec.store(), stamps, keys, spec.services(), entries);
        } catch (Throwable e) {
            entries.close();
            throw e;
        }
    }

    /** What is to be said of what is near: why it does not see others' changes; {@code null} if it does, or there is nothing. */
    @Nullable
    String nearNote() {
        Tracking.State state = near == null ? null : near.state();
        return state == null || state.kind() != Tracking.Kind.UNTRACKED
                ? null
                : "near: untracked: cache " + name + ": " + state.why();
    }

    void closeNear() {
        if (near != null) {
            near.close();
        }
    }
}
