package dev.holdfast.cache.monitor;

import dev.holdfast.cache.LatencyBuckets;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.function.Supplier;

/** One metric while its values are collected, each with a value for each label. Of one thread. */
final class Metric {
    /** In seconds, from what memory takes to what nobody waits for. */
    private static final double[] BOUNDS = {
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
    };

    private static final double NANOS = 1e9;
    private static final double MICROS = 1e6;

    private final Plain plain;
    private final Timed timed;
    private final Supplier<? extends MetricSnapshot> snapshot;

    /** Takes a number. */
    private interface Plain {
        void add(double value, String... labelValues);
    }

    /** Takes durations. */
    private interface Timed {
        void add(LatencyBuckets times, String... labelValues);
    }

    private Metric(Plain plain, Timed timed, Supplier<? extends MetricSnapshot> snapshot) {
        this.plain = plain;
        this.timed = timed;
        this.snapshot = snapshot;
    }

    /** Begins one that never falls; {@code name} is without {@code _total}. */
    static Metric counter(String name, String help, String... labels) {
        CounterSnapshot.Builder all = CounterSnapshot.builder().name(name).help(help);
        return new Metric(
                (value, values) -> all.dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder()
                        .labels(Labels.of(labels, values))
                        .value(value)
                        .build()),
                Metric::refuse,
                all::build);
    }

    static Metric gauge(String name, String help, String... labels) {
        GaugeSnapshot.Builder all = GaugeSnapshot.builder().name(name).help(help);
        return new Metric(
                (value, values) -> all.dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder()
                        .labels(Labels.of(labels, values))
                        .value(value)
                        .build()),
                Metric::refuse,
                all::build);
    }

    static Metric histogram(String name, String help, String... labels) {
        HistogramSnapshot.Builder all = HistogramSnapshot.builder().name(name).help(help);
        return new Metric(
                Metric::refuse,
                (times, values) -> all.dataPoint(HistogramSnapshot.HistogramDataPointSnapshot.builder()
                        .labels(Labels.of(labels, values))
                        .classicHistogramBuckets(buckets(times))
                        .sum(times.sumMicros() / MICROS)
                        .build()),
                all::build);
    }

    private static void refuse(Object value, String... labelValues) {
        throw new IllegalStateException("the metric takes no " + value);
    }

    private static ClassicHistogramBuckets buckets(LatencyBuckets times) {
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        long before = 0;
        for (double bound : BOUNDS) {
            long upTo = times.countUpTo((long) (bound * NANOS));
            buckets.bucket(bound, upTo - before);
            before = upTo;
        }
        return buckets.bucket(Double.POSITIVE_INFINITY, times.count() - before).build();
    }

    void add(double value, String... labelValues) {
        plain.add(value, labelValues);
    }

    void add(LatencyBuckets times, String... labelValues) {
        timed.add(times, labelValues);
    }

    MetricSnapshot snapshot() {
        return snapshot.get();
    }
}
