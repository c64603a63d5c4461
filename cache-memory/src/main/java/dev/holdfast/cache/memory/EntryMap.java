package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import com.github.benmanes.caffeine.cache.Ticker;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.EntryUse;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The entries of a store: Caffeine's map, and what is changed in the same steps as that. For any number of threads. */
final class EntryMap {
    /** An entry over the 16,384th part of the store is large. */
    private static final int LARGE_SHIFT = 14;

    /** One read of 64 that Caffeine need not answer is told to it all the same. */
    private static final int TOLD_MASK = 63;

    private final long maxBytes;
    private final Ticker clock;
    private final Cache<String, Entry> cache;
    private final ConcurrentMap<String, Entry> map;
    private final RecentReads recent;
    private final PrefixIndex index = new PrefixIndex();
    private final Evictions evictions = new Evictions();
    private final ExpiryTimer timer = new ExpiryTimer();
    private final Watchers watchers = new Watchers();

    EntryMap(long maxBytes, LongSupplier nanoTime) {
        this.maxBytes = maxBytes;
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
                        leaves(entry);
                        evictions.add(entry.key, cause == RemovalCause.SIZE);
                    }
                })
                .build();
        this.map = cache.asMap();
        timer.serves(cache);
    }

    /** The value of a key, not to be changed. */
    byte @Nullable [] read(String key) {
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
        Entry entry = cache.getIfPresent(key);
        if (entry == null || entry.removed()) {
            return null;
        }
        recent.keep(entry);
        return entry.value;
    }

    /** What is there, looked at without being read. */
    @Nullable
    Entry peek(String key) {
        Entry entry = cache.policy().getIfPresentQuietly(key);
        return entry == null || entry.removed() ? null : entry;
    }

    /** For how much longer there is an entry; {@code null} if there is none. */
    @Nullable
    Duration ttl(String key) {
        Entry entry = peek(key);
        long end = entry == null ? 0 : entry.expiresAtNanos();
        if (end == Entry.NEVER) {
            return CacheStore.FOREVER;
        }
        long left = end - clock.read();
        return entry == null || left <= 0 ? null : Duration.ofMillis((left + 999_999) / 1_000_000);
    }

    /** When an entry ends that is made now, on the clock of its entries. */
    long end(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? Entry.NEVER : clock.read() + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** Refuses what alone is over the bound. */
    void requireRoom(String key, int valueLength) {
        long weight = Entry.weigh(key, valueLength);
        if (weight > maxBytes) {
            throw new CacheRejectedException("in-memory: an entry of " + weight + " bytes (" + valueLength
                    + " of them the value) is larger than the whole store, which takes " + maxBytes);
        }
    }

    void put(String key, byte[] value, long expiresAtNanos) {
        map.compute(key, (mapsKey, old) -> entered(old, new Entry(mapsKey, value, expiresAtNanos)));
        changed(key, value.length);
    }

    /**
     * Puts what is made of the map's key and of the entry there, if there is one, in its place.
     *
     * @param valueLength that of the value
     * @return whether it is another
     */
    boolean change(String key, int valueLength, BiFunction<String, @Nullable Entry, Entry> next) {
        boolean[] changed = new boolean[1];
        map.compute(key, (mapsKey, old) -> {
            Entry entry = next.apply(mapsKey, old);
            changed[0] = entry != old;
            return changed[0] ? entered(old, entry) : entry;
        });
        changed(key, valueLength);
        return changed[0];
    }

    /**
     * Puts what is made of an entry in its place; {@code null} takes it out, marked as removed in the same step.
     *
     * @return whether there was one, and what was made of it is another
     */
    boolean changePresent(String key, int valueLength, UnaryOperator<@Nullable Entry> next) {
        boolean[] changed = new boolean[1];
        map.computeIfPresent(key, (mapsKey, old) -> {
            Entry entry = next.apply(old);
            changed[0] = entry != old;
            if (entry == null) {
                leaves(old);
                return null;
            }
            return changed[0] ? entered(old, entry) : entry;
        });
        changed(key, valueLength);
        return changed[0];
    }

    /** Takes what is there out; returns whether anything was. */
    boolean remove(String key) {
        return changePresent(key, 0, old -> null);
    }

    /** Adds to the number that is there, or to 0 in an entry that is made for it. Returns the sum. */
    long add(String key, long delta, long expiresAtNanos) {
        requireRoom(key, Long.BYTES);
        long[] sum = new long[1];
        boolean unused = change(key, 0, (mapsKey, old) -> {
            sum[0] = old == null ? delta : old.plus(delta);
            return new Entry(mapsKey, Entry.digits(sum[0]), old == null ? expiresAtNanos : old.expiresAtNanos());
        });
        return sum[0];
    }

    /** Removes what begins with a prefix. Returns how much that was. */
    long removeByPrefix(String prefix) {
        long[] removed = new long[1];
        index.forEach(prefix, entry -> removed[0] += remove(entry.key) ? 1 : 0);
        return removed[0];
    }

    /** Within the map's step that takes the entry out. */
    private void leaves(Entry entry) {
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

    /**
     * Caffeine evicts in the background, some hundred entries for each processor late at most. Small ones may wait for it;
     * large ones would pile up far beyond the bound.
     */
    private void changed(String key, int valueLength) {
        watchers.changed(key);
        if (valueLength > maxBytes >> LARGE_SHIFT) {
            cache.cleanUp();
        }
    }

    /** Passes every entry whose key begins with a prefix. */
    void forEach(String prefix, Consumer<Entry> action) {
        index.forEach(prefix, action);
    }

    EntryUse use(String prefix) {
        LongAdder entries = new LongAdder();
        index.forEach(prefix, entry -> {
            if (entry.current(clock)) {
                entries.increment();
            }
        });
        return new EntryUse(entries.sum(), evictions.of(prefix));
    }

    Tracking track(MemoryStore store, String prefix, Stamps stamps) {
        return watchers.add(store, prefix, stamps);
    }

    MemoryUse memory() {
        return new MemoryUse(weight(), maxBytes, evictions.forRoom());
    }

    private long weight() {
        return cache.policy().eviction().orElseThrow().weightedSize().orElseThrow();
    }

    /** What its entries weigh now, in bytes. */
    long weightedBytes() {
        cache.cleanUp();
        return weight();
    }

    /** How many entries take memory, expired ones that are not yet removed included. */
    long size() {
        return cache.estimatedSize();
    }

    /** Forgets every entry. */
    void close() {
        cache.invalidateAll();
        index.clear();
        recent.clear();
        timer.close();
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
}
