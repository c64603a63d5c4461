package dev.holdfast.cache.benchmarks;

import com.alicp.jetcache.embedded.CaffeineCacheBuilder;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.cache2k.Cache2kBuilder;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.springframework.cache.caffeine.CaffeineCache;

/**
 * Hits of values in this process; the methods' names say what a hit hands out. Ours decodes a String from its bytes each time, or,
 * where the values are byte strings, copies them; all the peers hand out a reference to the object that was put in.
 */
public class CacheHits {
    private static final int LIMIT = 2 * HitKeys.ENTRIES;

    /** For JMH. */
    public CacheHits() {}

    private static String never(String key) {
        throw new WrongAnswerException("a hit was expected: " + key);
    }

    private static byte[] neverBytes(String key) {
        throw new WrongAnswerException("a hit was expected: " + key);
    }

    private static <V> com.github.benmanes.caffeine.cache.Cache<Object, V> newCaffeine() {
        return Caffeine.newBuilder()
                .maximumSize(LIMIT)
                .expireAfterWrite(1, TimeUnit.HOURS)
                .build();
    }

    /** The cache over memory alone, without composite. */
    @State(Scope.Benchmark)
    public static class Ours {
        private final CacheClient client = CacheClient.builder()
                .memory(() -> MemoryStore.create(64L << 20))
                .build();
        private final Cache<String, String> cache =
                client.cache("hits", String.class, String.class).build();
        private final Cache<String, byte[]> bytes =
                client.cache("bytes", String.class, byte[].class).build();
        private final CacheStore store = MemoryStore.create(64L << 20);

        /** For JMH. */
        public Ours() {
            HitKeys.texts(cache::put);
            HitKeys.bytes(bytes::put);
            HitKeys.bytes((key, value) -> store.put("hits:" + key, value, Duration.ofHours(1)));
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            client.close();
        }
    }

    /** JetCache's local cache. */
    @State(Scope.Benchmark)
    public static class JetCache {
        private final com.alicp.jetcache.Cache<String, String> cache = CaffeineCacheBuilder.createCaffeineCacheBuilder()
                .limit(LIMIT)
                .expireAfterWrite(1, TimeUnit.HOURS)
                .buildCache();

        /** For JMH. */
        public JetCache() {
            HitKeys.texts(cache::put);
        }
    }

    /** Caffeine itself, which keeps the values as objects. */
    @State(Scope.Benchmark)
    public static class Bare {
        private final com.github.benmanes.caffeine.cache.Cache<Object, String> cache = newCaffeine();

        /** For JMH. */
        public Bare() {
            HitKeys.texts(cache::put);
        }
    }

    /** Spring's cache over Caffeine. */
    @State(Scope.Benchmark)
    public static class Spring {
        private final CaffeineCache cache = new CaffeineCache("hits", CacheHits.<Object>newCaffeine());

        /** For JMH. */
        public Spring() {
            HitKeys.texts(cache::put);
        }
    }

    /** cache2k. */
    @State(Scope.Benchmark)
    public static class Cache2k {
        private final org.cache2k.Cache<String, String> cache = Cache2kBuilder.of(String.class, String.class)
                .entryCapacity(LIMIT)
                .expireAfterWrite(1, TimeUnit.HOURS)
                .build();

        /** For JMH. */
        public Cache2k() {
            HitKeys.texts(cache::put);
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            cache.close();
        }
    }

    /** For JMH. */
    @Benchmark
    public String holdfast(Ours ours, HitKeys keys) {
        return HitKeys.checked(ours.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String holdfastLoaderDecoding(Ours ours, HitKeys keys) {
        return HitKeys.checked(ours.cache.get(keys.next(), CacheHits::never));
    }

    /** For JMH. */
    @Benchmark
    public byte[] holdfastLoaderCopying(Ours ours, HitKeys keys) {
        return HitKeys.checked(ours.bytes.get(keys.next(), CacheHits::neverBytes));
    }

    /** What the cache stands on: the same keys, without the cache. For JMH. */
    @Benchmark
    public byte[] storeCopying(Ours ours, HitKeys keys) {
        return HitKeys.checked(ours.store.get("hits:".concat(keys.next())));
    }

    /** For JMH. */
    @Benchmark
    public String jetcache(JetCache peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String jetcacheLoaderReference(JetCache peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.computeIfAbsent(keys.next(), CacheHits::never));
    }

    /** For JMH. */
    @Benchmark
    public String caffeineLoaderReference(Bare peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.get(keys.next(), key -> never(String.valueOf(key))));
    }

    /** For JMH. */
    @Benchmark
    public String springLoaderReference(Spring peer, HitKeys keys) {
        String key = keys.next();
        return HitKeys.checked(peer.cache.get(key, () -> never(key)));
    }

    /** For JMH. */
    @Benchmark
    public String cache2kReference(Cache2k peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.get(keys.next()));
    }
}
