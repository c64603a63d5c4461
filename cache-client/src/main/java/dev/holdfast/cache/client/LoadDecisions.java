package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.LoadContext;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What an adaptive loader was told and has decided. For its thread. */
final class LoadDecisions<V> implements LoadContext<V> {
    private final Entries<V> entries;
    private final Counters counters;
    private final String storeKey;
    private final Entries.Begin begin;
    private final long begunNanos;
    private byte @Nullable [] last;
    private @Nullable V lastValue;
    private @Nullable Duration ttl;
    private byte @Nullable [] etag;
    private boolean cached;
    private final CachePolicy policy;
    /** Where the tags of the policy stood when the load began. */
    private Map<String, Long> standing = Map.of();
    /** Those that the loader chose beside them, whose removal since the load began is asked for at its end. */
    private final Set<String> chosen = new LinkedHashSet<>(0);

    LoadDecisions(Entries<V> entries, Counters counters, Request<?, V> request) {
        this.entries = entries;
        this.counters = counters;
        this.storeKey = request.storeKey();
        this.last = request.last();
        this.begin = entries.begin();
        this.policy = request.policy();
        this.cached = policy.storing();
        this.begunNanos = System.nanoTime();
    }

    /** The tags of the policy stand there as the load begins. */
    void under(Map<String, Long> numbers) {
        standing = numbers;
    }

    /** Its tags that it is known of where they stood when the load began. */
    Map<String, Long> standing() {
        return standing;
    }

    /** Its other tags. */
    Set<String> chosen() {
        return chosen;
    }

    /** All its tags; 0 for those whose number is not known yet. */
    Map<String, Long> tags() {
        if (chosen.isEmpty()) {
            return standing;
        }
        Map<String, Long> tags = new LinkedHashMap<>(standing);
        chosen.forEach(tag -> tags.put(tag, 0L));
        return tags;
    }

    /** For how long the load has been under way. */
    long nanos() {
        return System.nanoTime() - begunNanos;
    }

    @Override
    public void tags(String... tags) {
        if (entries.isRaw()) {
            throw new IllegalArgumentException("a raw codec stores values alone, so tags have no place to be written");
        }
        Set<String> all = new LinkedHashSet<>(policy.tags());
        all.addAll(chosen);
        all.addAll(List.of(Objects.requireNonNull(tags, "tags")));
        CachePolicy unused = policy.withTags(all.toArray(String[]::new));
        chosen.addAll(all);
        chosen.removeAll(policy.tags());
    }

    /** When the load began. */
    Entries.Begin begin() {
        return begin;
    }

    @Override
    public @Nullable V lastValue() {
        if (lastValue == null && last != null) {
            lastValue = entries.decode(storeKey, last, counters);
            last = lastValue == null ? null : last;
        }
        return lastValue;
    }

    /** Nothing without the value: a source that answers "not modified" would leave the loader with nothing to return. */
    @Override
    public Optional<String> lastETag() {
        return lastValue() == null ? Optional.empty() : entries.etag(last);
    }

    @Override
    public void ttl(Duration value) {
        CacheStore.ttlMillis(value);
        ttl = value;
    }

    @Override
    public void etag(String value) {
        etag = Entries.etagBytes(value);
    }

    @Override
    public V notModified() {
        V value = lastValue();
        if (value == null) {
            throw new IllegalStateException("there is no last value that could be not modified");
        }
        lastETag().ifPresent(this::etag);
        // Where they stand by now, not where they stood: the source has answered since.
        chosen.addAll(entries.tags(last).keySet());
        chosen.removeAll(policy.tags());
        return value;
    }

    @Override
    public void dontCache() {
        cached = false;
    }

    /** What kept its tags from one load to the next may have more than an entry can have. */
    boolean isCached() {
        return cached && tags().size() <= CachePolicy.MAX_TAGS;
    }

    Duration ttlOr(Duration policyTtl) {
        return ttl == null ? policyTtl : ttl;
    }

    byte @Nullable [] etag() {
        return etag;
    }
}
