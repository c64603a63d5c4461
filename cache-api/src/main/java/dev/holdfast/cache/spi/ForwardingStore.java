package dev.holdfast.cache.spi;

import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A store that has another do everything, for stores that do a part of it in another way: they override that part, and whatever {@link CacheStore} can do
 * besides is passed on. Only {@link #within} is theirs to write, since a view of the other store would not be one of theirs.
 */
public abstract class ForwardingStore implements CacheStore {
    private final CacheStore store;

    /**
     * Stands before a store.
     *
     * @param store what does it
     */
    protected ForwardingStore(CacheStore store) {
        this.store = Objects.requireNonNull(store, "store");
    }

    /**
     * Returns the store that this stands before.
     *
     * @return what does it
     */
    protected final CacheStore store() {
        return store;
    }

    @Override
    public byte @Nullable [] get(String key) {
        return store.get(key);
    }

    @Override
    public byte @Nullable [] getShared(String key) {
        return store.getShared(key);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        return store.getAll(keys);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        store.put(key, value, ttl);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        store.putAll(entries, ttl);
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        store.fill(key, value, ttl);
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        store.fillAll(entries, ttl);
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        return store.fill(key, seen, value, ttl);
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        return store.fillAll(entries, seen, ttl);
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return store.putIfAbsent(key, value, ttl);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        return store.replace(key, expected, value, ttl);
    }

    @Override
    public boolean remove(String key) {
        return store.remove(key);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return store.remove(key, expected);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        store.removeAll(keys);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        return store.removeLeaving(key, tombstone, ttl);
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        store.removeAllLeaving(keys, tombstone, ttl);
    }

    @Override
    public boolean contains(String key) {
        return store.contains(key);
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return store.ttl(key);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return store.expire(key, ttl);
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return store.increment(key, delta, ttlIfCreated);
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        return store.incrementOnce(key, delta, ttlIfCreated, onceId);
    }

    @Override
    public long removeByPrefix(String prefix) {
        return store.removeByPrefix(prefix);
    }

    @Override
    public long resumeRemovalByPrefix(String prefix, long begun) {
        return store.resumeRemovalByPrefix(prefix, begun);
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        return store.sweep(prefix, head, useless);
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        return store.probe(timeout);
    }

    @Override
    public void disconnect(Throwable cause) {
        store.disconnect(cause);
    }

    @Override
    public Duration callBound() {
        return store.callBound();
    }

    @Override
    public abstract CacheStore within(Duration limit);

    @Override
    public String tierName() {
        return store.tierName();
    }

    @Override
    public boolean isServing() {
        return store.isServing();
    }

    @Override
    public @Nullable PartialOutage outage() {
        return store.outage();
    }

    @Override
    public long switches() {
        return store.switches();
    }

    @Override
    public Runnable observe(CallObserver observer) {
        return store.observe(observer);
    }

    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return store.track(prefix, stamps);
    }

    @Override
    public @Nullable EntryUse use(String prefix) {
        return store.use(prefix);
    }

    @Override
    public @Nullable Roll beat(Beat beat, Duration timeout) {
        return store.beat(beat, timeout);
    }

    @Override
    public Agreement agreement(String prefix, Duration within) {
        return store.agreement(prefix, within);
    }

    @Override
    public StoreHealth health() {
        return store.health();
    }

    @Override
    public void close() {
        store.close();
    }

    @Override
    public String toString() {
        return store.toString();
    }
}
