package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.spi.Tracking;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Two processes on one server. The one writes; in the other eight threads read what they keep near, and a proxy makes a black hole of their tracking
 * connection, and of nothing else, for a fifth of the time. How long a reader had a value after the writer was told that the next one is stored is added up at the end.
 */
final class NearDemo {
    static final String CACHE = "prices";

    private static final int KEYS = 8;
    private static final int READERS = 8;
    private static final int MOST_VERSIONS = 20_000;
    /** Beyond the bound: those who notice must get to run. */
    private static final long SLACK_MICROS = TimeUnit.MILLISECONDS.toMicros(250);

    private final int seconds;
    private final List<AtomicLongArray> lastSeen = new ArrayList<>();
    private final List<AtomicLongArray> acknowledged = new ArrayList<>();
    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong backwards = new AtomicLong();
    private volatile boolean ended;
    /** When something was wrong, in microseconds. */
    private volatile long cutMicros = Long.MAX_VALUE;

    private volatile long healMicros = Long.MAX_VALUE;

    /** One that takes so long. */
    NearDemo(int seconds) {
        this.seconds = seconds;
        for (int i = 0; i < KEYS; i++) {
            lastSeen.add(new AtomicLongArray(MOST_VERSIONS));
            acknowledged.add(new AtomicLongArray(MOST_VERSIONS));
        }
    }

    static String key(int i) {
        return "article-" + i;
    }

    /** Plays it; returns whether what is promised was kept. */
    boolean play() {
        try {
            return played();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private boolean played() throws IOException, InterruptedException {
        try (RedisServer redis = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
                CacheClient client =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", "redis://127.0.0.1:" + proxy.port())))) {
            proxy.only("TRACKING");
            Cache<String, Long> near = client.cache(CACHE, String.class, Long.class)
                    .ttl(Duration.ofMinutes(5))
                    .near(NearCache.ofBytes(4 << 20))
                    .serversOnly()
                    .build();
            Process writer = writer(redis.url());
            Thread listener = started("acknowledgements", () -> listen(writer));
            List<Thread> readers = new ArrayList<>();
            for (int i = 0; i < READERS; i++) {
                readers.add(started("reader-" + i, () -> read(near)));
            }
            long bypassed = watch(near, proxy);
            listener.join();
            ended = true;
            for (Thread reader : readers) {
                reader.join();
            }
            return summary(near.stats().near(), bypassed);
        }
    }

    private Process writer(String url) throws IOException {
        String java = System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
        return new ProcessBuilder(
                        java,
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                        NearWriter.class.getName(),
                        url,
                        String.valueOf(KEYS),
                        String.valueOf(seconds))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static Thread started(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private void listen(Process writer) {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(writer.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] parts = line.split(" ", 3);
                int version = Integer.parseInt(parts[1]);
                if (version < MOST_VERSIONS) {
                    acknowledged.get(Integer.parseInt(parts[0])).set(version, Long.parseLong(parts[2]));
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("the writer's words are lost", e);
        }
    }

    private void read(Cache<String, Long> near) {
        long[] newest = new long[KEYS];
        while (!ended) {
            for (int i = 0; i < 50; i++) {
                int key = ThreadLocalRandom.current().nextInt(KEYS);
                long now = NearWriter.micros();
                Long version = found(near, key(key));
                if (version != null && version < MOST_VERSIONS) {
                    lastSeen.get(key).accumulateAndGet(version.intValue(), now, Math::max);
                    if (version < newest[key]) {
                        backwards.incrementAndGet();
                    }
                    newest[key] = Math.max(newest[key], version);
                }
            }
            reads.addAndGet(50);
            LockSupport.parkNanos(200_000);
        }
    }

    /** {@code null} also while no server answers, as on a machine that is too busy. */
    private static @Nullable Long found(Cache<String, Long> near, String key) {
        try {
            return near.get(key);
        } catch (CacheUnavailableException e) {
            return null;
        }
    }

    /** Spoils the tracking connection in the middle; returns for how long the near cache was bypassed then, in milliseconds. */
    private long watch(Cache<String, Long> near, TcpProxy proxy) {
        long origin = System.nanoTime();
        long cutAt = origin + TimeUnit.SECONDS.toNanos(seconds) * 2 / 5;
        long healAt = origin + TimeUnit.SECONDS.toNanos(seconds) * 3 / 5;
        long end = origin + TimeUnit.SECONDS.toNanos(seconds);
        boolean cut = false;
        boolean healed = false;
        long bypassedNanos = 0;
        long before = origin;
        while (before - end < 0) {
            LockSupport.parkNanos(1_000_000);
            long now = System.nanoTime();
            if (!cut && now - cutAt >= 0) {
                cutMicros = NearWriter.micros();
                proxy.halfOpen();
                cut = true;
                System.out.println("the tracking connection has become a black hole");
            } else if (!healed && now - healAt >= 0) {
                proxy.pass();
                healMicros = NearWriter.micros();
                healed = true;
                System.out.println("the network is well again");
            }
            if (cut && near.stats().near().trustedSince() == null) {
                bypassedNanos += now - before;
            }
            before = now;
        }
        return TimeUnit.NANOSECONDS.toMillis(bypassedNanos);
    }

    private boolean summary(NearStats stats, long bypassedMillis) {
        List<Long> ages = new ArrayList<>();
        List<Long> usual = new ArrayList<>();
        for (int key = 0; key < KEYS; key++) {
            for (int version = 1; version + 1 < MOST_VERSIONS; version++) {
                long replaced = acknowledged.get(key).get(version + 1);
                long seen = lastSeen.get(key).get(version);
                if (replaced != 0) {
                    long age = seen == 0 ? 0 : Math.max(0, seen - replaced);
                    ages.add(age);
                    if (replaced < cutMicros || replaced > healMicros) {
                        usual.add(age);
                    }
                }
            }
        }
        ages.sort(null);
        usual.sort(null);
        long longest = ages.isEmpty() ? 0 : ages.get(ages.size() - 1);
        long bound = TimeUnit.MILLISECONDS.toMicros(Tracking.BOUND) + SLACK_MICROS;
        long beyond = ages.stream().filter(age -> age > bound).count();
        System.out.printf(
                Locale.ROOT,
                "%,d reads of %,d writes elsewhere; while nothing was wrong a value was read on for p50 %.2f ms, p99 %.2f ms, %.2f ms at most"
                        + " after the next was acknowledged; %d times one went back; flushes %s%n",
                reads.get(),
                ages.size(),
                at(usual, 0.5) / 1e3,
                at(usual, 0.99) / 1e3,
                at(usual, 1) / 1e3,
                backwards.get(),
                stats.flushes());
        System.out.printf(
                Locale.ROOT,
                "near: hits=%d stale_beyond_bound=%d longest_stale_ms=%.1f bypassed_ms=%d%n",
                stats.hits(),
                beyond,
                longest / 1e3,
                bypassedMillis);
        return beyond == 0 && backwards.get() == 0 && stats.hits() > 0 && bypassedMillis > 0 && !ages.isEmpty();
    }

    private static double at(List<Long> sorted, double share) {
        return sorted.isEmpty() ? 0 : sorted.get((int) (share * (sorted.size() - 1)));
    }
}
