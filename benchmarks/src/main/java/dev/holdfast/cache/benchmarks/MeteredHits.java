package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.micrometer.CacheClientMetrics;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What meters cost a hit, in this process and at a server, and what it costs that there could be some. */
public class MeteredHits {
    /** For JMH. */
    public MeteredHits() {}

    private static CacheClient client(Map<String, String> settings) {
        return CacheClient.from(Settings.of(settings));
    }

    private static Cache<String, String> full(CacheClient client) {
        Cache<String, String> cache =
                client.cache("hits", String.class, String.class).build();
        HitKeys.texts(cache::put);
        return cache;
    }

    private static Cache<String, String> metered(CacheClient client) {
        CacheClientMetrics.of(client).bindTo(new SimpleMeterRegistry());
        return full(client);
    }

    /** In this process. */
    @State(Scope.Benchmark)
    public static class Here {
        private final CacheClient client = client(Map.of());
        private final CacheClient meteredClient = client(Map.of());
        private final Cache<String, String> cache = full(client);
        private final Cache<String, String> metered = metered(meteredClient);

        /** For JMH. */
        public Here() {}

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            client.close();
            meteredClient.close();
        }
    }

    /** At a server; two prefixes keep the clients apart. */
    @State(Scope.Benchmark)
    public static class There {
        private final RedisServer redis = RedisServer.start();
        private final CacheClient client = client(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "a"));
        private final CacheClient meteredClient = client(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "b"));
        private final Cache<String, String> cache = full(client);
        private final Cache<String, String> metered = metered(meteredClient);

        /** For JMH. */
        public There() {}

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            client.close();
            meteredClient.close();
            redis.close();
        }
    }

    /** Observers that there are none of. */
    @State(Scope.Benchmark)
    public static class Nobody {
        private final CallObservers observers = new CallObservers();
        private @Nullable Throwable failure;

        /** For JMH. */
        public Nobody() {}
    }

    /** For JMH. */
    @Benchmark
    public String here(Here clients, HitKeys keys) {
        return HitKeys.checked(clients.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String hereMetered(Here clients, HitKeys keys) {
        return HitKeys.checked(clients.metered.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String server(There clients, HitKeys keys) {
        return HitKeys.checked(clients.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String serverMetered(There clients, HitKeys keys) {
        return HitKeys.checked(clients.metered.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String nothing(Nobody nobody, HitKeys keys) {
        return keys.next();
    }

    /** All that a command asks of observers. For JMH. */
    @Benchmark
    public String unobserved(Nobody nobody, HitKeys keys) {
        CallObserver.Ended call = nobody.observers.began("GET", "here");
        nobody.observers.waited("here", 0);
        call.ended(nobody.failure);
        return keys.next();
    }
}
