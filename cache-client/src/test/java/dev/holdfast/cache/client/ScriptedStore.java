package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A real store whose calls a test counts, delays, or refuses. */
final class ScriptedStore implements CacheStore {
    /** Runs before each call, with the operation's name; what it throws, the call throws. */
    volatile Consumer<String> before = operation -> {};

    /** Runs after each call of get that found what it found, before its caller learns it. */
    volatile Consumer<String> after = operation -> {};

    /** What get finds instead of what is there; {@code null}: what is there. */
    volatile @Nullable Function<String, byte[]> reads;

    /** What getAll finds of what is there; {@code null}: all. */
    volatile @Nullable UnaryOperator<Map<String, byte[]>> manyReads;

    /** Runs before its bound is said and before it is closed; what it throws, they throw. */
    volatile Runnable beforeBound = () -> {};

    volatile Runnable beforeClose = () -> {};

    /** Whether it takes time like a server that others see too. */
    volatile boolean shared;

    /** How often it was to be closed. */
    final AtomicInteger closings = new AtomicInteger();

    final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
    private final CacheStore store;

    ScriptedStore(CacheStore store) {
        this.store = store;
    }

    /** To be thrown by what runs before. */
    static CacheUnavailableException refusal(String operation) {
        return new CacheUnavailableException(
                "scripted: " + operation, null, CacheUnavailableException.Reason.CONNECTION, false);
    }

    int count(String operation) {
        AtomicInteger count = calls.get(operation);
        return count == null ? 0 : count.get();
    }

    private CacheStore at(String operation) {
        calls.computeIfAbsent(operation, unused -> new AtomicInteger()).incrementAndGet();
        before.accept(operation);
        return store;
    }

    @Override
    public byte @Nullable [] get(String key) {
        CacheStore there = at("get");
        Function<String, byte[]> scripted = reads;
        byte[] value = scripted == null ? there.get(key) : scripted.apply(key);
        after.accept("get");
        return value;
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        Map<String, byte[]> found = at("getAll").getAll(keys);
        UnaryOperator<Map<String, byte[]>> scripted = manyReads;
        return scripted == null ? found : scripted.apply(found);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        at("put").put(key, value, ttl);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        at("putAll").putAll(entries, ttl);
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        at("fill").fill(key, value, ttl);
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        at("fillAll").fillAll(entries, ttl);
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        return at("fill").fill(key, seen, value, ttl);
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        return at("fillAll").fillAll(entries, seen, ttl);
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return at("putIfAbsent").putIfAbsent(key, value, ttl);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        return at("replace").replace(key, expected, value, ttl);
    }

    @Override
    public boolean remove(String key) {
        return at("remove").remove(key);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return at("remove").remove(key, expected);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        at("removeAll").removeAll(keys);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        return at("removeLeaving").removeLeaving(key, tombstone, ttl);
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        at("removeAllLeaving").removeAllLeaving(keys, tombstone, ttl);
    }

    @Override
    public boolean contains(String key) {
        return at("contains").contains(key);
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return at("ttl").ttl(key);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return at("expire").expire(key, ttl);
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return at("increment").increment(key, delta, ttlIfCreated);
    }

    @Override
    public long removeByPrefix(String prefix) {
        return at("removeByPrefix").removeByPrefix(prefix);
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
        beforeBound.run();
        return shared ? Duration.ofSeconds(1) : store.callBound();
    }

    @Override
    public String tierName() {
        return store.tierName();
    }

    @Override
    public StoreHealth health() {
        return at("health").health();
    }

    @Override
    public void close() {
        closings.incrementAndGet();
        beforeClose.run();
        store.close();
    }
}
