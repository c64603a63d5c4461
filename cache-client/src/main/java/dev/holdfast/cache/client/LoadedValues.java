package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Stores what loads found, unless their keys were changed meanwhile. What fails here is counted and harms no caller. */
final class LoadedValues<K, V> {
    private final CacheStore store;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;

    LoadedValues(CacheStore store, Entries<V> entries, Counters counters, Flights<K, V> flights) {
        this.store = store;
        this.entries = entries;
        this.counters = counters;
        this.flights = flights;
    }

    /** What the store holds for a key if it is fresh, else {@code null}. */
    @Nullable
    Outcome<V> freshIn(String storeKey) {
        byte[] entry = held(storeKey);
        if (entry == null) {
            return null;
        }
        try {
            return switch (entries.state(entry, entries.now())) {
                case FRESH -> new Outcome.Loaded<>(entries.decode(entry));
                case ABSENCE -> new Outcome.Loaded<>(null);
                case STALE, EXPIRED, UNREADABLE -> null;
            };
        } catch (CacheCodecException e) {
            return null;
        }
    }

    /** The entry of a key if it is fresh or stale, else {@code null}. */
    byte @Nullable [] last(String storeKey) {
        byte[] entry = held(storeKey);
        if (entry == null) {
            return null;
        }
        return switch (entries.state(entry, entries.now())) {
            case FRESH, STALE -> entry;
            case ABSENCE, EXPIRED, UNREADABLE -> null;
        };
    }

    private byte @Nullable [] held(String storeKey) {
        try {
            return store.getShared(storeKey);
        } catch (CacheException | IllegalStateException e) {
            // Only a second look: what is wrong with the store was counted at the first, and the load goes on.
            return null;
        }
    }

    /** Stores a value, or its absence, and ends the flight. */
    void keep(Flight<K, V> flight, Request<K, V> request, @Nullable V value, LoadDecisions<V> decisions) {
        // An interrupt of the caller's must not keep from the store what is already loaded.
        boolean interrupted = Thread.interrupted();
        try {
            Entries.Encoded encoded = encode(request.policy(), value, decisions);
            if (encoded != null && tryStore(flight)) {
                attempt(() -> fill(flight.storeKey(), encoded));
            } else if (value == null && decisions.isCached()) {
                dropLast(flight, request);
            }
        } finally {
            done(flight);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Stores the values of a bulk load, in one call of the store, and ends their flights. */
    void keepAll(Map<Flight<K, V>, Request<K, V>> flightsOfLoad, Map<K, V> values, CachePolicy policy) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        Map<String, byte[]> absent = new LinkedHashMap<>();
        boolean interrupted = Thread.interrupted();
        try {
            flightsOfLoad.forEach((flight, request) -> {
                V value = values.get(request.key());
                Entries.Encoded encoded = encode(policy, value, new LoadDecisions<>(entries, counters, request));
                if (encoded != null && tryStore(flight)) {
                    (value == null ? absent : found).put(flight.storeKey(), encoded.entry());
                } else if (value == null) {
                    dropLast(flight, request);
                }
            });
            fillAll(found, entries.ttlOfBatch(policy));
            fillAll(absent, policy.negativeTtl());
        } finally {
            flightsOfLoad.keySet().forEach(this::done);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void fillAll(Map<String, byte[]> batch, Duration ttl) {
        if (!batch.isEmpty()) {
            attempt(() -> {
                store.fillAll(batch, ttl);
                counters.stored.add(batch.size());
            });
        }
    }

    /** The source has no value any more: the last one must not stand in for a later load that fails. */
    private void dropLast(Flight<K, V> flight, Request<K, V> request) {
        byte[] last = request.last();
        if (last != null && flights.tryStore(flight)) {
            attempt(() -> store.remove(flight.storeKey(), last));
        }
    }

    private Entries.@Nullable Encoded encode(CachePolicy policy, @Nullable V value, LoadDecisions<V> decisions) {
        try {
            if (!decisions.isCached()) {
                return null;
            }
            if (value != null) {
                return entries.encode(value, policy, decisions.ttlOr(policy.ttl()), decisions.etag());
            }
            return policy.negativeTtl().isZero() ? null : entries.encodeAbsence(policy.negativeTtl());
        } catch (CacheException e) {
            counters.writeFailed("encode", e);
            return null;
        }
    }

    private void fill(String storeKey, Entries.Encoded encoded) {
        store.fill(storeKey, encoded.entry(), encoded.ttl());
        counters.stored.increment();
    }

    private boolean tryStore(Flight<K, V> flight) {
        boolean may = flights.tryStore(flight);
        if (!may) {
            counters.notStored.increment();
        }
        return may;
    }

    private void attempt(Runnable command) {
        try {
            command.run();
        } catch (CacheException e) {
            counters.writeFailed("fill", e);
        } catch (IllegalStateException e) {
            // Closed while the load ran: its value reaches its callers, and nobody reads the store any more.
            return;
        }
    }

    private void done(Flight<K, V> flight) {
        if (flights.done(flight)) {
            try {
                store.remove(flight.storeKey());
            } catch (CacheException e) {
                counters.removalFailed("remove", e);
            } catch (IllegalStateException e) {
                return; // closed, as above
            }
        }
    }
}
