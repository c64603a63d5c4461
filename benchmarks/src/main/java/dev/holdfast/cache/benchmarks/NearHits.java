package dev.holdfast.cache.benchmarks;

import com.alicp.jetcache.MultiLevelCacheBuilder;
import com.alicp.jetcache.embedded.CaffeineCacheBuilder;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Hits of a near cache beside those of caches that know nothing of a server. All hand out a reference to one String. */
public class NearHits {
    private static final int LIMIT = 2 * HitKeys.ENTRIES;
    private static final NearCache NEAR = NearCache.ofBytes(64L << 20);

    /** For JMH. */
    public NearHits() {}

    /** Reads each entry until it is near. */
    private static void warm(Cache<String, String> cache) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        HitKeys.texts(cache::put);
        long before;
        do {
            before = cache.stats().near().misses();
            HitKeys.texts((key, value) -> HitKeys.checked(cache.get(key)));
        } while (cache.stats().near().misses() > before && System.nanoTime() - end < 0);
    }

    /** Over a real server, which tells of changes. */
    @State(Scope.Benchmark)
    public static class Server {
        private final RedisServer redis = RedisServer.start();
        private final CacheClient client = CacheClient.builder()
                .tier(SingleConfig.of(redis.url()))
                .withoutMemory()
                .build();
        private final Cache<String, String> cache =
                client.cache("hits", String.class, String.class).near(NEAR).build();

        /** For JMH. */
        public Server() {
            warm(cache);
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            client.close();
            redis.close();
        }
    }

    /** Over memory alone. */
    @State(Scope.Benchmark)
    public static class Memory {
        private final CacheClient client = CacheClient.builder()
                .memory(() -> MemoryStore.create(64L << 20))
                .build();
        private final Cache<String, String> cache =
                client.cache("hits", String.class, String.class).near(NEAR).build();

        /** For JMH. */
        public Memory() {
            warm(cache);
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            client.close();
        }
    }

    /** Caffeine, bounded and without expiry. */
    @State(Scope.Benchmark)
    public static class Bounded {
        private final com.github.benmanes.caffeine.cache.Cache<String, String> cache =
                Caffeine.newBuilder().maximumSize(LIMIT).build();

        /** For JMH. */
        public Bounded() {
            HitKeys.texts(cache::put);
        }
    }

    /** JetCache's two levels, the hit at the first. */
    @State(Scope.Benchmark)
    public static class TwoLevels {
        private final com.alicp.jetcache.Cache<String, String> cache =
                MultiLevelCacheBuilder.createMultiLevelCacheBuilder()
                        .expireAfterWrite(1, TimeUnit.HOURS)
                        .addCache(level(), level())
                        .buildCache();

        /** For JMH. */
        public TwoLevels() {
            HitKeys.texts(cache::put);
        }

        private static com.alicp.jetcache.Cache<Object, Object> level() {
            return CaffeineCacheBuilder.createCaffeineCacheBuilder()
                    .limit(LIMIT)
                    .expireAfterWrite(1, TimeUnit.HOURS)
                    .buildCache();
        }
    }

    /** For JMH. */
    @Benchmark
    public String near(Server ours, HitKeys keys) {
        return HitKeys.checked(ours.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String nearMemory(Memory ours, HitKeys keys) {
        return HitKeys.checked(ours.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String caffeine(Bounded peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.getIfPresent(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String jetcacheTwoLevels(TwoLevels peer, HitKeys keys) {
        return HitKeys.checked(peer.cache.get(keys.next()));
    }
}
