package dev.holdfast.cache.memory;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.EntryUse;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A store in the process's own memory, bounded by bytes of heap. What is over the bound is evicted, the least useful
 * entries first; an entry that alone is over the bound is refused with {@link CacheRejectedException}. Eviction runs in the
 * common pool and may be behind by some hundred small entries for each processor, never by a large one. Each store has
 * entries of its own: another with the same key prefix sees none of them.
 *
 * <p>Entries expire to the nanosecond on the monotonic clock, and their memory is free about a second later even if the
 * store is not used; as long as there is something to expire it has one thread for that, which keeps nothing alive: a store that is
 * no longer referred to is garbage, closed or not.
 *
 * <p>{@link #removeByPrefix} takes time for what begins with its prefix up to the first colon, not for all entries; for all if the
 * prefix has no colon.
 *
 * <p>Calls never wait ({@link #callBound()} is zero), so an interrupted thread is answered like any other and stays
 * interrupted. {@link #incrementOnce} remembers the last {@value OnceResults#MOST} names. Health counts operations and does not
 * time them.
 *
 * <p>For any number of threads.
 */
public final class MemoryStore implements CacheStore {
    private final KeyPrefix keyPrefix;
    private final EntryMap entries;
    private final OnceResults onceResults;
    private final LongAdder operations = new LongAdder();
    private final Instant startedAt = Instant.now();
    private volatile boolean closed;

    MemoryStore(long maxBytes, KeyPrefix keyPrefix, LongSupplier nanoTime) {
        this.keyPrefix = keyPrefix;
        this.entries = new EntryMap(maxBytes, nanoTime);
        this.onceResults = new OnceResults(nanoTime::getAsLong);
    }

    /**
     * Creates a store without key prefix.
     *
     * @param maxBytes how much heap its entries may take; positive
     * @return the store
     */
    public static MemoryStore create(long maxBytes) {
        return builder().maxBytes(maxBytes).build();
    }

    /**
     * Starts a store of 64 MiB without key prefix.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Describes a store. Not for several threads. */
    public static final class Builder {
        private long maxBytes = 64L << 20;
        private KeyPrefix keyPrefix = KeyPrefix.NONE;
        private LongSupplier nanoTime = System::nanoTime;

        private Builder() {}

        /**
         * Bounds the store.
         *
         * @param value how much heap its entries may take, keys and overhead included, in bytes; positive. Up to a
         *     64th part of it, at most 4 MiB, is taken besides for a table of what was read
         * @return this builder
         */
        public Builder maxBytes(long value) {
            if (value <= 0) {
                throw new IllegalArgumentException("maxBytes must be positive: " + value);
            }
            maxBytes = value;
            return this;
        }

        /**
         * Gives the store a key prefix. Nothing else sees its keys, so all it does is allow {@code removeByPrefix("")}.
         *
         * @param value the prefix without a colon; empty for none
         * @return this builder
         * @throws IllegalArgumentException if {@link KeyPrefix#of} refuses it
         */
        public Builder keyPrefix(String value) {
            keyPrefix = KeyPrefix.of(value);
            return this;
        }

        /**
         * Lets entries expire by a clock of one's own, as tests do.
         *
         * @param value the clock; must not go back
         * @return this builder
         */
        public Builder clock(InstantSource value) {
            Objects.requireNonNull(value, "clock");
            nanoTime = () -> {
                Instant now = value.instant();
                return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
            };
            return this;
        }

        /**
         * Creates the store.
         *
         * @return the store, empty
         */
        public MemoryStore build() {
            return new MemoryStore(maxBytes, keyPrefix, nanoTime);
        }
    }

    @Override
    public byte @Nullable [] get(String key) {
        byte[] value = getShared(key);
        return value == null ? null : value.clone();
    }

    /** Returns the store's own array, which is never changed: what the store holds for the key now, whatever it holds later. */
    @Override
    public byte @Nullable [] getShared(String key) {
        begin();
        return read(key);
    }

    private byte @Nullable [] read(String key) {
        byte[] value = entries.read(key);
        if (value == null) {
            Entry.requireScalars(key); // what is present was checked when it was stored
        }
        return value;
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        begin();
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (String key : keys) {
            byte[] value = read(key);
            if (value != null) {
                found.putIfAbsent(key, value.clone());
            }
        }
        return found;
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        begin(key);
        entries.requireRoom(key, value.length);
        entries.put(key, value.clone(), entries.end(ttl));
    }

    @Override
    public void putAll(Map<String, byte[]> values, Duration ttl) {
        begin();
        long expiresAtNanos = entries.end(ttl);
        Map<String, byte[]> checked = new LinkedHashMap<>();
        values.forEach((key, value) -> {
            Entry.requireScalars(key);
            entries.requireRoom(key, value.length);
            checked.put(key, value.clone());
        });
        checked.forEach((key, value) -> entries.put(key, value, expiresAtNanos));
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        begin(key);
        entries.requireRoom(key, value.length);
        long expiresAtNanos = entries.end(ttl);
        byte[] copy = value.clone();
        return entries.change(
                key, copy.length, (mapsKey, old) -> old == null ? new Entry(mapsKey, copy, expiresAtNanos) : old);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        begin(key);
        Objects.requireNonNull(expected, "expected");
        entries.requireRoom(key, value.length);
        long expiresAtNanos = entries.end(ttl);
        byte[] copy = value.clone();
        return entries.changePresent(
                key,
                copy.length,
                old -> Arrays.equals(old.value, expected) ? new Entry(old.key, copy, expiresAtNanos) : old);
    }

    @Override
    public boolean remove(String key) {
        begin(key);
        return entries.remove(key);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        begin(key);
        Objects.requireNonNull(expected, "expected");
        return entries.changePresent(key, 0, old -> Arrays.equals(old.value, expected) ? null : old);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        begin();
        keys.forEach(Entry::requireScalars);
        keys.forEach(entries::remove);
    }

    /** {@inheritDoc} Leaves nothing: nobody outside of this process can have seen what was there. */
    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        return remove(key);
    }

    /** {@inheritDoc} Leaves nothing, as {@link #removeLeaving}. */
    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        removeAll(keys);
    }

    private static void requireLeavable(byte[] tombstone, Duration ttl) {
        int unused = CacheStore.tombstoneLead(tombstone);
        CacheStore.ttlMillis(ttl);
    }

    @Override
    public boolean contains(String key) {
        begin(key);
        return entries.peek(key) != null;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        begin(key);
        return entries.ttl(key);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        begin(key);
        long expiresAtNanos = entries.end(ttl);
        return entries.changePresent(key, 0, old -> new Entry(old.key, old.value, expiresAtNanos));
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        begin(key);
        return entries.add(key, delta, entries.end(ttlIfCreated));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        begin(key);
        String id = CacheStore.onceId(onceId);
        long end = entries.end(ttlIfCreated);
        return OptionalLong.of(onceResults.of(key, id, () -> entries.add(key, delta, end)));
    }

    @Override
    public long removeByPrefix(String prefix) {
        begin(prefix);
        if (prefix.isEmpty() && keyPrefix.isEmpty()) {
            throw new IllegalArgumentException(
                    "an empty prefix is refused by a store without a key prefix of its own: give the store one");
        }
        return entries.removeByPrefix(prefix);
    }

    /** Says {@link ProbeResult#OK}: nothing can be in the way. */
    @Override
    public ProbeResult probe(Duration timeout) {
        begin();
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("timeout must be positive: " + timeout);
        }
        return ProbeResult.OK;
    }

    /** Does nothing: there are no connections. */
    @Override
    public void disconnect(Throwable cause) {
        Objects.requireNonNull(cause, "cause");
    }

    @Override
    public Duration callBound() {
        return Duration.ZERO;
    }

    @Override
    public String tierName() {
        return "memory";
    }

    /** {@inheritDoc} Exact, and at once: there is nobody but this store who could change an entry. */
    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return entries.track(this, prefix, stamps);
    }

    @Override
    public EntryUse use(String prefix) {
        return entries.use(prefix);
    }

    @Override
    public StoreHealth health() {
        return StoreHealth.of("in-memory", false, startedAt)
                .withAvailable(!closed)
                .withOperations(new OperationStats(operations.sum(), 0, Latency.NONE))
                .withMemory(entries.memory());
    }

    /** Forgets every entry. */
    @Override
    public void close() {
        closed = true;
        entries.close();
        onceResults.clear();
    }

    EntryMap entries() {
        return entries;
    }

    private void begin(String key) {
        begin();
        Entry.requireScalars(key);
    }

    private void begin() {
        if (closed) {
            throw new IllegalStateException("the store is closed: " + this);
        }
        operations.increment();
    }

    @Override
    public String toString() {
        return "MemoryStore[in-memory, maxBytes=" + entries.memory().maxBytes()
                + (keyPrefix.isEmpty() ? "" : ", keyPrefix=" + keyPrefix) + ']';
    }
}
