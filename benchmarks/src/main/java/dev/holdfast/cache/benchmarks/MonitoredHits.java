package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Hits of values in this process, of a client that is monitored and of one that is not. */
public class MonitoredHits {
    /** For JMH. */
    public MonitoredHits() {}

    /** A client over memory. */
    private abstract static class Hits {
        private final CacheClient client;
        final Cache<String, String> cache;

        Hits(String monitored) {
            client = MonitorBench.client("hits", monitored, Map.of());
            cache = client.cache("hits", String.class, String.class).build();
            HitKeys.texts(cache::put);
        }

        void end() {
            client.close();
        }
    }

    /** One with a monitor. */
    @State(Scope.Benchmark)
    public static class With extends Hits {
        /** For JMH. */
        public With() {
            super("true");
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            end();
        }
    }

    /** One without. */
    @State(Scope.Benchmark)
    public static class Without extends Hits {
        /** For JMH. */
        public Without() {
            super("false");
        }

        /** For JMH. */
        @TearDown(Level.Trial)
        public void close() {
            end();
        }
    }

    /** For JMH. */
    @Benchmark
    public String monitored(With with, HitKeys keys) {
        return HitKeys.checked(with.cache.get(keys.next()));
    }

    /** For JMH. */
    @Benchmark
    public String unmonitored(Without without, HitKeys keys) {
        return HitKeys.checked(without.cache.get(keys.next()));
    }
}
