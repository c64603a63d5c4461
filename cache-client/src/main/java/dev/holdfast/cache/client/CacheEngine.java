package dev.holdfast.cache.client;

import dev.holdfast.cache.Agreement;
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
import dev.holdfast.cache.EntryUse;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.Tracking;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
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
 *                ├─ Loads ── LoadRunner ── LoadedValues      what it does not hold
 *                └─ Writes     what callers change, which wins over loads (Flights)
 * </pre>
 */
class CacheEngine<K, V> implements Cache<K, V> {
    private final String name;
    private final CachePolicy policy;
    private final CacheStore store;
    private final StoreKeys<K> keys;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final LoadRunner<K, V> runner;
    private final Removals removals;
    private final Loads<K, V> loads;
    private final Reads<V> reads;
    private final Writes<K, V> writes;
    private final Tags tags;
    private final @Nullable Near<K, V> near;
    private final AsyncCache<K, V> async;
    private final Closing closing;
    private volatile boolean closed;
    private Runnable whenClosed = () -> {};

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
        return new CacheEngine<>(name, store, keyMapper, codec, policy, services, null);
    }

    /**
     * Opens a cache like {@link #open}.
     *
     * @param front what it keeps near; {@code null} for nothing
     */
    CacheEngine(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services,
            @Nullable NearTerms front) {
        this.name = name;
        this.keys = new StoreKeys<>(codec.isRaw() ? "" : name + ':', keyMapper);
        this.policy = Entries.checked(policy, codec.isRaw());
        Agreement agreement = codec.isRaw() ? Agreement.NONE : store.agreement(keys.prefix(), policy.agreeWithin());
        boolean limited = !policy.agreeWithin().isZero();
        this.entries = new Entries<>(keys.prefix(), codec, services.clock(), agreement, limited);
        Stamps stamps = front == null ? null : new Stamps();
        this.near = front == null || stamps == null ? null : near(front, store, stamps, services);
        this.store = stamps == null ? store : new NearStore(store, stamps);
        this.counters = new Counters(name, services.events(), () -> near == null ? NearStats.NONE : near.stats());
        this.flights = new Flights<>(this.store::callBound);
        RetryPauses pauses = new RetryPauses(services.nanoTime());
        TagReader nearTags = near == null || stamps == null ? null : new NearTags(near.tracking(), stamps, keys::ofTag);
        this.tags = new Tags(store, this.store, keys::ofTag, entries::now, nearTags);
        this.reads = new Reads<>(this.store, entries, counters, tags);
        this.removals = Removals.of(this.store, codec.isRaw(), policy);
        LoadedValues<K, V> loaded = new LoadedValues<>(this.store, reads, entries, counters, flights, removals, tags);
        LoadLocks<V> locks = new LoadLocks<>(this.store, keys::ofLoad, reads, services);
        this.runner = new LoadRunner<>(flights, loaded, entries, counters, pauses, locks, policy.maxLoads(), services);
        this.loads = new Loads<>(name, flights, runner, entries, counters, pauses, services);
        this.writes = new Writes<>(this.store, reads, entries, counters, flights, pauses, removals, tags);
        this.async = new AsyncEngine<>(this, services);
        this.closing =
                new Closing(runner::close, flights::close, this::closeNear, entries::close, () -> whenClosed.run());
    }

    private Near<K, V> near(NearTerms front, CacheStore behind, Stamps stamps, EngineServices services) {
        try {
            return front.open(name, behind, stamps, keys, services, entries);
        } catch (Throwable e) {
            entries.close();
            throw e;
        }
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
        return held(key);
    }

    @Override
    public Optional<V> find(K key) {
        return Optional.ofNullable(held(key));
    }

    /** The fresh value that the store holds, counted; {@code null} if there is none. Never loads. */
    final @Nullable V held(K key) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Near<K, V>.Reading reading = null;
        String storeKey;
        if (near == null) {
            storeKey = keys.of(key);
        } else {
            Near.Kept<V> kept = near.find(key);
            V value = kept == null ? null : valueOf(key, kept);
            if (value != null || (kept != null && kept.isAbsence())) {
                return value;
            }
            storeKey = keys.of(key);
            reading = near.begin(key, storeKey);
        }
        long trusted = entries.trustedUntil();
        byte[] entry = reads.get(storeKey, reading);
        Entries.State state =
                entry == null ? Entries.State.EXPIRED : reads.state(storeKey, entry, entries.now(), trusted, reading);
        V value = entry != null && state == Entries.State.FRESH ? reads.decode(storeKey, entry) : null;
        if (reading != null) {
            reading.end(entry, state, value);
        }
        (value != null || state == Entries.State.ABSENCE ? counters.hits : counters.misses).increment();
        return value == null && entry != null && state == Entries.State.STALE ? staleOnGet(storeKey, entry) : value;
    }

    /** What a read without a loader gets of a stale entry; {@code null} unless the policy says that it is better than nothing. */
    private @Nullable V staleOnGet(String storeKey, byte[] entry) {
        V value = policy.staleOnGet() ? reads.decode(storeKey, entry) : null;
        if (value != null) {
            counters.staleServed(storeKey);
        }
        return value;
    }

    /** The value of what is near; {@code null} if it says that there is none, or its codec refuses to make a copy, which is then no hit. */
    private @Nullable V valueOf(K key, Near.Kept<V> kept) {
        byte[] entry = kept.entry();
        if (entry == null) {
            return kept.value();
        }
        V copy = reads.decode(keys.of(key), entry);
        if (copy == null && near != null) {
            near.missed();
        }
        return copy;
    }

    @Override
    public @Nullable V get(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(loader, "loader");
        return answer(key, loader, checked(callPolicy), null);
    }

    /** Like {@code get} with a loader, but a load that is needed is left to {@code caller}; what is returned then has no meaning. */
    @Nullable
    V answer(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy, @Nullable AsyncCall<K, V, ?> caller) {
        if (!callPolicy.reading()) {
            return refresh(key, loader, callPolicy, caller);
        }
        if (near != null) {
            Near.Kept<V> kept = near.find(key);
            if (kept != null && near.isDue(kept, ahead(callPolicy))) {
                near.missed(); // the read of the store finds that it is to be refreshed
            } else {
                V value = kept == null ? null : valueOf(key, kept);
                if (value != null || (kept != null && kept.isAbsence())) {
                    return value;
                }
            }
        }
        String storeKey = keys.of(key);
        int stamp = flights.stamp(storeKey);
        long trusted = entries.trustedUntil();
        Near<K, V>.Reading reading = near == null ? null : near.begin(key, storeKey);
        byte[] entry;
        long now = 0;
        Entries.State state = Entries.State.EXPIRED;
        try {
            entry = reads.getToLoad(storeKey, reading);
            if (entry != null) {
                now = entries.now();
                state = reads.state(storeKey, entry, now, trusted, reading);
            }
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            return load(new Request<>(key, storeKey, loader, callPolicy, null, null, stamp, false), caller);
        }
        byte[] last = null;
        if (entry == null) {
            if (reading != null) {
                reading.end(null, Entries.State.EXPIRED, null);
            }
        } else {
            V value = state == Entries.State.FRESH ? reads.decode(storeKey, entry) : null;
            if (reading != null) {
                reading.end(entry, state, value);
            }
            switch (state) {
                case FRESH -> {
                    if (value != null) {
                        counters.hits.increment();
                        if (ahead(callPolicy) > 0 && entries.isDue(entry, callPolicy, now)) {
                            loads.refreshAhead(
                                    new Request<>(key, storeKey, loader, callPolicy, entry, entry, stamp, true),
                                    caller == null ? null : caller.context());
                        }
                        return value;
                    }
                }
                case ABSENCE -> {
                    counters.hits.increment();
                    return null;
                }
                case STALE -> last = entry;
                case EXPIRED, UNREADABLE -> {}
            }
        }
        counters.misses.increment();
        return load(new Request<>(key, storeKey, loader, callPolicy, last, entry, stamp, false), caller);
    }

    private @Nullable V load(Request<K, V> request, @Nullable AsyncCall<K, V, ?> caller) {
        Map<K, V> values = new HashMap<>(2);
        load(List.of(request), Loading.one(), values, caller);
        return caller == null ? values.get(request.key()) : null;
    }

    private void load(
            Collection<Request<K, V>> missing,
            Loading<K, V> loading,
            Map<K, V> values,
            @Nullable AsyncCall<K, V, ?> caller) {
        if (caller == null) {
            loads.load(missing, loading, values);
        } else {
            caller.context().requireCarried();
            loads.load(missing, loading, values, caller);
        }
    }

    @Override
    public @Nullable V refresh(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(loader, "loader");
        return refresh(key, loader, checked(callPolicy), null);
    }

    @Nullable
    V refresh(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy, @Nullable AsyncCall<K, V, ?> caller) {
        String storeKey = keys.of(key);
        int stamp = flights.stamp(storeKey);
        byte[] seen = null;
        byte[] last = null;
        try {
            seen = reads.getToLoad(storeKey, null);
            last = reads.found(storeKey, seen).last(true);
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            // Counted; the load runs without knowing the last value.
            last = null;
        }
        return load(new Request<>(key, storeKey, loader, callPolicy, last, seen, stamp, true), caller);
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted) {
        return allHeld(wanted);
    }

    /** The fresh values that the store holds, counted. Never loads. */
    final Map<K, V> allHeld(Collection<? extends K> wanted) {
        requireUsable();
        Map<K, V> values = new LinkedHashMap<>();
        Map<K, String> asked = storeKeys(wanted);
        Map<K, String> storeKeys = near == null ? asked : notNear(near, asked, values, 0);
        if (storeKeys.isEmpty()) {
            return values;
        }
        long trusted = entries.trustedUntil();
        Near<K, V>.Readings readings = near == null ? null : near.beginAll(storeKeys);
        Map<String, Found<V>> found =
                reads.foundAll(storeKeys.values(), reads.getAll(storeKeys.values(), readings), trusted, readings);
        for (Map.Entry<K, String> each : storeKeys.entrySet()) {
            Found<V> its = of(found, each.getValue());
            byte[] last = its.last(false);
            if (!read(each.getKey(), each.getValue(), its, values, readings) && last != null) {
                V stale = staleOnGet(each.getValue(), last);
                if (stale != null) {
                    values.put(each.getKey(), stale);
                }
            }
        }
        return near == null ? values : inOrder(asked.keySet(), values);
    }

    /** Puts what is near into {@code values}. Returns the keys that are left. */
    private Map<K, String> notNear(Near<K, V> front, Map<K, String> storeKeys, Map<K, V> values, double refreshAhead) {
        Map<K, String> left = new LinkedHashMap<>();
        storeKeys.forEach((key, storeKey) -> {
            Near.Kept<V> kept = front.find(key);
            boolean due = kept != null && front.isDue(kept, refreshAhead);
            if (due) {
                front.missed();
            }
            V value = kept == null || due ? null : valueOf(key, kept);
            if (value != null) {
                values.put(key, value);
            } else if (kept == null || due || !kept.isAbsence()) {
                left.put(key, storeKey);
            }
        });
        return left;
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted, BulkCacheLoader<K, V> loader, CachePolicy callPolicy) {
        requireUsable();
        Objects.requireNonNull(wanted, "keys");
        Objects.requireNonNull(loader, "loader");
        return answerAll(wanted, Loaders.bulk(loader, checked(callPolicy)), callPolicy, null);
    }

    /** Like {@code getAll} with a loader; loads that are needed are left to {@code caller} as by {@link #answer}. */
    Map<K, V> answerAll(
            Collection<? extends K> wanted,
            Loaders<K, V> loaders,
            CachePolicy callPolicy,
            @Nullable AsyncCall<K, V, ?> caller) {
        Map<K, V> values = new HashMap<>();
        Map<K, String> storeKeys = storeKeys(wanted);
        if (storeKeys.isEmpty()) {
            return values;
        }
        boolean reading = callPolicy.reading();
        Map<K, String> toRead =
                near == null || !reading ? storeKeys : notNear(near, storeKeys, values, ahead(callPolicy));
        List<Request<K, V>> missing = new ArrayList<>();
        toRead.forEach((key, storeKey) -> missing.add(new Request<>(
                key, storeKey, loaders.single(), callPolicy, null, null, flights.stamp(storeKey), !reading)));
        List<Request<K, V>> unanswered = toRead.isEmpty() ? missing : readAll(missing, toRead, values, caller);
        if (!unanswered.isEmpty()) {
            load(unanswered, loaders.several(), values, caller);
        }
        return inOrder(storeKeys.keySet(), values);
    }

    /** Puts what the store has into {@code values}. Returns the requests that are left, with their last values. */
    private List<Request<K, V>> readAll(
            List<Request<K, V>> requests,
            Map<K, String> toRead,
            Map<K, V> values,
            @Nullable AsyncCall<K, V, ?> caller) {
        Collection<String> storeKeys = toRead.values();
        long trusted = entries.trustedUntil();
        Near<K, V>.Readings readings = near == null ? null : near.beginAll(toRead);
        Map<String, Found<V>> found;
        try {
            Map<String, byte[]> read;
            Collection<String> known = new HashSet<>(storeKeys);
            try {
                read = reads.getAllToLoad(storeKeys, readings);
            } catch (CacheInterruptedException e) {
                throw e;
            } catch (CacheException e) {
                read = Reads.partOf(e);
                known = read.keySet();
            }
            found = reads.foundAll(known, read, trusted, readings);
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            found = Map.of(); // where their tags stand is not known
        }
        List<Request<K, V>> missing = new ArrayList<>();
        for (Request<K, V> request : requests) {
            String storeKey = request.storeKey();
            Found<V> entry = found.get(storeKey);
            if (entry == null) {
                missing.add(request); // neither a hit nor a miss
                continue;
            }
            if (request.refresh()) {
                missing.add(request.withLook(entry.last(true), entry.entry()));
            } else if (!read(request.key(), storeKey, entry, values, readings)) {
                missing.add(request.withLook(entry.last(false), entry.entry()));
            } else {
                refreshIfDue(request, entry, caller);
            }
        }
        return missing;
    }

    private static <V> Found<V> of(Map<String, Found<V>> found, String storeKey) {
        return Objects.requireNonNull(found.get(storeKey), "each key was looked at");
    }

    /** The fraction of its time after which a call refreshes a value: none if that would store nothing, and the next call would do it again. */
    private static double ahead(CachePolicy callPolicy) {
        return callPolicy.storing() ? callPolicy.refreshAhead() : 0;
    }

    private void refreshIfDue(Request<K, V> request, Found<V> found, @Nullable AsyncCall<K, V, ?> caller) {
        byte[] entry = found.entry();
        CachePolicy callPolicy = request.policy();
        if (ahead(callPolicy) > 0
                && entry != null
                && !found.isAbsence()
                && entries.isDue(entry, callPolicy, entries.now())) {
            loads.refreshAhead(
                    new Request<>(
                            request.key(),
                            request.storeKey(),
                            request.loader(),
                            callPolicy,
                            entry,
                            entry,
                            request.stamp(),
                            true),
                    caller == null ? null : caller.context());
        }
    }

    /** Counts what was found for a key and puts a fresh value into {@code values}. Returns whether it is an answer. */
    private boolean read(
            K key, String storeKey, Found<V> found, Map<K, V> values, Near<K, V>.@Nullable Readings readings) {
        V value = found.fresh();
        if (readings != null) {
            readings.end(storeKey, found);
        }
        if (value != null) {
            values.put(key, value);
        }
        (found.isAnswer() ? counters.hits : counters.misses).increment();
        return found.isAnswer();
    }

    static <K, V> Map<K, V> inOrder(Collection<? extends K> wanted, Map<K, V> values) {
        Map<K, V> ordered = new LinkedHashMap<>();
        for (K key : wanted) {
            V value = values.get(key);
            if (value != null) {
                ordered.put(key, value);
            }
        }
        return ordered;
    }

    private Map<K, String> storeKeys(Collection<? extends K> wanted) {
        Objects.requireNonNull(wanted, "keys");
        Map<K, String> storeKeys = new LinkedHashMap<>();
        wanted.forEach(key -> storeKeys.put(key, keys.of(key)));
        return storeKeys;
    }

    @Override
    public Lookup<V> lookup(K key) {
        requireUsable();
        Found<V> found = reads.look(keys.of(key));
        String tier = store.tierName();
        V value = found.value();
        (found.isAnswer() ? counters.hits : counters.misses).increment();
        byte[] entry = found.entry();
        if (entry == null || (value == null && !found.isAbsence())) {
            return new Lookup<>(Lookup.State.ABSENT, null, Duration.ZERO, Optional.empty(), tier);
        }
        Lookup.State state = found.isAbsence()
                ? Lookup.State.KNOWN_ABSENT
                : found.fresh() != null ? Lookup.State.FRESH : Lookup.State.STALE;
        return new Lookup<>(state, value, entries.age(entry, entries.now()), entries.etag(entry), tier);
    }

    @Override
    public boolean contains(K key) {
        requireUsable();
        String storeKey = keys.of(key);
        long trusted = reads.trustedUntil();
        return reads.foundUncounted(storeKey, reads.get(storeKey), trusted).fresh() != null;
    }

    @Override
    public void put(K key, V value, CachePolicy callPolicy) {
        requireUsable();
        writes.put(keys.of(key), Objects.requireNonNull(value, "value"), checkedToPut(callPolicy));
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
        requireUsable();
        return writes.putIfAbsent(keys.of(key), Objects.requireNonNull(value, "value"), checkedToPut(callPolicy));
    }

    @Override
    public void putAbsent(K key, Duration ttl) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(ttl, "ttl");
        requireEnveloped("putAbsent: a raw codec's entries can't say that there is no value");
        CachePolicy remembering = policy.withRememberAbsence(ttl);
        if (ttl.isZero()) {
            throw new IllegalArgumentException("how long an absence is remembered must be positive: " + ttl);
        }
        writes.putAbsent(keys.of(key), remembering);
    }

    @Override
    public boolean replace(K key, V expected, V value, CachePolicy callPolicy) {
        requireUsable();
        return writes.replace(
                keys.of(key),
                Objects.requireNonNull(expected, "expected"),
                Objects.requireNonNull(value, "value"),
                checkedToPut(callPolicy));
    }

    @Override
    public Optional<Duration> ttl(K key) {
        requireUsable();
        String storeKey = keys.of(key);
        if (entries.isRaw()) {
            return Optional.ofNullable(store.ttl(storeKey));
        }
        long trusted = reads.trustedUntil();
        byte[] entry = reads.get(storeKey);
        return reads.foundUncounted(storeKey, entry, trusted).fresh() == null || entry == null
                ? Optional.empty()
                : Optional.of(Lifetime.remaining(Envelope.freshUntil(entry), entries.now()));
    }

    @Override
    public boolean expire(K key, Duration ttl) {
        requireUsable();
        return writes.expire(keys.of(key), entries.checked(policy.withTtl(ttl)));
    }

    @Override
    public boolean remove(K key) {
        requireUsable();
        return writes.remove(keys.of(key));
    }

    @Override
    public boolean remove(K key, V expected) {
        requireUsable();
        return writes.remove(keys.of(key), Objects.requireNonNull(expected, "expected"));
    }

    @Override
    public @Nullable V getAndRemove(K key) {
        requireUsable();
        return writes.getAndRemove(keys.of(key));
    }

    @Override
    public void removeAll(Collection<? extends K> unwanted) {
        requireUsable();
        writes.removeAll(storeKeys(unwanted).values());
    }

    @Override
    public boolean markStale(K key) {
        requireUsable();
        Objects.requireNonNull(key, "key");
        requireEnveloped("markStale: a raw codec's entries don't say how long they are fresh");
        return writes.markStale(keys.of(key));
    }

    @Override
    public void clear() {
        requireUsable();
        requireEnveloped("clear: a raw codec's keys can't be told from those of others");
        writes.clear(keys.prefix());
        if (near != null) {
            near.forgetAll();
        }
    }

    @Override
    public void removeByTag(String tag) {
        requireUsable();
        Objects.requireNonNull(tag, "tag");
        requireEnveloped("removeByTag: a raw codec's entries have no tags");
        writes.removeByTag(tag, policy.withTags(tag));
    }

    @Override
    public void markStaleByTag(String tag) {
        requireUsable();
        Objects.requireNonNull(tag, "tag");
        requireEnveloped("markStaleByTag: a raw codec's entries have no tags");
        writes.markStaleByTag(tag, policy.withTags(tag));
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

    CacheFigures figures() {
        return new CacheFigures() {
            @Override
            public CacheStats totals() {
                return counters.totals(runner.gate().running(), runner.gate().waiting());
            }

            @Override
            public @Nullable EntryUse use() {
                return entries.isRaw() ? null : store.use(keys.prefix());
            }
        };
    }

    /** How many entries were read under another key since the cache was opened, whatever statistics were reset. */
    long misplaced() {
        return counters.misplaced();
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

    LoadGate gate() {
        return runner.gate();
    }

    /** Refuses a policy that needs what the entries of a raw codec don't have. */
    void requireSuited(CachePolicy callPolicy) {
        checked(callPolicy);
    }

    private CachePolicy checked(CachePolicy callPolicy) {
        return entries.checked(Objects.requireNonNull(callPolicy, "policy"));
    }

    /** The same for a policy that a value is put under. */
    void requireSuitedToPut(CachePolicy callPolicy) {
        checkedToPut(callPolicy);
    }

    private CachePolicy checkedToPut(CachePolicy callPolicy) {
        return entries.checkedToPut(Objects.requireNonNull(callPolicy, "policy"));
    }

    int loadsUnderWay() {
        return flights.count();
    }

    int changesUnderWay() {
        return flights.changes();
    }

    /** What its keys in the store begin with; empty if they are raw. */
    String prefix() {
        return keys.prefix();
    }

    /** For how long its removals leave tombstones; {@code null} if they leave none. */
    @Nullable
    Duration tombstoneLife() {
        return removals.life();
    }

    /** Sets what is done once after closing; before the cache is shared. */
    void whenClosed(Runnable action) {
        whenClosed = action;
    }

    /** What is to be said of its near cache: why it does not see others' changes; {@code null} if it does, or there is none. */
    @Nullable
    String nearNote() {
        Tracking.State state = near == null ? null : near.state();
        return state == null || state.kind() != Tracking.Kind.UNTRACKED
                ? null
                : "near: untracked: cache " + name + ": " + state.why();
    }

    private void closeNear() {
        if (near != null) {
            near.close();
        }
    }

    /** Says whether the cache was closed: its name is free then. */
    boolean isClosed() {
        return closed;
    }

    /** Refuses the call of a closed cache, and that of an interrupted thread, whatever the store would do about it. */
    final void requireUsable() {
        requireOpen();
        if (Thread.currentThread().isInterrupted()) {
            throw new CacheInterruptedException("interrupted before a call of the cache " + name, null, false);
        }
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the cache " + name + " is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        closing.close();
    }

    @Override
    public String toString() {
        return "Cache(" + name + " over " + store + ')';
    }
}
