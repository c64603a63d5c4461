package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import com.github.benmanes.caffeine.cache.Ticker;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.EntryUse;
import dev.holdfast.cache.ForeignText;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.Tracking;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
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
 * interrupted. {@link #incrementOnce} remembers the last {@value #ONCE_IDS} names. Health counts operations and does not
 * time them.
 *
 * <p>For any number of threads.
 */
public final class MemoryStore implements CacheStore {
    /** An entry over the 16,384th part of the store is large. */
    private static final int LARGE_SHIFT = 14;

    /** One read of 64 that Caffeine need not answer is told to it all the same. */
    private static final int TOLD_MASK = 63;

    private static final int ONCE_IDS = 1_024;
    private static final Duration ONCE_TTL = Duration.ofHours(1);

    private final long maxBytes;
    private final KeyPrefix keyPrefix;
    private final Ticker clock;
    private final Cache<String, Entry> cache;
    private final ConcurrentMap<String, Entry> map;
    private final RecentReads recent;
    private final PrefixIndex index = new PrefixIndex();
    private final Evictions evictions = new Evictions();
    private final ExpiryTimer timer = new ExpiryTimer();
    private final Watchers watchers = new Watchers();
    /** Made by the first increment that needs it, under its lock. */
    private @Nullable Cache<OnceId, Long> onceResults;

    private final ReentrantLock onceLock = new ReentrantLock();
    private final LongAdder operations = new LongAdder();
    private final Instant startedAt = Instant.now();
    private volatile boolean closed;

    /** No record: on Java 17 the equals of one leaves its class loader in a cache of the JDK's. */
    private static final class OnceId {
        private final String key;
        private final String id;

        OnceId(String key, String id) {
            this.key = key;
            this.id = id;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof OnceId that && key.equals(that.key) && id.equals(that.id);
        }

        @Override
        public int hashCode() {
            return 31 * key.hashCode() + id.hashCode();
        }
    }

    MemoryStore(long maxBytes, KeyPrefix keyPrefix, LongSupplier nanoTime) {
        if (maxBytes <= 0) {
            throw new IllegalArgumentException("maxBytes must be positive: " + maxBytes);
        }
        this.maxBytes = maxBytes;
        this.keyPrefix = keyPrefix;
        // From zero on, so that no instant is Entry.NEVER.
        long origin = nanoTime.getAsLong();
        this.clock = () -> nanoTime.getAsLong() - origin;
        this.recent = new RecentReads(maxBytes);
        this.cache = Caffeine.newBuilder()
                .maximumWeight(maxBytes)
                .weigher((String key, Entry entry) ->
                        (int) Math.min(Integer.MAX_VALUE, Entry.weigh(key, entry.value.length)))
                .expireAfter(new EntryExpiry())
                .ticker(clock)
                .scheduler(timer)
                .evictionListener((@Nullable String key, @Nullable Entry entry, RemovalCause cause) -> {
                    if (entry != null) {
                        remove(entry);
                        evictions.add(entry.key, cause == RemovalCause.SIZE);
                    }
                })
                .build();
        this.map = cache.asMap();
        timer.serves(cache);
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
        Entry entry = recent.candidate(key);
        if (entry != null
                && entry.key.equals(key)
                && entry.current(clock)
                // Now and then Caffeine hears of it, so that it knows what is worth keeping.
                && (ThreadLocalRandom.current().nextInt() & TOLD_MASK) != 0) {
            return entry.value;
        }
        return readFromMap(key);
    }

    private byte @Nullable [] readFromMap(String key) {
        Entry entry = present(key);
        if (entry == null) {
            requireScalars(key); // what is present was checked when it was stored
            return null;
        }
        recent.keep(entry);
        return entry.value;
    }

    private @Nullable Entry present(String key) {
        Entry entry = cache.getIfPresent(key);
        return entry == null || entry.removed() ? null : entry;
    }

    /** Within the map's step that takes the entry out. */
    private void remove(Entry entry) {
        entry.remove();
        index.remove(entry);
        recent.drop(entry);
    }

    /** Within the map's step that puts another entry in its place. */
    private Entry entered(@Nullable Entry old, Entry entry) {
        if (old == null) {
            index.add(entry);
        } else {
            old.replace();
            index.replace(old, entry);
            recent.drop(old);
        }
        return entry;
    }

    /** Marks an entry as removed in the same step that removes it. */
    private boolean removeMarked(String key) {
        boolean[] present = new boolean[1];
        map.computeIfPresent(key, (k, entry) -> {
            present[0] = true;
            remove(entry);
            return null;
        });
        watchers.changed(key);
        return present[0];
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
        begin();
        requireStorable(key, value);
        long expiresAtNanos = expiresAtNanos(ttl);
        put(key, value.clone(), expiresAtNanos);
    }

    private void put(String key, byte[] value, long expiresAtNanos) {
        map.compute(key, (mapsKey, old) -> entered(old, new Entry(mapsKey, value, expiresAtNanos)));
        watchers.changed(key);
        evictIfLarge(value.length);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        begin();
        long expiresAtNanos = expiresAtNanos(ttl);
        Map<String, byte[]> checked = new LinkedHashMap<>();
        entries.forEach((key, value) -> {
            requireStorable(key, value);
            checked.put(key, value.clone());
        });
        checked.forEach((key, value) -> put(key, value, expiresAtNanos));
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        begin();
        requireStorable(key, value);
        long expiresAtNanos = expiresAtNanos(ttl);
        byte[] copy = value.clone();
        boolean[] stored = new boolean[1];
        map.compute(key, (mapsKey, old) -> {
            stored[0] = old == null;
            return old == null ? entered(null, new Entry(mapsKey, copy, expiresAtNanos)) : old;
        });
        watchers.changed(key);
        evictIfLarge(value.length);
        return stored[0];
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        begin();
        Objects.requireNonNull(expected, "expected");
        requireStorable(key, value);
        long expiresAtNanos = expiresAtNanos(ttl);
        byte[] copy = value.clone();
        boolean[] replaced = new boolean[1];
        map.computeIfPresent(key, (mapsKey, old) -> {
            replaced[0] = Arrays.equals(old.value, expected);
            if (!replaced[0]) {
                return old;
            }
            return entered(old, new Entry(mapsKey, copy, expiresAtNanos));
        });
        watchers.changed(key);
        evictIfLarge(value.length);
        return replaced[0];
    }

    @Override
    public boolean remove(String key) {
        begin();
        requireScalars(key);
        return removeMarked(key);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        begin();
        requireScalars(key);
        Objects.requireNonNull(expected, "expected");
        boolean[] removed = new boolean[1];
        map.computeIfPresent(key, (k, entry) -> {
            if (!Arrays.equals(entry.value, expected)) {
                return entry;
            }
            removed[0] = true;
            remove(entry);
            return null;
        });
        watchers.changed(key);
        return removed[0];
    }

    @Override
    public void removeAll(Collection<String> keys) {
        begin();
        keys.forEach(MemoryStore::requireScalars);
        keys.forEach(this::removeMarked);
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
        begin();
        requireScalars(key);
        Entry entry = cache.policy().getIfPresentQuietly(key);
        return entry != null && !entry.removed();
    }

    @Override
    public @Nullable Duration ttl(String key) {
        begin();
        requireScalars(key);
        Entry entry = cache.policy().getIfPresentQuietly(key);
        if (entry == null || entry.removed()) {
            return null;
        }
        long end = entry.expiresAtNanos();
        if (end == Entry.NEVER) {
            return FOREVER;
        }
        long left = end - clock.read();
        return left <= 0 ? null : Duration.ofMillis((left + 999_999) / 1_000_000);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        begin();
        requireScalars(key);
        long expiresAtNanos = expiresAtNanos(ttl);
        Entry present = map.computeIfPresent(
                key, (mapsKey, old) -> entered(old, new Entry(mapsKey, old.value, expiresAtNanos)));
        watchers.changed(key);
        return present != null;
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        begin();
        return add(key, delta, ttlIfCreated);
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        begin();
        OnceId id = new OnceId(Objects.requireNonNull(key, "key"), CacheStore.onceId(onceId));
        CacheStore.ttlMillis(ttlIfCreated);
        onceLock.lock();
        try {
            Cache<OnceId, Long> results = onceResults();
            Long earlier = results.getIfPresent(id);
            if (earlier != null) {
                return OptionalLong.of(earlier);
            }
            long result = add(key, delta, ttlIfCreated);
            results.put(id, result);
            return OptionalLong.of(result);
        } finally {
            onceLock.unlock();
        }
    }

    private Cache<OnceId, Long> onceResults() {
        if (onceResults == null) {
            onceResults = Caffeine.newBuilder()
                    .maximumSize(ONCE_IDS)
                    .expireAfterWrite(ONCE_TTL)
                    .ticker(clock)
                    .build();
        }
        return onceResults;
    }

    private long add(String key, long delta, Duration ttlIfCreated) {
        requireScalars(key);
        requireRoom(key, Long.BYTES);
        long expiresAtNanos = expiresAtNanos(ttlIfCreated);
        long[] sum = new long[1];
        map.compute(key, (mapsKey, old) -> {
            sum[0] = old == null ? delta : sum(key, old.value, delta);
            byte[] digits = Long.toString(sum[0]).getBytes(StandardCharsets.US_ASCII);
            return entered(old, new Entry(mapsKey, digits, old == null ? expiresAtNanos : old.expiresAtNanos()));
        });
        watchers.changed(key);
        return sum[0];
    }

    private static long sum(String key, byte[] value, long delta) {
        try {
            return Math.addExact(parse(value), delta);
        } catch (NumberFormatException e) {
            throw new CacheRejectedException("in-memory: the value of \"" + ForeignText.shown(key)
                    + "\" is not a signed 64-bit integer, so it can't be incremented");
        } catch (ArithmeticException e) {
            throw new CacheRejectedException(
                    "in-memory: the increment of \"" + ForeignText.shown(key)
                            + "\" would overflow a signed 64-bit integer",
                    e);
        }
    }

    /** Reads what {@link Long#toString(long)} writes and nothing else, as Redis does. */
    private static long parse(byte[] value) {
        String digits = new String(value, 0, Math.min(value.length, 21), StandardCharsets.ISO_8859_1);
        long number = Long.parseLong(digits);
        if (!Long.toString(number).equals(digits)) {
            throw new NumberFormatException();
        }
        return number;
    }

    @Override
    public long removeByPrefix(String prefix) {
        begin();
        requireScalars(prefix);
        if (prefix.isEmpty() && keyPrefix.isEmpty()) {
            throw new IllegalArgumentException(
                    "an empty prefix is refused by a store without a key prefix of its own: give the store one");
        }
        long[] removed = new long[1];
        index.forEach(prefix, entry -> {
            if (removeMarked(entry.key)) {
                removed[0]++;
            }
        });
        return removed[0];
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
        return watchers.add(this, prefix, stamps);
    }

    @Override
    public EntryUse use(String prefix) {
        LongAdder entries = new LongAdder();
        index.forEach(prefix, entry -> {
            if (entry.current(clock)) {
                entries.increment();
            }
        });
        return new EntryUse(entries.sum(), evictions.of(prefix));
    }

    @Override
    public StoreHealth health() {
        return StoreHealth.of("in-memory", false, startedAt)
                .withAvailable(!closed)
                .withOperations(new OperationStats(operations.sum(), 0, Latency.NONE))
                .withMemory(new MemoryUse(weight(), maxBytes, evictions.forRoom()));
    }

    /** Forgets every entry. */
    @Override
    public void close() {
        closed = true;
        cache.invalidateAll();
        index.clear();
        recent.clear();
        timer.close();
        onceLock.lock();
        try {
            onceResults = null;
        } finally {
            onceLock.unlock();
        }
    }

    /** What its entries weigh now, in bytes. */
    long weightedBytes() {
        cache.cleanUp();
        return weight();
    }

    private long weight() {
        return cache.policy().eviction().orElseThrow().weightedSize().orElseThrow();
    }

    /** How many entries take memory, expired ones that are not yet removed included. */
    long entries() {
        return cache.estimatedSize();
    }

    /** How many entries its index has. */
    int indexed() {
        int[] count = new int[1];
        index.forEach("", entry -> count[0]++);
        return count[0];
    }

    private void begin() {
        if (closed) {
            throw new IllegalStateException("the store is closed: " + this);
        }
        operations.increment();
    }

    private void requireStorable(String key, byte[] value) {
        requireScalars(key);
        requireRoom(key, value.length);
    }

    /**
     * Caffeine evicts in the background, some hundred entries for each processor late at most. Small ones may wait for it;
     * large ones would pile up far beyond the bound.
     */
    private void evictIfLarge(int valueLength) {
        if (valueLength > maxBytes >> LARGE_SHIFT) {
            cache.cleanUp();
        }
    }

    private void requireRoom(String key, int valueLength) {
        long weight = Entry.weigh(key, valueLength);
        if (weight > maxBytes) {
            throw new CacheRejectedException("in-memory: an entry of " + weight + " bytes (" + valueLength
                    + " of them the value) is larger than the whole store, which takes " + maxBytes);
        }
    }

    private long expiresAtNanos(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? Entry.NEVER : clock.read() + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    private static void requireScalars(String key) {
        int length = key.length();
        for (int i = 0; i < length; i++) {
            char c = key.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c) || i + 1 == length || !Character.isLowSurrogate(key.charAt(i + 1))) {
                    throw new IllegalArgumentException("a key holds an unpaired surrogate");
                }
                i++;
            }
        }
    }

    /** Each entry carries its own end; reading does not move it. */
    private static final class EntryExpiry implements Expiry<String, Entry> {
        @Override
        public long expireAfterCreate(String key, Entry entry, long currentTime) {
            long end = entry.expiresAtNanos();
            return end == Entry.NEVER ? Entry.NEVER : end - currentTime;
        }

        @Override
        public long expireAfterUpdate(String key, Entry entry, long currentTime, long currentDuration) {
            return expireAfterCreate(key, entry, currentTime);
        }

        @Override
        public long expireAfterRead(String key, Entry entry, long currentTime, long currentDuration) {
            return currentDuration;
        }
    }

    @Override
    public String toString() {
        return "MemoryStore[in-memory, maxBytes=" + maxBytes + (keyPrefix.isEmpty() ? "" : ", keyPrefix=" + keyPrefix)
                + ']';
    }
}
