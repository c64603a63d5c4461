package dev.holdfast.cache.testkit;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** Memory that plays a server: a removal leaves a tombstone there, which memory by itself need not. Its state is that of the memory. */
final class ServerMemory extends ForwardingStore {
    ServerMemory(CacheStore memory) {
        super(memory);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        byte[] before = get(key);
        put(key, tombstone, ttl);
        return before != null && !CacheStore.isTombstone(before, tombstone);
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        Map<String, byte[]> tombstones = new HashMap<>();
        keys.forEach(key -> tombstones.put(key, tombstone));
        putAll(tombstones, ttl);
    }

    @Override
    public CacheStore within(Duration limit) {
        return this;
    }
}
