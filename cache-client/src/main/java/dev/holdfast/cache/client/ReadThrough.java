package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Answers reads by what is near, else by what the store holds, else, where there is a loader, by a load. */
final class ReadThrough<K, V> {
    private final CachePolicy policy;
    private final StoreKeys<K> keys;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final Reads<V> reads;
    private final Loads<K, V> loads;
    private final @Nullable Near<K, V> near;

    ReadThrough(EngineParts<K, V> cache, Loads<K, V> loads) {
        this.policy = cache.policy();
        this.keys = cache.keys();
        this.entries = cache.entries();
        this.counters = cache.counters();
        this.flights = cache.flights();
        this.reads = cache.reads();
        this.near = cache.near();
        this.loads = loads;
    }

    /** The fresh value of a key, or a stale one if the policy says that it is better than none; {@code null} if there is none. */
    @Nullable
    V get(K key) {
        Near.Kept<V> kept = kept(key, 0);
        V nearValue = valueOf(key, kept);
        if (isAnswer(kept, nearValue)) {
            return nearValue;
        }
        String storeKey = keys.of(key);
        long trusted = entries.trustedUntil();
        Near<K, V>.Reading reading = near == null ? null : near.begin(key, storeKey);
        byte[] entry = reads.get(storeKey, reading);
        Entries.State state =
                entry == null ? Entries.State.EXPIRED : reads.state(storeKey, entry, entries.now(), trusted, reading);
        V value = answer(storeKey, entry, state, reading);
        return value == null ? stale(storeKey, entry, state) : value;
    }

    /** {@link #get(Object)} of several keys, without those that have no value. */
    Map<K, V> getAll(Collection<? extends K> wanted) {
        Map<K, V> values = new LinkedHashMap<>();
        Map<K, String> storeKeys = keys.ofAll(wanted);
        Map<K, String> asked = near == null ? storeKeys : notNear(storeKeys, values, 0);
        if (!asked.isEmpty()) {
            long trusted = entries.trustedUntil();
            Near<K, V>.Readings readings = near == null ? null : near.beginAll(asked);
            Map<String, byte[]> read = reads.getAll(asked.values(), readings);
            Map<String, Found<V>> all = reads.foundAll(asked.values(), read, trusted, readings);
            for (Map.Entry<K, String> each : asked.entrySet()) {
                String storeKey = each.getValue();
                Found<V> found = Objects.requireNonNull(all.get(storeKey), "each key was looked at");
                V value = answer(storeKey, found.entry(), found.state(), of(readings, storeKey));
                putIfPresent(
                        values, each.getKey(), value == null ? stale(storeKey, found.entry(), found.state()) : value);
            }
        }
        return near == null ? values : inOrder(storeKeys.keySet(), values);
    }

    /**
     * The value of a key, loaded if there is no fresh one.
     *
     * @param caller whom a load that is needed is left to, and what is returned then has no meaning; {@code null}: the calling thread waits
     */
    @Nullable
    V get(K key, CacheLoader<? super K, V> loader, CachePolicy callPolicy, @Nullable AsyncCall<K, V, ?> caller) {
        if (!callPolicy.reading()) {
            return refresh(key, loader, callPolicy, caller);
        }
        Near.Kept<V> kept = kept(key, ahead(callPolicy));
        V nearValue = valueOf(key, kept);
        if (isAnswer(kept, nearValue)) {
            return nearValue;
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
        V value = answer(storeKey, entry, state, reading);
        if (value == null && state != Entries.State.ABSENCE) {
            byte[] last = state == Entries.State.STALE ? entry : null;
            return load(new Request<>(key, storeKey, loader, callPolicy, last, entry, stamp, false), caller);
        }
        if (value != null && entry != null && isDue(entry, callPolicy, now)) {
            refreshAhead(new Request<>(key, storeKey, loader, callPolicy, entry, entry, stamp, true), caller);
        }
        return value;
    }

    /** {@link #get(Object, CacheLoader, CachePolicy, AsyncCall)} of several keys, without those that have no value. */
    Map<K, V> getAll(
            Collection<? extends K> wanted,
            Loaders<K, V> loaders,
            CachePolicy callPolicy,
            @Nullable AsyncCall<K, V, ?> caller) {
        Map<K, V> values = new HashMap<>();
        Map<K, String> storeKeys = keys.ofAll(wanted);
        boolean reading = callPolicy.reading();
        Map<K, String> asked = near == null || !reading ? storeKeys : notNear(storeKeys, values, ahead(callPolicy));
        if (!asked.isEmpty()) {
            List<Request<K, V>> requests = new ArrayList<>(asked.size());
            asked.forEach((key, storeKey) -> requests.add(new Request<>(
                    key, storeKey, loaders.single(), callPolicy, null, null, flights.stamp(storeKey), !reading)));
            List<Request<K, V>> missing = answerAll(requests, asked, values, caller);
            if (!missing.isEmpty()) {
                loads.load(missing, loaders.several(), values, caller);
            }
        }
        return inOrder(storeKeys.keySet(), values);
    }

    /** Puts what the store has into {@code values}. Returns the requests that are left, with what the store held. */
    private List<Request<K, V>> answerAll(
            List<Request<K, V>> requests, Map<K, String> asked, Map<K, V> values, @Nullable AsyncCall<K, V, ?> caller) {
        long trusted = entries.trustedUntil();
        Near<K, V>.Readings readings = near == null ? null : near.beginAll(asked);
        Map<String, Found<V>> all = reads.foundAllToLoad(asked.values(), trusted, readings);
        List<Request<K, V>> missing = new ArrayList<>();
        long now = entries.now();
        for (Request<K, V> request : requests) {
            String storeKey = request.storeKey();
            Found<V> found = all.get(storeKey);
            if (found == null) {
                missing.add(request); // neither a hit nor a miss
                continue;
            }
            byte[] entry = found.entry();
            if (request.refresh()) {
                missing.add(request.withLook(found.last(true), entry));
                continue;
            }
            V value = answer(storeKey, entry, found.state(), of(readings, storeKey));
            if (value == null && !found.isAbsence()) {
                missing.add(request.withLook(found.last(false), entry));
                continue;
            }
            putIfPresent(values, request.key(), value);
            if (value != null && entry != null && isDue(entry, request.policy(), now)) {
                refreshAhead(request.toRefresh(entry), caller);
            }
        }
        return missing;
    }

    /** Loads a key whatever the store holds; {@code caller} as in {@link #get(Object, CacheLoader, CachePolicy, AsyncCall)}. */
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

    private @Nullable V load(Request<K, V> request, @Nullable AsyncCall<K, V, ?> caller) {
        Map<K, V> values = new HashMap<>(2);
        loads.load(List.of(request), Loading.one(), values, caller);
        return caller == null ? values.get(request.key()) : null;
    }

    private void refreshAhead(Request<K, V> due, @Nullable AsyncCall<K, V, ?> caller) {
        loads.refreshAhead(due, caller == null ? null : caller.context());
    }

    /**
     * Decides what is read of the store: a fresh value is a hit, a remembered absence too, and all else is a miss. Ends the reading of whoever may keep it
     * near, if there is one.
     */
    private @Nullable V answer(
            String storeKey, byte @Nullable [] entry, Entries.State state, Near<K, V>.@Nullable Reading reading) {
        V value = entry != null && state == Entries.State.FRESH ? reads.decode(storeKey, entry) : null;
        if (reading != null) {
            reading.end(entry, state, value);
        }
        (value != null || state == Entries.State.ABSENCE ? counters.hits : counters.misses).increment();
        return value;
    }

    /** What a read without a loader gets of a stale entry; {@code null} unless the policy says that it is better than nothing. */
    private @Nullable V stale(String storeKey, byte @Nullable [] entry, Entries.State state) {
        V value = entry != null && state == Entries.State.STALE && policy.staleOnGet()
                ? reads.decode(storeKey, entry)
                : null;
        if (value != null) {
            counters.staleServed(storeKey);
        }
        return value;
    }

    /** The fraction of its time after which a call refreshes a value: none if that would store nothing, and the next call would do it again. */
    private static double ahead(CachePolicy callPolicy) {
        return callPolicy.storing() ? callPolicy.refreshAhead() : 0;
    }

    private boolean isDue(byte[] entry, CachePolicy callPolicy, long now) {
        return ahead(callPolicy) > 0 && entries.isDue(entry, callPolicy, now);
    }

    /** What is near of a key; {@code null} if nothing is, or the read of the store is to find that it is due to be refreshed. */
    private Near.@Nullable Kept<V> kept(K key, double refreshAhead) {
        Near.Kept<V> kept = near == null ? null : near.find(key);
        if (near != null && kept != null && near.isDue(kept, refreshAhead)) {
            near.missed();
            return null;
        }
        return kept;
    }

    /** The value of what is near; {@code null} if it has none, or its codec refuses to make a copy, which is then no hit. */
    private @Nullable V valueOf(K key, Near.@Nullable Kept<V> kept) {
        byte[] entry = kept == null ? null : kept.entry();
        if (entry == null) {
            return kept == null ? null : kept.value();
        }
        V copy = reads.decode(keys.of(key), entry);
        if (copy == null && near != null) {
            near.missed();
        }
        return copy;
    }

    private static boolean isAnswer(Near.@Nullable Kept<?> kept, @Nullable Object value) {
        return value != null || (kept != null && kept.isAbsence());
    }

    /** Puts what is near into {@code values}. Returns the keys that are left. */
    private Map<K, String> notNear(Map<K, String> storeKeys, Map<K, V> values, double refreshAhead) {
        Map<K, String> left = new LinkedHashMap<>();
        storeKeys.forEach((key, storeKey) -> {
            Near.Kept<V> kept = kept(key, refreshAhead);
            V value = valueOf(key, kept);
            putIfPresent(values, key, value);
            if (!isAnswer(kept, value)) {
                left.put(key, storeKey);
            }
        });
        return left;
    }

    private Near<K, V>.@Nullable Reading of(Near<K, V>.@Nullable Readings readings, String storeKey) {
        return readings == null ? null : readings.of(storeKey);
    }

    private static <K, V> void putIfPresent(Map<K, V> values, K key, @Nullable V value) {
        if (value != null) {
            values.put(key, value);
        }
    }

    static <K, V> Map<K, V> inOrder(Collection<? extends K> wanted, Map<K, V> values) {
        Map<K, V> ordered = new LinkedHashMap<>();
        for (K key : wanted) {
            putIfPresent(ordered, key, values.get(key));
        }
        return ordered;
    }
}
