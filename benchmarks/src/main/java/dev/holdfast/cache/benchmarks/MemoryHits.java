package dev.holdfast.cache.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Hits of byte strings in this process: the memory store, Caffeine that copies as it must, and the composite over the store. */
public class MemoryHits {
    private static final Duration TTL = Duration.ofHours(1);

    /** For JMH. */
    public MemoryHits() {}

    private static MemoryStore memory() {
        return MemoryStore.create(64L << 20);
    }

    /** The store. */
    @State(Scope.Benchmark)
    public static class Ours {
        private final MemoryStore store = memory();

        /** For JMH. */
        public Ours() {
            HitKeys.bytes((key, value) -> store.put(key, value, TTL));
        }
    }

    /** The composite of a watched store and memory, {@code Failover( store > memory )}; the first one serves. */
    @State(Scope.Benchmark)
    public static class Composite {
        private final CacheStore store = FailoverStore.builder()
                .tier("store", memory())
                .memoryTier("memory", MemoryHits::memory)
                .build();

        /** For JMH. */
        public Composite() {
            HitKeys.bytes((key, value) -> store.put(key, value, TTL));
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            store.close();
        }
    }

    /** Caffeine, bounded and expiring. */
    @State(Scope.Benchmark)
    public static class Peer {
        private final Cache<String, byte[]> cache = Caffeine.newBuilder()
                .maximumSize(2 * HitKeys.ENTRIES)
                .expireAfterWrite(TTL)
                .build();

        /** For JMH. */
        public Peer() {
            HitKeys.bytes(cache::put);
        }
    }

    /** For JMH. */
    @Benchmark
    public byte[] store(Ours ours, HitKeys keys) {
        return HitKeys.checked(ours.store.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public byte[] composite(Composite ours, HitKeys keys) {
        return HitKeys.checked(ours.store.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public byte[] caffeine(Peer peer, HitKeys keys) {
        byte[] value = peer.cache.getIfPresent(keys.next());
        return HitKeys.checked(value == null ? null : value.clone());
    }
}
