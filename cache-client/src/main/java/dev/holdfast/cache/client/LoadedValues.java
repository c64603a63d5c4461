package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Stores what loads found, unless their keys were changed meanwhile. What fails here is counted and harms no caller. */
final class LoadedValues<K, V> {
    private final CacheStore store;
    private final Reads<V> reads;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final Tombstones tombstones;
    private final Tags tags;

    LoadedValues(EngineParts<K, V> cache) {
        this.store = cache.store();
        this.reads = cache.reads();
        this.entries = cache.entries();
        this.counters = cache.counters();
        this.flights = cache.flights();
        this.tombstones = cache.tombstones();
        this.tags = cache.tags();
    }

    /** Notes where the tags of loads stand that begin now, which have one policy. Of those for which that can't be told nothing is stored. */
    void readTags(List<LoadPart<K, V>> parts) {
        CachePolicy policy = parts.get(0).request().policy();
        if (policy.tags().isEmpty() || !policy.storing()) {
            return;
        }
        Map<String, Long> numbers = Map.of();
        try {
            if (store.isServing()) {
                numbers = tags.toStore(policy.tags(), Tags.lifeOf(policy));
            }
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            counters.writeFailed("fill", e);
        } catch (IllegalStateException e) {
            numbers = Map.of(); // closed, as below
        } catch (Throwable e) {
            counters.writeFailed("fill", unexpected(e));
        }
        for (LoadPart<K, V> part : parts) {
            part.decisions().under(numbers);
            if (numbers.isEmpty()) {
                part.decisions().dontCache();
            }
        }
    }

    /** Says where the tags stand that the loader chose, and has all of them last as long as the entry. Returns whether it may be stored. */
    private boolean settleTags(LoadPart<K, V> part, Entries.Encoded encoded) {
        LoadDecisions<V> decisions = part.decisions();
        CachePolicy policy = part.request().policy();
        Set<String> all = decisions.tags().keySet();
        if (all.isEmpty()) {
            return true;
        }
        Set<String> standing = decisions.standing().keySet();
        if (!standing.isEmpty() && encoded.ttl().compareTo(Tags.lifeOf(policy)) > 0) {
            Map<String, Long> unused = tags.toStore(standing, encoded.ttl());
        }
        if (!decisions.chosen().isEmpty()) {
            Map<String, Long> numbers = tags.toStoreSince(decisions.chosen(), encoded.ttl(), decisions::nanos);
            if (numbers == null) {
                return false;
            }
            Envelope.number(encoded.entry(), numbers);
        }
        // A tier that serves by now may know nothing of what this client removed on another.
        return !part.flight().isOfRemoved(all);
    }

    /** What the store holds for a key. */
    Found<V> look(String storeKey) {
        long trusted = reads.trustedUntil();
        try {
            return reads.foundUncounted(storeKey, store.isServing() ? store.getShared(storeKey) : null, trusted);
        } catch (RuntimeException e) {
            // Only a second look: what is wrong with the store was counted at the first, and the load goes on.
            return reads.foundUncounted(storeKey, null, trusted);
        }
    }

    /** Stores what a load found, several values in one call of the store, and ends their flights. */
    void keep(List<LoadPart<K, V>> parts) {
        // An interrupt of the caller's must not keep from the store what is already loaded.
        boolean interrupted = Thread.interrupted();
        try {
            Map<String, byte[]> values = new LinkedHashMap<>();
            Map<String, byte[]> absences = new LinkedHashMap<>();
            Map<String, byte[]> seen = new LinkedHashMap<>();
            for (LoadPart<K, V> part : parts) {
                Entries.Encoded encoded = part.encoded();
                if (encoded == null) {
                    dropLast(part);
                } else if (tryStore(part.flight())) {
                    if (parts.size() == 1 || part.flight().isRefresh()) {
                        store(part, encoded);
                    } else {
                        String storeKey = part.request().storeKey();
                        (part.value() == null ? absences : values).put(storeKey, encoded.entry());
                        byte[] before = part.request().seen();
                        if (before != null) {
                            seen.put(storeKey, before);
                        }
                    }
                }
            }
            CachePolicy policy = parts.get(0).request().policy();
            fillAll(values, seen, entries.ttlOfBatch(policy));
            fillAll(absences, seen, policy.rememberAbsence());
        } finally {
            parts.forEach(this::done);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void store(LoadPart<K, V> part, Entries.Encoded encoded) {
        attempt(() -> {
            boolean stored = settleTags(part, encoded) && keep(part, encoded);
            (stored ? counters.stored : counters.notStored).increment();
        });
    }

    private boolean keep(LoadPart<K, V> part, Entries.Encoded encoded) {
        Request<K, V> request = part.request();
        return part.flight().isRefresh()
                ? tombstones.refresh(request.storeKey(), request.seen(), encoded)
                : tombstones.fill(request.storeKey(), request.seen(), encoded);
    }

    private void fillAll(Map<String, byte[]> batch, Map<String, byte[]> seen, Duration ttl) {
        if (!batch.isEmpty()) {
            attempt(() -> {
                int changed = tombstones.fillAll(batch, seen, ttl);
                counters.stored.add(batch.size() - changed);
                counters.notStored.add(changed);
            });
        }
    }

    /** The source has no value any more: the last one must not stand in for a later load that fails. */
    private void dropLast(LoadPart<K, V> part) {
        byte[] last = part.request().last();
        if (part.value() == null && part.decisions().isCached() && last != null && flights.tryStore(part.flight())) {
            attempt(() -> store.remove(part.request().storeKey(), last));
        }
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
            if (!store.isServing()) {
                throw new CacheUnavailableException(store + " is known to be out", null, Reason.CONNECTION, false);
            }
            command.run();
        } catch (CacheException e) {
            counters.writeFailed("fill", e);
        } catch (IllegalStateException e) {
            // Closed while the load ran: its value reaches its callers, and nobody reads the store any more.
            return;
        } catch (Throwable e) {
            counters.writeFailed("fill", unexpected(e));
        }
    }

    private static CacheException unexpected(Throwable cause) {
        String type = cause.getClass().getName();
        return new CacheUnavailableException("the store failed: " + type, cause, Reason.CONNECTION, true);
    }

    /** Ends a flight, however its store went. */
    void done(LoadPart<K, V> part) {
        boolean remove = flights.done(part.flight());
        part.over();
        if (remove) {
            try {
                boolean unused = tombstones.remove(part.request().storeKey());
            } catch (CacheException e) {
                counters.removalFailed("remove", e);
            } catch (IllegalStateException e) {
                return; // closed, as above
            } catch (Throwable e) {
                counters.removalFailed("remove", unexpected(e));
            }
        }
    }
}
