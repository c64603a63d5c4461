package dev.holdfast.cache.examples;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.QueueHealth;
import dev.holdfast.streams.RequestClient;
import dev.holdfast.streams.StreamsConfig;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Three ingresses and fifteen proxies of five terminals, each a process of its own, over one real Redis. 75 callers keep all
 * terminals busy; two proxies are killed with work in hand, and every caller gets its answer. One row a second; the last line sums up.
 */
final class StreamsDemo {
    private static final int INGRESSES = 3;
    private static final int PROXIES = 15;
    private static final int CALLERS = 75;
    private static final int KILL = 5;
    private static final int END = 15;
    /** Calls before it counts: 400 for each proxy, from which on a call costs a proxy no more processor time than later. */
    private static final int WARM_UP = 400 * PROXIES;

    private static final Duration LONGEST_WARM_UP = Duration.ofSeconds(60);
    private static final Duration CLAIM_IDLE = Duration.ofSeconds(2);

    private final List<ServiceProcess> ingresses = new ArrayList<>();
    private final List<ServiceProcess> proxies = new ArrayList<>();
    private final RequestClient looker;

    private StreamsDemo(RequestClient looker) {
        this.looker = looker;
    }

    /** Plays it; says whether no call failed and none was lost. */
    static boolean play() {
        try (RedisServer redis = RedisServer.builder()
                        .persistence(RedisServer.Persistence.AOF_EVERYSEC)
                        .start();
                RequestClient looker = RequestClient.connect(StreamsConfig.single(redis.url()))) {
            StreamsDemo demo = new StreamsDemo(looker);
            try {
                demo.start(redis);
                return demo.run();
            } finally {
                demo.proxies.forEach(ServiceProcess::close);
                demo.ingresses.forEach(ServiceProcess::close);
            }
        }
    }

    private void start(RedisServer redis) {
        System.out.printf(
                "%n%d ingresses, %d proxies of 5 terminals, 150 ms of work, %d callers; a silent proxy's work is taken over"
                        + " after %d s%n%n",
                INGRESSES, PROXIES, CALLERS, CLAIM_IDLE.toSeconds());
        Map<String, String> settings = Map.of(
                "REDIS_URL", redis.url(),
                "STREAMS_CLAIM_IDLE", Long.toString(CLAIM_IDLE.toMillis()),
                "REQUEST_LIMIT", "20000");
        for (int i = 0; i < PROXIES; i++) {
            proxies.add(ServiceProcess.start("proxy", settings));
        }
        for (int i = 0; i < INGRESSES; i++) {
            ingresses.add(ServiceProcess.start("ingress", settings));
        }
        proxies.forEach(ServiceProcess::awaitPort);
        ingresses.forEach(ServiceProcess::awaitPort);
    }

    private boolean run() {
        List<URI> targets = ingresses.stream().map(each -> each.uri("/request")).toList();
        boolean wellWarmed = warmUp(targets);
        HttpCallers callers = new HttpCallers(targets, CALLERS);
        System.out.println(" sec  answered/s  p50 ms  p99 ms  terminals busy        queue  with workers  errors");
        long origin = System.nanoTime();
        long before = 0;
        for (int second = 1; second <= END; second++) {
            String event = second == KILL ? kill() : "";
            sleepUntil(origin + TimeUnit.SECONDS.toNanos(second));
            before = row(second, callers, before, event);
        }
        callers.close();
        double minutes = (System.nanoTime() - origin) / 60e9;
        return summary(callers, minutes) && wellWarmed;
    }

    /** Code that runs for the first time is slow, in nineteen processes at once above all. Says whether each call was answered. */
    private static boolean warmUp(List<URI> targets) {
        System.out.printf("warming up: %,d calls, or %d s%n", WARM_UP, LONGEST_WARM_UP.toSeconds());
        HttpCallers callers = new HttpCallers(targets, CALLERS);
        long start = System.nanoTime();
        long next = start;
        while (callers.answered() < WARM_UP && next - start < LONGEST_WARM_UP.toNanos()) {
            next += TimeUnit.MILLISECONDS.toNanos(100);
            sleepUntil(next);
        }
        callers.close();
        long failed = callers.begun() - callers.answered();
        System.out.printf(
                Locale.ROOT,
                "warmed up by %,d calls in %.0f s, %d without an answer; what comes now is counted%n%n",
                callers.begun(),
                (System.nanoTime() - start) / 1e9,
                failed);
        return failed == 0;
    }

    private String kill() {
        proxies.get(0).kill();
        proxies.get(1).kill();
        return "two proxies were killed (SIGKILL) with work in hand";
    }

    private long row(int second, HttpCallers callers, long before, String event) {
        Latency latency = callers.takeSecond().snapshot();
        long answered = callers.answered();
        QueueHealth queue = looker.queue();
        int busy = (int) Math.min(queue.pending(), 75);
        System.out.printf(
                Locale.ROOT,
                "%4d  %,10d  %6.0f  %6.0f  %-15s %5d  %5d  %12d  %6d  %s%n",
                second,
                answered - before,
                latency.p50Micros() / 1_000,
                latency.p99Micros() / 1_000,
                "#".repeat(busy / 5),
                busy,
                queue.lag(),
                queue.pending(),
                callers.errors(),
                event);
        return answered;
    }

    private boolean summary(HttpCallers callers, double minutes) {
        long redelivered = proxies.stream()
                .filter(ServiceProcess::isAlive)
                .mapToLong(proxy -> proxy.metric("streams_redelivered_total"))
                .sum();
        long lost = callers.begun() - callers.answered() - callers.errors();
        Latency latency = callers.all().snapshot();
        QueueHealth queue = looker.queue();
        System.out.printf(
                "%n%d requests are left in Redis, %d with workers, %d dead letters; the longest call took %d ms%n",
                queue.length(), queue.pending(), queue.deadLetters(), callers.longestMillis());
        System.out.printf(
                Locale.ROOT,
                "%nstreams: calls=%d errors=%d lost=%d per_minute=%.0f p50_ms=%.0f p99_ms=%.0f redelivered=%d%n",
                callers.begun(),
                callers.errors(),
                lost,
                callers.answered() / minutes,
                latency.p50Micros() / 1_000,
                latency.p99Micros() / 1_000,
                redelivered);
        return callers.errors() == 0 && lost == 0 && queue.length() == 0;
    }

    private static void sleepUntil(long nanos) {
        long left = nanos - System.nanoTime();
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = nanos - System.nanoTime();
        }
    }
}
