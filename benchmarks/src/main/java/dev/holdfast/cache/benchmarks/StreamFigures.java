package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.QueueHealth;
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
    static final long WORK = 150;
    static final Duration LIMIT = Duration.ofSeconds(20);
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
                "q8", DyingIngress::measure,
                "q9", StreamFigures::q9,
                "q10", StreamFigures::q10,
                "q11", ShiftedClocks::measure,
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
            warmUp(redis, workers);
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

    private static void warmUp(RedisServer redis, int workers) throws InterruptedException {
        try (StreamLoad warm = new StreamLoad(StreamWorker.config(redis.url()), LIMIT)) {
            warm.closed(workers * StreamWorker.TERMINALS, WARM_UP_OF_A_WORKER.multipliedBy(workers));
        }
    }

    private static void q2() throws Exception {
        try (RedisServer redis = redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 15, WORK, 30_000)) {
            warmUp(redis, 15);
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

    static long queued(RedisServer redis) {
        return Long.parseLong(String.valueOf(redis.command("XLEN", "{rr}:requests")));
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
}
