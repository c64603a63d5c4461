package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.Redeployment;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * What is left when something ended: memory after a hundred failovers and after many caches, class loaders of applications that were
 * undeployed, the first outage of a process, a removal by prefix that takes more time than it has. A row for each; a row
 * beyond its bound ends the program with 1.
 *
 * <p>{@code -Dfaults=endings[:ROW[+ROW]]}; all by default.
 */
final class Endings {
    private static final Duration TTL = Duration.ofHours(1);

    private boolean kept = true;

    private Endings() {}

    /** Runs; returns whether every bound was kept. */
    static boolean run(List<String> wanted) throws InterruptedException, IOException {
        Endings endings = new Endings();
        for (String row : wanted.isEmpty() ? List.of("failovers", "caches", "redeploy", "first", "prefix") : wanted) {
            switch (row) {
                case "failovers" -> endings.failovers();
                case "caches" -> endings.caches();
                case "redeploy" -> endings.redeploy();
                case "first" -> endings.first();
                case "prefix" -> endings.prefix();
                default -> throw new IllegalArgumentException("no row \"" + row + '"');
            }
        }
        return endings.kept;
    }

    private void row(boolean within, String format, Object... arguments) {
        kept &= within;
        System.out.println((within ? "" : "BEYOND ITS BOUND: ") + String.format(Locale.ROOT, format, arguments));
    }

    /** The bytes in use once garbage is collected. */
    static long heap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(100);
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    /** A hundred failovers and failbacks under four callers, by a link that is cut. */
    private void failovers() throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                TcpProxy link = TcpProxy.to("127.0.0.1", server.port());
                FailoverStore store = FailoverStore.builder()
                        .config(FailoverConfig.DEFAULT
                                .withGracePeriod(Duration.ofMillis(100))
                                .withHealthCheckInterval(Duration.ofSeconds(1)))
                        .tier("single", SingleStore.of(SingleConfig.of("127.0.0.1", link.port())))
                        .memoryTier(
                                "memory",
                                () -> MemoryStore.builder().maxBytes(16 << 20).build())
                        .build()) {
            store.start(Duration.ofSeconds(5));
            AtomicBoolean over = new AtomicBoolean();
            AtomicLong errors = new AtomicLong();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int first = i;
                Thread caller = new Thread(() -> callUntil(over, store, errors, first));
                callers.add(caller);
                caller.start();
            }
            long early = 0;
            for (int i = 1; i <= 110; i++) {
                link.refuse();
                link.reset();
                awaitTier(store, "memory");
                link.pass();
                awaitTier(store, "single");
                early = i == 10 ? heap() : early;
            }
            long late = heap();
            over.set(true);
            for (Thread caller : callers) {
                caller.join();
            }
            double grown = (late - early) / 1e6;
            row(grown <= 10 && errors.get() == 0, "failovers: 100, errors %d, heap %+.1f MB", errors.get(), grown);
        }
    }

    private static void callUntil(AtomicBoolean over, FailoverStore store, AtomicLong errors, int first) {
        byte[] value = new byte[1_000];
        for (int i = first; !over.get(); i++) {
            try {
                store.put("k" + i % 500, value, TTL);
                store.get("k" + (i * 7) % 500);
                store.remove("k" + (i * 13) % 500);
            } catch (CacheException e) {
                errors.incrementAndGet();
            }
        }
    }

    private static void awaitTier(FailoverStore store, String tier) throws InterruptedException {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!store.tierName().equals(tier)) {
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException("waited 30 s in vain for " + tier);
            }
            Thread.sleep(5);
        }
    }

    private void caches() throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", server.url())))) {
            open(client, 0, 1_000);
            long early = heap();
            open(client, 1_000, 21_000);
            double grown = (heap() - early) / 1e6;
            row(grown <= 5, "caches: 20,000 opened, used and closed, heap %+.1f MB", grown);
        }
    }

    private static void open(CacheClient client, int from, int to) {
        for (int i = from; i < to; i++) {
            try (Cache<String, String> cache =
                    client.cache("c" + i, String.class, String.class).build()) {
                cache.get("k", key -> "v");
            }
        }
    }

    private void redeploy() {
        System.setProperty("slf4j.internal.verbosity", "ERROR");
        try (RedisServer server = RedisServer.start();
                RedisCluster cluster =
                        RedisCluster.builder().replicasPerMaster(0).start();
                UpstashGateway gateway = UpstashGateway.start(server.host() + ':' + server.port(), "token")) {
            Map<String, String> tiers = Map.of(
                    "memory", "",
                    "single", "REDIS_URL=" + server.url(),
                    "cluster", "REDIS_CLUSTER_NODES=" + cluster.seeds(),
                    "upstash", "UPSTASH_REDIS_REST_URL=" + gateway.url() + ";UPSTASH_REDIS_REST_TOKEN=token");
            for (String tier : List.of("memory", "single", "cluster", "upstash")) {
                int alive = Redeployment.survivors(
                        20, 10, classPath(), Deployed.class.getName(), Objects.requireNonNull(tiers.get(tier)));
                row(alive == 0, "redeploy: %s, 20 times, %d class loaders left after 10 s", tier, alive);
            }
        }
    }

    private static URL[] classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator), -1))
                .map(Endings::url)
                .toArray(URL[]::new);
    }

    private static URL url(String path) {
        try {
            return Path.of(path).toUri().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalStateException(path, e);
        }
    }

    /** A fresh process whose server dies soon after its start. */
    private void first() throws IOException, InterruptedException {
        for (int millis : List.of(300, 1_500, 10_000)) {
            List<String> lines = Java.run(Java.home(), List.of("-DafterMillis=" + millis), FirstOutage.class, Map.of());
            double longest = Double.parseDouble(lines.get(lines.size() - 1));
            row(longest <= 100, "first outage %d ms after the start: longest call %.1f ms", millis, longest);
        }
    }

    /** Ten keys among five million, with 7 ms of round trip. */
    private void prefix() throws InterruptedException {
        try (RedisServer server =
                        RedisServer.builder().line("enable-debug-command local").start();
                TcpProxy link = TcpProxy.to("127.0.0.1", server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", link.port()))) {
            for (int i = 0; i < 50; i++) {
                server.command("DEBUG", "POPULATE", "100000", "key" + i);
            }
            for (int i = 0; i < 10; i++) {
                store.put("gone:" + i, "v".getBytes(StandardCharsets.UTF_8), TTL);
            }
            link.delay(Duration.ofNanos(3_500_000));
            long start = System.nanoTime();
            int attempts = 0;
            while (true) {
                attempts++;
                try {
                    store.removeByPrefix("gone:");
                    break;
                } catch (CacheUnavailableException e) {
                    if (attempts == 5) {
                        break;
                    }
                }
            }
            link.pass();
            int left = store.getAll(List.of("gone:0", "gone:4", "gone:9")).size();
            row(
                    left == 0 && attempts < 5,
                    "prefix: 10 of 5,000,000 keys removed in %.1f s, by %d calls",
                    (System.nanoTime() - start) / 1e9,
                    attempts);
        }
    }
}
