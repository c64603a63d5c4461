package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The typed cache over any store.
 *
 * <pre>
 *   CacheEngine ─┬─ Reads      what the store holds, counted
 *                ├─ Loads, BulkLoads ── LoadRunner ── LoadedValues      what it does not hold
 *                └─ Writes     what callers change, which wins over loads (Flights)
 * </pre>
 */
final class CacheEngine<K, V> implements Cache<K, V> {
    private final String name;
    private final CachePolicy policy;
    private final CacheStore store;
    private final StoreKeys<K> keys;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final LoadRunner<K, V> runner;
    private final Loads<K, V> loads;
    private final BulkLoads<K, V> bulkLoads;
    private final Reads<V> reads;
    private final Writes<K, V> writes;
    private final AsyncCache<K, V> async;
    private volatile boolean closed;

    /**
     * Opens a cache. In the store its keys are {@code name:key}, with a raw codec {@code key} alone.
     *
     * @throws IllegalArgumentException if the codec is raw and the policy wants staleness, refreshing or remembered absence
     */
    static <K, V> CacheEngine<K, V> open(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services) {
        return new CacheEngine<>(name, store, keyMapper, codec, policy, services);
    }

    private CacheEngine(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services) {
        this.name = name;
        this.store = store;
        this.keys = new StoreKeys<>(codec.isRaw() ? "" : name + ':', keyMapper);
        this.entries = new Entries<>(codec, services.clock());
        this.policy = entries.checked(policy);
        this.counters = new Counters(name, services.events());
        this.flights = new Flights<>(store::callBound);
        RetryPauses pauses = new RetryPauses(services.nanoTime());
        LoadedValues<K, V> loaded = new LoadedValues<>(store, entries, counters, flights);
        this.runner = new LoadRunner<>(name, flights, loaded, entries, counters, pauses, policy.maxLoads(), services);
        this.loads = new Loads<>(flights, runner, entries, counters, pauses, services);
        this.bulkLoads = new BulkLoads<>(flights, loads, runner, loaded, counters, pauses);
        this.reads = new Reads<>(store, entries, counters);
        this.writes = new Writes<>(store, entries, counters, flights, pauses);
        this.async = new AsyncEngine<>(this, services, runner.background());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public CachePolicy policy() {
        return policy;
    }

    @Override
    public @Nullable V get(K key) {
        requireOpen();
        String storeKey = keys.of(key);
        byte[] entry = reads.get(storeKey);
        if (entry != null && reads.state(storeKey, entry, entries.now()) == Entries.State.FRESH) {
            V value = reads.decode(storeKey, entry);
            if (value != null) {
                counters.hits.increment();
                return value;
            }
        } else if (entry != null && entries.state(entry, entries.now()) == Entries.State.ABSENCE) {
            counters.hits.increment();
            return null;
        }
        counters.misses.increment();
        return null;
    }

    @Override
    public @Nullable V get(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy) {
        requireOpen();
        Objects.requireNonNull(loader, "loader");
        return answer(key, loader, entries.checked(callPolicy), null);
    }

    /** Like {@code get} with a loader, but a load that is needed is left to {@code caller}; what is returned then has no meaning. */
    @Nullable
    V answer(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy, @Nullable AsyncLoad<K, V> caller) {
        String storeKey = keys.of(key);
        int stamp = flights.stamp(storeKey);
        byte[] entry;
        try {
            entry = reads.get(storeKey);
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            return load(new Request<>(key, storeKey, loader, callPolicy, null, stamp, false), caller);
        }
        byte[] last = null;
        if (entry != null) {
            long now = entries.now();
            switch (reads.state(storeKey, entry, now)) {
                case FRESH -> {
                    V value = reads.decode(storeKey, entry);
                    if (value != null) {
                        counters.hits.increment();
                        if (callPolicy.refreshAhead() > 0 && entries.isDue(entry, callPolicy, now)) {
                            loads.refreshAhead(new Request<>(key, storeKey, loader, callPolicy, entry, stamp, true));
                        }
                        if (caller != null) {
                            caller.complete(value);
                        }
                        return value;
                    }
                }
                case ABSENCE -> {
                    counters.hits.increment();
                    if (caller != null) {
                        caller.complete(null);
                    }
                    return null;
                }
                case STALE -> last = entry;
                case EXPIRED, UNREADABLE -> {}
            }
        }
        counters.misses.increment();
        return load(new Request<>(key, storeKey, loader, callPolicy, last, stamp, false), caller);
    }

    private @Nullable V load(Request<K, V> request, @Nullable AsyncLoad<K, V> caller) {
        if (caller == null) {
            return loads.load(request);
        }
        loads.load(request, caller);
        return null;
    }

    @Override
    public @Nullable V refresh(K key, CacheLoader<? super K, V> loader) {
        requireOpen();
        return refresh(key, Objects.requireNonNull(loader, "loader"), null);
    }

    @Nullable
    V refresh(K key, CacheLoader<? super K, V> loader, @Nullable AsyncLoad<K, V> caller) {
        String storeKey = keys.of(key);
        int stamp = flights.stamp(storeKey);
        byte[] last = null;
        try {
            byte[] entry = reads.get(storeKey);
            if (entry != null) {
                Entries.State state = reads.state(storeKey, entry, entries.now());
                last = state == Entries.State.FRESH || state == Entries.State.STALE ? entry : null;
            }
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            // Counted; the load runs without knowing the last value.
            last = null;
        }
        return load(new Request<>(key, storeKey, loader, policy, last, stamp, true), caller);
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted) {
        requireOpen();
        Map<K, V> values = new LinkedHashMap<>();
        Map<K, String> storeKeys = storeKeys(wanted);
        if (storeKeys.isEmpty()) {
            return values;
        }
        Map<String, byte[]> found = reads.getAll(storeKeys.values());
        long now = entries.now();
        storeKeys.forEach((key, storeKey) -> read(key, storeKey, found.get(storeKey), now, values));
        return values;
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted, BulkCacheLoader<K, V> loader, CachePolicy callPolicy) {
        requireOpen();
        Objects.requireNonNull(loader, "loader");
        entries.checked(callPolicy);
        Map<K, String> storeKeys = storeKeys(wanted);
        if (storeKeys.isEmpty()) {
            return new LinkedHashMap<>();
        }
        Map<K, Integer> stamps = new LinkedHashMap<>();
        storeKeys.forEach((key, storeKey) -> stamps.put(key, flights.stamp(storeKey)));
        Map<String, byte[]> found;
        Collection<String> unknown = List.of();
        try {
            found = reads.getAll(storeKeys.values());
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            found = Reads.partOf(e);
            unknown = new ArrayList<>(storeKeys.values());
            unknown.removeAll(found.keySet());
        }
        return bulk(storeKeys, stamps, found, unknown, loader, callPolicy);
    }

    private Map<K, V> bulk(
            Map<K, String> storeKeys,
            Map<K, Integer> stamps,
            Map<String, byte[]> found,
            Collection<String> unknown,
            BulkCacheLoader<K, V> loader,
            CachePolicy callPolicy) {
        Map<K, V> values = new LinkedHashMap<>();
        Map<K, Request<K, V>> missing = new LinkedHashMap<>();
        CacheLoader<K, V> single = BulkLoads.single(loader);
        long now = entries.now();
        storeKeys.forEach((key, storeKey) -> {
            byte[] entry = found.get(storeKey);
            Entries.State state = Entries.State.EXPIRED;
            if (!unknown.contains(storeKey)) {
                state = read(key, storeKey, entry, now, values);
            }
            if (state != Entries.State.FRESH && state != Entries.State.ABSENCE) {
                byte[] last = state == Entries.State.STALE ? entry : null;
                missing.put(
                        key,
                        new Request<>(
                                key,
                                storeKey,
                                single,
                                callPolicy,
                                last,
                                Objects.requireNonNull(stamps.get(key)),
                                false));
            }
        });
        if (missing.isEmpty()) {
            return values;
        }
        bulkLoads.load(missing, loader, callPolicy, values);
        Map<K, V> ordered = new LinkedHashMap<>();
        storeKeys.keySet().forEach(key -> {
            V value = values.get(key);
            if (value != null) {
                ordered.put(key, value);
            }
        });
        return ordered;
    }

    /** Counts what was found for a key and puts a fresh value into {@code values}; an entry its codec refuses is unreadable. */
    private Entries.State read(K key, String storeKey, byte @Nullable [] entry, long now, Map<K, V> values) {
        Entries.State state = entry == null ? Entries.State.EXPIRED : reads.state(storeKey, entry, now);
        if (state == Entries.State.FRESH && entry != null) {
            V value = reads.decode(storeKey, entry);
            if (value == null) {
                state = Entries.State.UNREADABLE;
            } else {
                values.put(key, value);
            }
        }
        (state == Entries.State.FRESH || state == Entries.State.ABSENCE ? counters.hits : counters.misses).increment();
        return state;
    }

    private Map<K, String> storeKeys(Collection<? extends K> wanted) {
        Map<K, String> storeKeys = new LinkedHashMap<>();
        wanted.forEach(key -> storeKeys.put(key, keys.of(key)));
        return storeKeys;
    }

    @Override
    public Lookup<V> lookup(K key) {
        requireOpen();
        String storeKey = keys.of(key);
        byte[] entry = reads.get(storeKey);
        String tier = store.health().type();
        long now = entries.now();
        Entries.State state = entry == null ? Entries.State.EXPIRED : reads.state(storeKey, entry, now);
        V value = null;
        if (entry != null && (state == Entries.State.FRESH || state == Entries.State.STALE)) {
            value = reads.decode(storeKey, entry);
        }
        (state == Entries.State.ABSENCE || (value != null && state == Entries.State.FRESH)
                        ? counters.hits
                        : counters.misses)
                .increment();
        if (entry == null || (value == null && state != Entries.State.ABSENCE)) {
            return new Lookup<>(Lookup.State.ABSENT, null, Duration.ZERO, Optional.empty(), tier);
        }
        return new Lookup<>(
                value == null
                        ? Lookup.State.KNOWN_ABSENT
                        : state == Entries.State.FRESH ? Lookup.State.FRESH : Lookup.State.STALE,
                value,
                entries.age(entry, now),
                entries.etag(entry),
                tier);
    }

    @Override
    public boolean contains(K key) {
        requireOpen();
        String storeKey = keys.of(key);
        if (entries.isRaw()) {
            return store.contains(storeKey);
        }
        byte[] entry = reads.get(storeKey);
        return entry != null && entries.state(entry, entries.now()) == Entries.State.FRESH;
    }

    @Override
    public void put(K key, V value, CachePolicy callPolicy) {
        requireOpen();
        writes.put(keys.of(key), Objects.requireNonNull(value, "value"), entries.checked(callPolicy));
    }

    @Override
    public void putAll(Map<? extends K, ? extends V> values, CachePolicy callPolicy) {
        requireOpen();
        Map<String, V> byStoreKey = new LinkedHashMap<>();
        values.forEach((key, value) -> byStoreKey.put(keys.of(key), Objects.requireNonNull(value, "value")));
        writes.putAll(byStoreKey, entries.checked(callPolicy));
    }

    @Override
    public boolean putIfAbsent(K key, V value, CachePolicy callPolicy) {
        requireOpen();
        return writes.putIfAbsent(keys.of(key), Objects.requireNonNull(value, "value"), entries.checked(callPolicy));
    }

    @Override
    public boolean replace(K key, V expected, V value) {
        requireOpen();
        return writes.replace(
                keys.of(key),
                Objects.requireNonNull(expected, "expected"),
                Objects.requireNonNull(value, "value"),
                policy);
    }

    @Override
    public boolean remove(K key) {
        requireOpen();
        return writes.remove(keys.of(key));
    }

    @Override
    public void removeAll(Collection<? extends K> unwanted) {
        requireOpen();
        writes.removeAll(storeKeys(unwanted).values());
    }

    @Override
    public boolean markStale(K key) {
        requireOpen();
        requireEnveloped("markStale: a raw codec's entries don't say how long they are fresh");
        return writes.markStale(keys.of(key));
    }

    @Override
    public void clear() {
        requireOpen();
        requireEnveloped("clear: a raw codec's keys can't be told from those of others");
        writes.clear(keys.prefix());
    }

    private void requireEnveloped(String why) {
        if (entries.isRaw()) {
            throw new UnsupportedOperationException(why);
        }
    }

    @Override
    public CacheStats stats() {
        return counters.snapshot(runner.gate().running(), runner.gate().waiting());
    }

    /** Sets every count to zero. */
    void resetStats() {
        counters.reset();
    }

    @Override
    public AsyncCache<K, V> async() {
        return async;
    }

    Loads<K, V> loads() {
        return loads;
    }

    int loadsUnderWay() {
        return flights.count();
    }

    int changesUnderWay() {
        return flights.changes();
    }

    /** Says whether the cache was closed: its name is free then. */
    boolean isClosed() {
        return closed;
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the cache " + name + " is closed");
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            runner.close();
            flights.close();
        }
    }

    @Override
    public String toString() {
        return "Cache(" + name + " over " + store + ')';
    }
}
