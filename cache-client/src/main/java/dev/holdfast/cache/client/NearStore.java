package dev.holdfast.cache.client;

import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import dev.holdfast.cache.spi.Stamps;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The store of a cache that keeps entries near, as the cache itself uses it but for the reads that {@link Near} makes: a change outdates what is near of its
 * keys before it is sent, so that nobody takes that for the latest meanwhile, and once more when it has ended, however it did, for what was read in between. A
 * read that is not {@link Near}'s outdates what is near of its key too: its caller must not be told something older next.
 */
final class NearStore extends ForwardingStore {
    private final Stamps stamps;

    NearStore(CacheStore store, Stamps stamps) {
        super(store);
        this.stamps = stamps;
    }

    private <T> T changing(String key, Supplier<T> command) {
        stamps.raise(key);
        try {
            return command.get();
        } finally {
            stamps.raise(key);
        }
    }

    private void changing(Collection<String> keys, Runnable command) {
        keys.forEach(stamps::raise);
        try {
            command.run();
        } finally {
            keys.forEach(stamps::raise);
        }
    }

    @Override
    public byte @Nullable [] get(String key) {
        byte[] value = store().get(key);
        stamps.raise(key);
        return value;
    }

    @Override
    public byte @Nullable [] getShared(String key) {
        byte[] value = store().getShared(key);
        stamps.raise(key);
        return value;
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        Map<String, byte[]> values = store().getAll(keys);
        keys.forEach(stamps::raise);
        return values;
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        changing(key, () -> {
            store().put(key, value, ttl);
            return true;
        });
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        changing(entries.keySet(), () -> store().putAll(entries, ttl));
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        changing(key, () -> {
            store().fill(key, value, ttl);
            return true;
        });
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        changing(entries.keySet(), () -> store().fillAll(entries, ttl));
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        return changing(key, () -> store().fill(key, seen, value, ttl));
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        entries.keySet().forEach(stamps::raise);
        try {
            return store().fillAll(entries, seen, ttl);
        } finally {
            entries.keySet().forEach(stamps::raise);
        }
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        return changing(key, () -> store().removeLeaving(key, tombstone, ttl));
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        changing(keys, () -> store().removeAllLeaving(keys, tombstone, ttl));
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return changing(key, () -> store().putIfAbsent(key, value, ttl));
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        return changing(key, () -> store().replace(key, expected, value, ttl));
    }

    @Override
    public boolean remove(String key) {
        return changing(key, () -> store().remove(key));
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return changing(key, () -> store().remove(key, expected));
    }

    @Override
    public void removeAll(Collection<String> keys) {
        changing(keys, () -> store().removeAll(keys));
    }

    @Override
    public boolean contains(String key) {
        boolean present = store().contains(key);
        stamps.raise(key);
        return present;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        Duration ttl = store().ttl(key);
        stamps.raise(key);
        return ttl;
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return changing(key, () -> store().expire(key, ttl));
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return changing(key, () -> store().increment(key, delta, ttlIfCreated));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        return changing(key, () -> store().incrementOnce(key, delta, ttlIfCreated, onceId));
    }

    @Override
    public long removeByPrefix(String prefix) {
        return removing(() -> store().removeByPrefix(prefix));
    }

    @Override
    public long resumeRemovalByPrefix(String prefix, long begun) {
        return removing(() -> store().resumeRemovalByPrefix(prefix, begun));
    }

    private long removing(Supplier<Long> removal) {
        stamps.outdateAll();
        try {
            return removal.get();
        } finally {
            stamps.flush(FlushReason.CLEARED);
        }
    }

    @Override
    public CacheStore within(Duration limit) {
        return new NearStore(store().within(limit), stamps);
    }
}
