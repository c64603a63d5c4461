package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.spi.EntryUse;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The typed cache over any store.
 *
 * <pre>
 *   CacheEngine ─┬─ Reads      what the store holds, counted
 *                ├─ Loads ── LoadRunner ── LoadedValues      what it does not hold
 *                └─ Writes     what callers change, which wins over loads (Flights)
 * </pre>
 */
class CacheEngine<K, V> implements Cache<K, V> {
    private final EngineParts<K, V> parts;
    private final StoreKeys<K> keys;
    private final Entries<V> entries;
    private final Reads<V> reads;
    private final Loads<K, V> loads;
    private final ReadThrough<K, V> readThrough;
    private final Writes<K, V> writes;
    private final AsyncCache<K, V> async;
    private final Closing closing;
    private volatile boolean closed;
    private Runnable whenClosed = () -> {};

    /**
     * Opens a cache.
     *
     * @throws IllegalArgumentException if the codec is raw and the policy wants staleness, refreshing or remembered absence
     */
    CacheEngine(EngineSpec<K, V> spec) {
        this.parts = EngineParts.of(spec);
        this.keys = parts.keys();
        this.entries = parts.entries();
        this.reads = parts.reads();
        this.loads = new Loads<>(parts);
        this.readThrough = new ReadThrough<>(parts, loads);
        this.writes = new Writes<>(parts);
        this.async = new AsyncEngine<>(this, spec.services());
        this.closing = new Closing(
                loads::close, parts.flights()::close, parts::closeNear, entries::close, () -> whenClosed.run());
    }

    @Override
    public String name() {
        return parts.name();
    }

    @Override
    public CachePolicy policy() {
        return parts.policy();
    }

    @Override
    public @Nullable V get(K key) {
        requireUsable();
        return readThrough.get(key);
    }

    @Override
    public Optional<V> find(K key) {
        requireUsable();
        return Optional.ofNullable(readThrough.get(key));
    }

    @Override
    public @Nullable V get(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy) {
        requireLoadable(key, loader);
        return readThrough.get(key, loader, checked(callPolicy), null);
    }

    @Override
    public @Nullable V refresh(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy) {
        requireLoadable(key, loader);
        return readThrough.refresh(key, loader, checked(callPolicy), null);
    }

    private void requireLoadable(K key, CacheLoader<? super K, V> loader) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(loader, "loader");
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted) {
        requireUsable();
        return readThrough.getAll(wanted);
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted, BulkCacheLoader<K, V> loader, CachePolicy callPolicy) {
        requireUsable();
        Objects.requireNonNull(wanted, "keys");
        Objects.requireNonNull(loader, "loader");
        return readThrough.getAll(wanted, Loaders.bulk(loader, checked(callPolicy)), callPolicy, null);
    }

    @Override
    public Lookup<V> lookup(K key) {
        return reads.lookup(usable(key));
    }

    @Override
    public boolean contains(K key) {
        return reads.peek(usable(key)).fresh() != null;
    }

    @Override
    public void put(K key, V value, CachePolicy callPolicy) {
        writes.put(usable(key), Objects.requireNonNull(value, "value"), checkedToPut(callPolicy));
    }

    @Override
    public void putAll(Map<? extends K, ? extends V> values, CachePolicy callPolicy) {
        requireUsable();
        Objects.requireNonNull(values, "entries");
        Map<String, V> byStoreKey = new LinkedHashMap<>();
        values.forEach((key, value) -> byStoreKey.put(keys.of(key), Objects.requireNonNull(value, "value")));
        writes.putAll(byStoreKey, checkedToPut(callPolicy));
    }

    @Override
    public boolean putIfAbsent(K key, V value, CachePolicy callPolicy) {
        return writes.putIfAbsent(usable(key), Objects.requireNonNull(value, "value"), checkedToPut(callPolicy));
    }

    @Override
    public void putAbsent(K key, Duration ttl) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(ttl, "ttl");
        entries.requireEnveloped("putAbsent: a raw codec's entries can't say that there is no value");
        writes.putAbsent(keys.of(key), entries.checkedAbsence(policy(), ttl));
    }

    @Override
    public boolean replace(K key, V expected, V value, CachePolicy callPolicy) {
        return writes.replace(
                usable(key),
                Objects.requireNonNull(expected, "expected"),
                Objects.requireNonNull(value, "value"),
                checkedToPut(callPolicy));
    }

    @Override
    public Optional<Duration> ttl(K key) {
        return Optional.ofNullable(reads.ttl(usable(key)));
    }

    @Override
    public boolean expire(K key, Duration ttl) {
        return writes.expire(usable(key), entries.checked(policy().withTtl(ttl)));
    }

    @Override
    public boolean remove(K key) {
        return writes.remove(usable(key));
    }

    @Override
    public boolean remove(K key, V expected) {
        return writes.remove(usable(key), Objects.requireNonNull(expected, "expected"));
    }

    @Override
    public @Nullable V getAndRemove(K key) {
        return writes.getAndRemove(usable(key));
    }

    @Override
    public void removeAll(Collection<? extends K> unwanted) {
        requireUsable();
        writes.removeAll(keys.ofAll(unwanted).values());
    }

    @Override
    public boolean markStale(K key) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        entries.requireEnveloped("markStale: a raw codec's entries don't say how long they are fresh");
        return writes.markStale(keys.of(key));
    }

    @Override
    public void clear() {
        requireUsable();
        entries.requireEnveloped("clear: a raw codec's keys can't be told from those of others");
        writes.clear(keys.prefix());
    }

    @Override
    public void removeByTag(String tag) {
        requireUsable();
        Objects.requireNonNull(tag, "tag");
        entries.requireEnveloped("removeByTag: a raw codec's entries have no tags");
        writes.removeByTag(tag, policy().withTags(tag));
    }

    @Override
    public void markStaleByTag(String tag) {
        requireUsable();
        Objects.requireNonNull(tag, "tag");
        entries.requireEnveloped("markStaleByTag: a raw codec's entries have no tags");
        writes.markStaleByTag(tag, policy().withTags(tag));
    }

    @Override
    public CacheStats stats() {
        return parts.counters().snapshot(gate().running(), gate().waiting());
    }

    CacheFigures figures() {
        return new CacheFigures() {
            @Override
            public CacheStats totals() {
                return parts.counters().totals(gate().running(), gate().waiting());
            }

            @Override
            public @Nullable EntryUse use() {
                return entries.isRaw() ? null : parts.store().use(prefix());
            }
        };
    }

    /** How many entries were read under another key since the cache was opened, whatever statistics were reset. */
    long misplaced() {
        return parts.counters().misplaced();
    }

    /** Sets every count to zero. */
    void resetStats() {
        parts.counters().reset();
    }

    @Override
    public AsyncCache<K, V> async() {
        return async;
    }

    ReadThrough<K, V> readThrough() {
        return readThrough;
    }

    Loads<K, V> loads() {
        return loads;
    }

    LoadGate gate() {
        return loads.gate();
    }

    /** Refuses a policy that needs what the entries of a raw codec don't have. */
    CachePolicy checked(CachePolicy callPolicy) {
        return entries.checked(Objects.requireNonNull(callPolicy, "policy"));
    }

    /** The same for a policy that a value is put under. */
    CachePolicy checkedToPut(CachePolicy callPolicy) {
        return entries.checkedToPut(Objects.requireNonNull(callPolicy, "policy"));
    }

    int loadsUnderWay() {
        return parts.flights().count();
    }

    int changesUnderWay() {
        return parts.flights().changes();
    }

    /** What its keys in the store begin with; empty if they are raw. */
    String prefix() {
        return keys.prefix();
    }

    /** For how long its removals leave tombstones; {@code null} if they leave none. */
    @Nullable
    Duration tombstoneLife() {
        return parts.tombstones().life();
    }

    /** Sets what is done once after closing; before the cache is shared. */
    void whenClosed(Runnable action) {
        whenClosed = action;
    }

    /** What is to be said of its near cache: why it does not see others' changes; {@code null} if it does, or there is none. */
    @Nullable
    String nearNote() {
        return parts.nearNote();
    }

    /** Says whether the cache was closed: its name is free then. */
    boolean isClosed() {
        return closed;
    }

    private String usable(K key) {
        requireUsable();
        return keys.of(key);
    }

    /** Refuses the call of a closed cache, and that of an interrupted thread, whatever the store would do about it. */
    final void requireUsable() {
        requireOpen();
        if (Thread.currentThread().isInterrupted()) {
            throw new CacheInterruptedException("interrupted before a call of the cache " + name(), null, false);
        }
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the cache " + name() + " is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        closing.close();
    }

    @Override
    public String toString() {
        return "Cache(" + name() + " over " + parts.store() + ')';
    }
}
