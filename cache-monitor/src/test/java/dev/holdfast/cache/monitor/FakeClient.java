package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.TierHealth.Reason;
import dev.holdfast.cache.TierHealth.State;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What a monitor sees of a client over one server and memory, on a clock that a test moves. */
final class FakeClient {
    private static final Instant START = Instant.parse("2026-11-28T15:00:00Z");
    private static final long TICK = TimeUnit.SECONDS.toNanos(5);

    private final LatencyHistogram latency = new LatencyHistogram();
    private long failed;
    private long hits;
    private long misses;
    private double owed;
    boolean hasServer = true;

    @Nullable
    Reason out;

    @Nullable
    MemoryUse serverMemory;

    long evictions;
    int looks;
    boolean warmingUp;
    long nanos = TimeUnit.DAYS.toNanos(1);
    final Figures figures;
    final Alerts alerts;
    final List<Transition> said = new ArrayList<>();
    final List<Duration> saidAt = new ArrayList<>();

    FakeClient(String... namesAndValues) {
        Map<String, String> values = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        figures = new Figures(new Ledger(this::health, this::stats, () -> nanos, this::time));
        long begin = nanos;
        alerts = new Alerts(
                new Rules(Settings.of(values), () -> warmingUp).all(),
                this::time,
                transition -> {
                    said.add(transition);
                    saidAt.add(Duration.ofNanos(nanos - begin));
                },
                json -> json.field("channel", (String) null));
    }

    Instant time() {
        return START.plusNanos(nanos);
    }

    void reads(long count, double hitPercent) {
        // So that the rate of many small portions is exact.
        double exact = count * hitPercent / 100 + owed;
        long whole = Math.round(exact);
        owed = exact - whole;
        hits += whole;
        misses += count - whole;
    }

    void operations(int count, double millis, int failures) {
        for (int i = 0; i < count; i++) {
            latency.record((long) (millis * 1e6));
        }
        failed += failures;
    }

    void reset() {
        hits = 0;
        misses = 0;
        failed = 0;
        latency.reset();
    }

    /** Lets time pass, with the same traffic in every five seconds. */
    void pass(Duration duration, Runnable traffic) {
        for (long end = nanos + duration.toNanos(); nanos < end; ) {
            traffic.run();
            nanos += TICK;
            alerts.judge(figures.remember());
        }
    }

    void judge() {
        alerts.judge(figures.look());
    }

    List<String> words() {
        return said.stream()
                .map(each -> each.kind().status()
                        + ' '
                        + each.alert().severity().word()
                        + ' '
                        + each.alert().id())
                .toList();
    }

    private TierHealth tier(String name, boolean serving, @Nullable Reason reason, StoreHealth store) {
        State state = reason == null ? State.CLOSED : State.OPEN;
        return new TierHealth(name, state, serving, START, reason, 0, null, null, 0, 0, 0, false, null, store);
    }

    CacheHealth health() {
        looks++;
        Latency times = latency.snapshot();
        StoreHealth server = StoreHealth.of("native-redis", true, START)
                .withOperations(new OperationStats(times.count(), failed, times))
                .withMemory(serverMemory);
        StoreHealth memory = StoreHealth.of("in-memory", false, START).withMemory(new MemoryUse(99, 100, evictions));
        boolean serves = hasServer && out == null;
        List<TierHealth> tiers = new ArrayList<>();
        if (hasServer) {
            tiers.add(tier("single", serves, out, server));
        }
        tiers.add(tier("memory", !serves, null, memory));
        return new CacheHealth(
                serves ? CacheHealth.Status.HEALTHY : CacheHealth.Status.CRITICAL,
                true,
                serves ? "native-redis" : "in-memory",
                serves,
                true,
                time(),
                Duration.ZERO,
                OperationStats.NONE,
                PoolHealth.NONE,
                tiers,
                null);
    }

    private SortedMap<String, CacheStats> stats() {
        return new TreeMap<>(Map.of("leads", stats(hits, misses)));
    }

    static CacheStats stats(long hits, long misses) {
        return new CacheStats(
                hits, misses, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Latency.NONE, Latency.NONE, NearStats.NONE);
    }
}
