package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One server with nothing behind it is killed, or frozen, for ten seconds under eight callers. Once its tier is known to be out, a read with a loader takes as
 * long as the loader, and everything else fails at once: a line for each fault with the longest of either, beside the longest that a thread which only sleeps was held
 * up meanwhile, by a collection for instance. A longest beyond its bound and that ends the program with 1.
 *
 * <p>{@code -Dfaults=alone}.
 */
final class Alone {
    private static final int CALLERS = 8;
    private static final long OUTAGE_SECONDS = 10;
    private static final double MOST_OVER_LOADER_MILLIS = 5;
    private static final double MOST_TO_FAIL_MILLIS = 20;

    private final AtomicLong loads = new AtomicLong();
    private final AtomicLong longestOverLoader = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong longestToFail = new AtomicLong();
    private final AtomicInteger unexpected = new AtomicInteger();
    private volatile boolean out;
    private volatile boolean stop;

    private Alone() {}

    /** Runs; returns whether every bound was kept. */
    static boolean run() throws InterruptedException {
        boolean kept = true;
        for (String fault : List.of("kill", "freeze")) {
            kept &= new Alone().run(fault);
        }
        return kept;
    }

    private boolean run(String fault) throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier(SingleConfig.of(server.url()))
                        .withoutMemory()
                        .build();
                StallWatch stall = new StallWatch()) {
            Cache<String, String> cache = client.cache("alone", String.class, String.class)
                    .ttl(Duration.ofMinutes(5))
                    .build();
            cache.put("k", "v");
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                Thread caller = new Thread(() -> call(cache), "caller-" + i);
                caller.start();
                callers.add(caller);
            }
            TimeUnit.SECONDS.sleep(2);
            long begun = System.nanoTime();
            if (fault.equals("kill")) {
                server.kill();
            } else {
                server.freeze();
            }
            while (client.health().tiers().get(0).serving()) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            double known = (System.nanoTime() - begun) / 1e6;
            stall.reset();
            out = true;
            TimeUnit.SECONDS.sleep(OUTAGE_SECONDS);
            out = false;
            double stalled = stall.millis();
            stop = true;
            for (Thread caller : callers) {
                caller.join();
            }
            if (fault.equals("freeze")) {
                server.thaw();
            }
            return report(fault, known, stalled);
        }
    }

    private void call(Cache<String, String> cache) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        while (!stop) {
            String key = "k" + random.nextInt(1_000);
            boolean before = out;
            long start = System.nanoTime();
            if (random.nextBoolean()) {
                long[] loader = new long[1];
                try {
                    String unused = cache.get(key, same -> {
                        long begun = System.nanoTime();
                        TimeUnit.MILLISECONDS.sleep(1);
                        loader[0] = System.nanoTime() - begun;
                        return "v";
                    });
                    if (before && out) {
                        loads.incrementAndGet();
                        longestOverLoader.accumulateAndGet(System.nanoTime() - start - loader[0], Math::max);
                    }
                } catch (CacheException e) {
                    unexpected.incrementAndGet();
                }
            } else {
                try {
                    cache.put(key, "v");
                    if (before && out) {
                        unexpected.incrementAndGet();
                    }
                } catch (CacheException e) {
                    if (before && out) {
                        failures.incrementAndGet();
                        longestToFail.accumulateAndGet(System.nanoTime() - start, Math::max);
                    }
                }
            }
            try {
                TimeUnit.MILLISECONDS.sleep(1);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private boolean report(String fault, double known, double stall) {
        double overLoader = longestOverLoader.get() / 1e6;
        double toFail = longestToFail.get() / 1e6;
        boolean kept = overLoader <= MOST_OVER_LOADER_MILLIS + stall
                && toFail <= MOST_TO_FAIL_MILLIS + stall
                && unexpected.get() == 0
                && loads.get() > 0
                && failures.get() > 0;
        System.out.printf(
                Locale.ROOT,
                "alone: fault=%s known_ms=%.1f loads=%d longest_over_loader_ms=%.1f (at most %.0f) failures=%d longest_to_fail_ms=%.1f (at most %.0f) longest_stall_ms=%.1f unexpected=%d %s%n",
                fault,
                known,
                loads.get(),
                overLoader,
                MOST_OVER_LOADER_MILLIS,
                failures.get(),
                toFail,
                MOST_TO_FAIL_MILLIS,
                stall,
                unexpected.get(),
                kept ? "kept" : "NOT KEPT");
        return kept;
    }
}
