package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A store that asks a script of every call what becomes of it, and another store to do what passes. Thread-safe; its state is that of these. */
final class ScriptedStore implements CacheStore {
    private final CacheStore store;
    private final Duration callBound;
    private final FlakyStoreScript script;
    private final FailingKeys failing;

    ScriptedStore(CacheStore store, Duration callBound, FlakyStoreScript script, FailingKeys failing) {
        // Memory whose calls may wait here, and don't there.
        boolean playsServer = !callBound.isZero() && store.callBound().isZero();
        this.store = playsServer ? new ServerMemory(store) : store;
        this.callBound = callBound;
        this.script = script;
        this.failing = failing;
    }

    private <T extends @Nullable Object> T one(String operation, String key, Supplier<T> work) {
        return script.run(new FlakyStore.Call(operation, List.of(key)), () -> failing.one(key, work));
    }

    private <T> T several(String operation, Collection<String> keys, Function<Collection<String>, T> work) {
        List<String> all = List.copyOf(keys);
        return script.run(new FlakyStore.Call(operation, all), () -> failing.several(all, work));
    }

    private <T> T entries(String operation, Map<String, byte[]> entries, Function<Map<String, byte[]>, T> work) {
        Map<String, byte[]> copy = copyOf(entries);
        return several(operation, entries.keySet(), keys -> {
            Map<String, byte[]> some = new HashMap<>(copy);
            some.keySet().retainAll(Set.copyOf(keys));
            return work.apply(some);
        });
    }

    /** An operation may be applied after its call, when the caller's arrays are no longer what they were. */
    private static Map<String, byte[]> copyOf(Map<String, byte[]> entries) {
        Map<String, byte[]> copy = new HashMap<>();
        entries.forEach((key, value) -> copy.put(key, value.clone()));
        return copy;
    }

    @Override
    public byte @Nullable [] get(String key) {
        return this.<byte @Nullable []>one("get", key, () -> store.get(key));
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        return several("getAll", keys, store::getAll);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        one("put", key, () -> {
            store.put(key, copy, ttl);
            return true;
        });
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        one("fill", key, () -> {
            store.fill(key, copy, ttl);
            return true;
        });
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        entries("putAll", entries, some -> {
            store.putAll(some, ttl);
            return true;
        });
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        entries("fillAll", entries, some -> {
            store.fillAll(some, ttl);
            return true;
        });
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        byte[] seenCopy = seen == null ? null : seen.clone();
        byte[] copy = value.clone();
        return one("fill", key, () -> store.fill(key, seenCopy, copy, ttl));
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Map<String, byte[]> seenCopy = copyOf(seen);
        return entries("fillAll", entries, some -> store.fillAll(some, seenCopy, ttl));
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        return one("putIfAbsent", key, () -> store.putIfAbsent(key, copy, ttl));
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        byte[] expectedCopy = expected.clone();
        byte[] copy = value.clone();
        return one("replace", key, () -> store.replace(key, expectedCopy, copy, ttl));
    }

    @Override
    public boolean remove(String key) {
        return one("remove", key, () -> store.remove(key));
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        byte[] copy = expected.clone();
        return one("remove", key, () -> store.remove(key, copy));
    }

    @Override
    public void removeAll(Collection<String> keys) {
        several("removeAll", keys, some -> {
            store.removeAll(some);
            return true;
        });
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        byte[] copy = tombstone.clone();
        return one("removeLeaving", key, () -> store.removeLeaving(key, copy, ttl));
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        byte[] copy = tombstone.clone();
        several("removeAllLeaving", keys, some -> {
            store.removeAllLeaving(some, copy, ttl);
            return true;
        });
    }

    @Override
    public boolean contains(String key) {
        return one("contains", key, () -> store.contains(key));
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return this.<@Nullable Duration>one("ttl", key, () -> store.ttl(key));
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return one("expire", key, () -> store.expire(key, ttl));
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return one("increment", key, () -> store.increment(key, delta, ttlIfCreated));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        return one("incrementOnce", key, () -> store.incrementOnce(key, delta, ttlIfCreated, onceId));
    }

    @Override
    public long removeByPrefix(String prefix) {
        return script.run(
                new FlakyStore.Call("removeByPrefix", List.of(prefix)),
                () -> failing.every(() -> store.removeByPrefix(prefix)));
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        return script.run(new FlakyStore.Call("sweep", List.of(prefix)), () -> store.sweep(prefix, head, useless));
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        return script.probe(() -> store.probe(timeout));
    }

    /**
     * Fails the calls that hang, with {@link Reason#DISCONNECTED} and their outcome unknown, and drops what is pending: it
     * is never applied.
     */
    @Override
    public void disconnect(Throwable cause) {
        script.fail(Reason.DISCONNECTED, Objects.requireNonNull(cause, "cause"));
        store.disconnect(cause);
    }

    @Override
    public long switches() {
        return store.switches();
    }

    /** {@inheritDoc} It tells of changes as the store behind it does, whatever the script says; reads through what it returns are calls like any other. */
    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return new ScriptedTracking(this, store.track(prefix, stamps));
    }

    @Override
    public Duration callBound() {
        return callBound;
    }

    @Override
    public @Nullable PartialOutage outage() {
        return store.outage();
    }

    @Override
    public StoreHealth health() {
        return script.isDown() ? store.health().withAvailable(false) : store.health();
    }

    @Override
    public void close() {
        script.fail(Reason.DISCONNECTED, null);
        store.close();
    }

    @Override
    public String toString() {
        return "FlakyStore( " + store + " )";
    }
}
