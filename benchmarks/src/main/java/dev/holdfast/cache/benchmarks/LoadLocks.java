package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Ten processes that miss one key at the same time, with {@code loadLock}: how often it is loaded, and how long they wait when the one that loads it is killed.
 * {@code -Dfaults=locks}.
 */
final class LoadLocks {
    private static final int PROCESSES = 10;
    private static final Duration LEASE = Duration.ofSeconds(2);
    private static final Duration LOAD = Duration.ofSeconds(3);
    private static final Duration KEPT = Duration.ofHours(1);

    private LoadLocks() {}

    /** Runs; returns whether every bound was kept. */
    static boolean run() throws IOException, InterruptedException {
        boolean undisturbed = run(false);
        return run(true) && undisturbed;
    }

    private static boolean run(boolean kill) throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        try (RedisServer redis = RedisServer.start();
                CacheStore scene = SingleStore.of(SingleConfig.of(redis.url()))) {
            for (int i = 0; i < PROCESSES; i++) {
                processes.add(Java.start(
                        Java.home(),
                        List.of("-XX:TieredStopAtLevel=1", "-Xmx64m"),
                        Reader.class,
                        // Ten processes that start at once keep each other, and the server, from answering in time.
                        Map.of("REDIS_URL", redis.url(), "REDIS_PROBE_TIMEOUT", "2000")));
            }
            await(scene, "ready", PROCESSES);
            scene.put("go", new byte[0], KEPT);
            int dead = 0;
            if (kill) {
                await(scene, "loads", 1);
                long holder = Long.parseLong(text(Objects.requireNonNull(scene.get("holder"))));
                Process victim = processes.stream()
                        .filter(process -> process.pid() == holder)
                        .findFirst()
                        .orElseThrow();
                victim.destroyForcibly().waitFor();
                dead = 1;
            }
            await(scene, "answered", PROCESSES - dead);
            long loads = number(scene, "loads");
            long longest = number(scene, "longest");
            long most = LOAD.toMillis() + (kill ? LEASE.toMillis() : 0) + 1_500;
            boolean kept = loads == 1 + dead && longest <= most;
            System.out.println(String.format(
                    Locale.ROOT,
                    "%slocks: %d processes%s, %d loads of %d ms, lease %d ms, the longest wait %d ms",
                    kept ? "" : "BEYOND ITS BOUND: ",
                    PROCESSES,
                    kill ? ", the one that loads is killed" : "",
                    loads,
                    LOAD.toMillis(),
                    LEASE.toMillis(),
                    longest));
            return kept;
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }

    private static void await(CacheStore scene, String counter, long least) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (number(scene, counter) < least) {
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException("waited two minutes for " + least + " " + counter);
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    private static long number(CacheStore scene, String counter) {
        byte[] value = scene.get(counter);
        return value == null ? 0 : Long.parseLong(text(value));
    }

    private static String text(byte[] value) {
        return new String(value, StandardCharsets.US_ASCII);
    }

    /** One of the processes. */
    static final class Reader {
        private Reader() {}

        public static void main(String[] arguments) throws InterruptedException {
            String url = System.getenv("REDIS_URL");
            try (CacheStore scene = SingleStore.of(SingleConfig.of(url));
                    CacheClient client = CacheClient.fromEnvironment()) {
                Cache<String, String> cache = client.cache("c", String.class, String.class)
                        .loadLock(LEASE)
                        .build();
                String unused = cache.get("other", key -> "v");
                scene.increment("ready", 1, KEPT);
                while (!scene.contains("go")) {
                    TimeUnit.MILLISECONDS.sleep(5);
                }
                long start = System.nanoTime();
                String value = cache.get("k", key -> {
                    scene.put("holder", bytes(ProcessHandle.current().pid()), KEPT);
                    scene.increment("loads", 1, KEPT);
                    TimeUnit.MILLISECONDS.sleep(LOAD.toMillis());
                    return "loaded";
                });
                if (!"loaded".equals(value)) {
                    throw new WrongAnswerException("expected loaded and got " + value);
                }
                long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                byte[] longest = scene.get("longest");
                while ((longest == null || Long.parseLong(text(longest)) < millis)
                        && !(longest == null
                                ? scene.putIfAbsent("longest", bytes(millis), KEPT)
                                : scene.replace("longest", longest, bytes(millis), KEPT))) {
                    longest = scene.get("longest");
                }
                scene.increment("answered", 1, KEPT);
            }
        }

        private static byte[] bytes(long number) {
            return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
        }
    }
}
