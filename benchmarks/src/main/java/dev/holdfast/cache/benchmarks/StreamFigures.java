package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.QueueHealth;
import dev.holdfast.streams.RequestClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The figures of requests over Redis Streams: workers are processes of their own with 5 terminals and 150 ms of work, callers use three
 * clients. {@code -Dstreams=q1,q2,…} runs these, {@code all} all; a line for each. {@code -Dstreams.minutes} is the length of q9 (10).
 */
final class StreamFigures {
    private static final long WORK = 150;
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Duration WARM_UP = Duration.ofSeconds(5);
    /** For each worker: two processors compile what as many processes run. */
    private static final Duration WARM_UP_OF_A_WORKER = Duration.ofSeconds(3);

    private StreamFigures() {}

    /** One of them. */
    interface Figure {
        void measure() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Figure> figures = new TreeMap<>(Map.of(
                "q1", StreamFigures::q1,
                "q2", StreamFigures::q2,
                "q3", StreamFigures::q3,
                "q6", StreamOutages::measure,
                "q7", StreamFigures::q7,
                "q8", StreamFigures::q8,
                "q9", StreamFigures::q9,
                "q10", StreamFigures::q10,
                "q11", StreamFigures::q11,
                "peers", StreamPeers::measure));
        String wanted = System.getProperty("streams", "all");
        List<String> names = wanted.equals("all") ? List.copyOf(figures.keySet()) : List.of(wanted.split(","));
        for (String name : names) {
            Figure figure = figures.get(name);
            if (figure == null) {
                throw new IllegalArgumentException(
                        "-Dstreams=" + wanted + " is not known; known are " + figures.keySet());
            }
            figure.measure();
        }
        System.exit(0);
    }

    static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    /** As a server of requests is to be: nothing is lost by a kill of the process. */
    static RedisServer redis() {
        return RedisServer.builder()
                .persistence(RedisServer.Persistence.AOF_EVERYSEC)
                .start();
    }

    private static void q1() throws Exception {
        throughput("q1", 15);
        throughput("q1", 30);
    }

    private static void throughput(String name, int workers) throws Exception {
        Duration duration = Duration.ofSeconds(30);
        int callers = workers * StreamWorker.TERMINALS;
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), workers, WORK, 30_000)) {
            try (StreamLoad warm = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
                warm.closed(callers, WARM_UP_OF_A_WORKER.multipliedBy(workers));
            }
            try (StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
                long start = System.nanoTime();
                load.closed(callers, duration);
                double minutes = (System.nanoTime() - start) / 60e9;
                print(
                        "%s: workers=%dx5 callers=%d per_minute=%.0f p50_ms=%.0f p99_ms=%.0f longest_ms=%d errors=%d",
                        name,
                        workers,
                        callers,
                        load.answered.sum() / minutes,
                        load.p50(),
                        load.p99(),
                        load.longestMillis(),
                        load.errors());
            }
            group.kill(0);
        }
    }

    private static void q2() throws Exception {
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, 30_000)) {
            try (StreamLoad warm = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
                warm.closed(75, WARM_UP_OF_A_WORKER.multipliedBy(15));
            }
            try (StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
                load.open(450, Duration.ofSeconds(60));
                print(
                        "q2: open loop 450/s 60 s: calls=%d p50_ms=%.0f p99_ms=%.0f longest_ms=%d errors=%d",
                        load.calls.sum(), load.p50(), load.p99(), load.longestMillis(), load.errors());
            }
            group.kill(0);
        }
    }

    private static void q3() throws Exception {
        long claimIdle = 5_000;
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, claimIdle);
                StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
            Thread callers = inBackground(() -> load.closed(75, Duration.ofSeconds(20)));
            Thread.sleep(8_000);
            group.kill(3);
            callers.join();
            QueueHealth queue = load.client(0).queue();
            print(
                    "q3: 3 of 15 killed -9 mid-work: calls=%d answered=%d errors=%d answers_twice=%d latest_ms=%d (claimIdle=%d)"
                            + " left=%d",
                    load.calls.sum(),
                    load.answered.sum(),
                    load.errors(),
                    load.unclaimed(),
                    load.longestMillis(),
                    claimIdle,
                    queue.length());
        }
    }

    static Thread inBackground(Figure work) {
        Thread thread = new Thread(() -> {
            try {
                work.measure();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        thread.start();
        return thread;
    }

    private static void q7() throws Exception {
        int most = 100;
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, 30_000);
                StreamLoad load =
                        new StreamLoad(StreamWorker.config(redis.url()).withMaxQueueLength(most), LIMIT)) {
            load.open(300, WARM_UP);
            long[] longest = new long[1];
            long heap = heap();
            try (StreamLoad over =
                    new StreamLoad(StreamWorker.config(redis.url()).withMaxQueueLength(most), LIMIT)) {
                Thread callers = inBackground(() -> over.open(1_500, Duration.ofSeconds(20)));
                while (callers.isAlive()) {
                    longest[0] = Math.max(longest[0], queued(redis));
                    Thread.sleep(5);
                }
                print(
                        "q7: overload x3 (1500/s, 20 s): accepted=%d p99_ms=%.0f lost=%d rejected=%d rejected_p50_ms=%.2f"
                                + " rejected_p99_ms=%.1f longest_queue=%d (most %d) heap_growth_mb=%d",
                        over.answered.sum(),
                        over.p99(),
                        over.timedOut.sum() + over.wrong.sum(),
                        over.rejected.sum(),
                        over.rejections.snapshot().p50Micros() / 1_000,
                        over.rejections.snapshot().p99Micros() / 1_000,
                        longest[0],
                        most,
                        (heap() - heap) >> 20);
            }
            group.kill(0);
        }
    }

    private static long heap() throws InterruptedException {
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long queued(RedisServer redis) {
        return Long.parseLong(String.valueOf(redis.command("XLEN", "{rr}:requests")));
    }

    private static void q8() throws Exception {
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 3, WORK, 30_000)) {
            String script = StreamWorker.config(redis.url()).toString();
            Process ingress = new ProcessBuilder(
                            Java.home().resolve("bin").resolve("java").toString(),
                            "-classpath",
                            System.getProperty("java.class.path"),
                            DyingIngress.class.getName(),
                            redis.url())
                    .redirectErrorStream(true)
                    .start();
            ingress.getInputStream().read();
            ingress.destroyForcibly().waitFor();
            long start = System.nanoTime();
            while (!List.of().equals(redis.command("KEYS", "{rr/replies/*"))) {
                Thread.sleep(50);
            }
            print(
                    "q8: an ingress killed -9: its reply stream was gone after %d ms, requests left %d (%s)",
                    (System.nanoTime() - start) / 1_000_000, queued(redis), script);
            group.kill(0);
        }
    }

    /** Sends some requests and waits to be killed. */
    static final class DyingIngress {
        public static void main(String[] args) throws Exception {
            RequestClient client = RequestClient.connect(StreamWorker.config(args[0]));
            for (int i = 0; i < 10; i++) {
                var unused = client.call("dying" + i, new byte[10], LIMIT);
            }
            while (client.health().answered() < 5) {
                Thread.sleep(1);
            }
            System.out.println("sent");
            Thread.sleep(60_000);
        }
    }

    private static void q9() throws Exception {
        long minutes = Long.getLong("streams.minutes", 10);
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, 30_000);
                StreamLoad load = new StreamLoad(
                        StreamWorker.config(redis.url()).withReplyWindow(Duration.ofSeconds(20)), LIMIT)) {
            Thread callers = inBackground(() -> load.open(400, Duration.ofMinutes(minutes)));
            // From here on the answers of the window are in memory; it is to stay as it is.
            Thread.sleep(Math.min(150_000, minutes * 30_000));
            long before = memory(redis);
            long heap = heap();
            callers.join();
            long after = memory(redis);
            long heapAfter = heap();
            QueueHealth queue = load.client(0).queue();
            print(
                    "q9: %d min at 400/s: calls=%d errors=%d p99_ms=%.0f length=%d pending=%d consumers=%d of 15 redis_mb=%.1f->%.1f"
                            + " heap_mb=%.1f->%.1f",
                    minutes,
                    load.calls.sum(),
                    load.errors(),
                    load.p99(),
                    queue.length(),
                    queue.pending(),
                    queue.consumers(),
                    before / 1048576.0,
                    after / 1048576.0,
                    heap / 1048576.0,
                    heapAfter / 1048576.0);
            group.kill(0);
        }
    }

    private static long memory(RedisServer redis) {
        String info = String.valueOf(redis.command("INFO", "memory"));
        return Long.parseLong(info.replaceFirst("(?s).*used_memory:([0-9]+).*", "$1"));
    }

    private static void q10() throws Exception {
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, 2_000);
                StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
            Thread callers = inBackground(() -> load.closed(75, Duration.ofSeconds(15)));
            Thread.sleep(6_000);
            group.terminate(3);
            callers.join();
            QueueHealth queue = load.client(0).queue();
            print(
                    "q10: SIGTERM to 3 of 15 under load: calls=%d errors=%d longest_ms=%d (redelivered would be 2000 and more)"
                            + " answers_twice=%d pending=%d",
                    load.calls.sum(), load.errors(), load.longestMillis(), load.unclaimed(), queue.pending());
        }
    }

    /** Workers whose wall clock is ten minutes ahead, and others whose is ten minutes behind. */
    private static void q11() throws Exception {
        Path directory = Files.createTempDirectory("clock");
        Path source = Files.writeString(directory.resolve("clock.c"), """
                #define _GNU_SOURCE
                #include <dlfcn.h>
                #include <stdlib.h>
                #include <sys/time.h>
                #include <time.h>
                static long shift(void) { const char *s = getenv("CLOCK_SHIFT"); return s ? atol(s) : 0; }
                int clock_gettime(clockid_t id, struct timespec *t) {
                  static int (*real)(clockid_t, struct timespec *);
                  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
                  int r = real(id, t);
                  if (r == 0 && id == CLOCK_REALTIME) t->tv_sec += shift();
                  return r;
                }
                int gettimeofday(struct timeval *t, void *z) {
                  static int (*real)(struct timeval *, void *);
                  if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
                  int r = real(t, z);
                  if (r == 0) t->tv_sec += shift();
                  return r;
                }
                """);
        Path library = directory.resolve("clock.so");
        try {
            int failed = new ProcessBuilder(
                            "cc", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl")
                    .inheritIO()
                    .start()
                    .waitFor();
            if (failed != 0) {
                throw new IOException("cc ended with " + failed);
            }
        } catch (IOException e) {
            print("q11: not run: no C compiler (%s)", e);
            return;
        }
        String preload = "LD_PRELOAD=" + library;
        try (RedisServer redis = redis();
                StreamWorker.Group ahead = new StreamWorker.Group(
                        List.of(preload, "CLOCK_SHIFT=600"), "ours", redis.url(), 2, WORK, 30_000);
                StreamWorker.Group behind = new StreamWorker.Group(
                        List.of(preload, "CLOCK_SHIFT=-600"), "ours", redis.url(), 2, WORK, 30_000);
                StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), Duration.ofSeconds(5))) {
            load.closed(20, Duration.ofSeconds(10));
            print(
                    "q11: clocks +10 min and -10 min, limit 5 s: calls=%d errors=%d p99_ms=%.0f",
                    load.calls.sum(), load.errors(), load.p99());
            ahead.kill(0);
            behind.kill(0);
        }
    }
}
