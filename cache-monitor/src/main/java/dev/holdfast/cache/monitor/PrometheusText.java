package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.HealthJson;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The figures as Prometheus reads them. Counters never fall while the process lives. Labels hold names of clients, caches, tiers and nodes: no key, value or
 * secret; of more than a hundred caches those that came last are one, {@code other}. For any number of threads.
 */
final class PrometheusText {
    private static final String OTHER = "other";
    private static final double MILLIS = 1_000;

    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
    private final String client;
    private final Timeline timeline;

    PrometheusText(String client, Timeline timeline) {
        this.client = client;
        this.timeline = timeline;
    }

    Reply reply(Figures.Now now) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writer.write(out, snapshots(now));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Reply(200, writer.getContentType(), out.toString(StandardCharsets.UTF_8), Map.of());
    }

    private MetricSnapshots snapshots(Figures.Now now) {
        MetricSnapshots.Builder all = MetricSnapshots.builder();
        caches(all, now.look().sample());
        tiers(all, now);
        pools(all, now);
        Metric status = Metric.gauge("holdfast_status", "Whether the client is in this status", "client", "status");
        for (CacheHealth.Status each : CacheHealth.Status.values()) {
            status.add(now.health().status() == each ? 1 : 0, client, HealthJson.word(each));
        }
        Metric started = Metric.gauge("holdfast_start_time_seconds", "When the client was opened", "client");
        started.add(now.health().time().minus(now.health().uptime()).toEpochMilli() / MILLIS, client);
        Metric wanted = Metric.gauge(
                "holdfast_servers_configured",
                "Whether a server is configured that no operator has taken out",
                "client");
        wanted.add(Rules.wantsServer(now) ? 1 : 0, client);
        Metric serve = Metric.gauge("holdfast_servers_serving", "Whether a server serves", "client");
        serve.add(now.serverServes() ? 1 : 0, client);
        Metric failovers = Metric.counter(
                "holdfast_failovers", "Failovers from one tier to another", "client", "from", "to", "reason");
        timeline.failovers()
                .forEach((turn, count) ->
                        failovers.add(count.doubleValue(), client, turn.from(), turn.to(), turn.reason()));
        for (Metric metric : new Metric[] {status, started, wanted, serve, failovers}) {
            all.metricSnapshot(metric.snapshot());
        }
        return all.build();
    }

    private void caches(MetricSnapshots.Builder all, Sample sample) {
        Metric reads = Metric.counter(
                "holdfast_cache_reads", "Reads; a stale answer is a miss too", "client", "cache", "result");
        Metric loads = Metric.counter("holdfast_cache_loads", "Loads that ended", "client", "cache", "result");
        Metric times = Metric.histogram("holdfast_cache_load_seconds", "How long loads took", "client", "cache");
        byLabel(sample).forEach((cache, tally) -> {
            reads.add(count(tally, Tally.OfCache.HITS), client, cache, "hit");
            reads.add(count(tally, Tally.OfCache.MISSES), client, cache, "miss");
            reads.add(count(tally, Tally.OfCache.STALE_HITS), client, cache, "stale");
            reads.add(count(tally, Tally.OfCache.FAILED_READS), client, cache, "failed");
            loads.add(count(tally, Tally.OfCache.LOADS), client, cache, "loaded");
            loads.add(count(tally, Tally.OfCache.LOAD_FAILURES), client, cache, "failed");
            times.add(tally.times(), client, cache);
        });
        all.metricSnapshot(reads.snapshot()).metricSnapshot(loads.snapshot()).metricSnapshot(times.snapshot());
    }

    private static Map<String, Tally> byLabel(Sample sample) {
        Map<String, Tally> labelled = new LinkedHashMap<>();
        List<Tally> others = new ArrayList<>();
        sample.caches().forEach((name, tally) -> {
            if (sample.named().contains(name)) {
                labelled.put(name, tally);
            } else {
                others.add(tally);
            }
        });
        if (sample.closed() != null) {
            others.add(sample.closed());
        }
        if (!others.isEmpty()) {
            labelled.merge(OTHER, Tally.sum(others), Tally::plus);
        }
        return labelled;
    }

    private void tiers(MetricSnapshots.Builder all, Figures.Now now) {
        Metric operations = Metric.counter(
                "holdfast_tier_operations",
                "Operations; failed are those without an answer",
                "client",
                "tier",
                "result");
        Map<String, Tally> tallies = now.look().sample().tiers();
        Metric times = Metric.histogram(
                "holdfast_tier_operation_seconds", "How long operations took where they are timed", "client", "tier");
        tallies.forEach((tier, tally) -> {
            double failed = count(tally, Tally.OfTier.FAILED);
            operations.add(count(tally, Tally.OfTier.TOTAL) - failed, client, tier, "answered");
            operations.add(failed, client, tier, "failed");
            times.add(tally.times(), client, tier);
        });
        Metric states =
                Metric.gauge("holdfast_tier_state", "Whether the tier is in this state", "client", "tier", "state");
        Metric serving = Metric.gauge("holdfast_tier_serving", "Whether calls go to the tier", "client", "tier");
        Metric dirty =
                Metric.gauge("holdfast_dirty_keys", "Changes that the tier has yet to make up for", "client", "tier");
        Metric used = Metric.gauge("holdfast_memory_bytes", "Memory in use, where known", "client", "tier");
        Metric most = Metric.gauge("holdfast_memory_max_bytes", "Its bound", "client", "tier");
        Metric evicted = Metric.counter(
                "holdfast_memory_evictions", "Entries that had to go for others, in this process", "client", "tier");
        for (TierHealth tier : now.health().tiers()) {
            for (TierHealth.State each : TierHealth.State.values()) {
                states.add(tier.state() == each ? 1 : 0, client, tier.name(), HealthJson.word(each));
            }
            serving.add(tier.serving() ? 1 : 0, client, tier.name());
            dirty.add((double) tier.dirtyKeys() + tier.dirtyPrefixes() + tier.dirtyCounters(), client, tier.name());
            MemoryUse use = tier.store().memory();
            if (use != null) {
                used.add((double) use.usedBytes(), client, tier.name());
                most.add((double) use.maxBytes(), client, tier.name());
            }
            Tally tally = tallies.get(tier.name());
            if (tally != null && !Figures.Now.isServer(tier)) {
                evicted.add(count(tally, Tally.OfTier.EVICTIONS), client, tier.name());
            }
        }
        for (Metric metric : new Metric[] {operations, times, states, serving, dirty, used, most, evicted}) {
            all.metricSnapshot(metric.snapshot());
        }
    }

    private void pools(MetricSnapshots.Builder all, Figures.Now now) {
        Metric connections = Metric.gauge(
                "holdfast_pool_connections",
                "Connections, and callers that wait for one",
                "client",
                "tier",
                "node",
                "state");
        Metric exhausted = Metric.counter(
                "holdfast_pool_exhausted", "Callers that waited for a connection in vain", "client", "tier");
        for (TierHealth tier : now.health().tiers()) {
            for (NodeHealth node : tier.store().nodes()) {
                PoolHealth pool = node.pool();
                connections.add(pool.active(), client, tier.name(), node.address(), "active");
                connections.add(pool.idle(), client, tier.name(), node.address(), "idle");
                connections.add(pool.waiting(), client, tier.name(), node.address(), "waiting");
            }
        }
        now.look()
                .sample()
                .tiers()
                .forEach((tier, tally) -> exhausted.add(count(tally, Tally.OfTier.EXHAUSTED), client, tier));
        all.metricSnapshot(connections.snapshot()).metricSnapshot(exhausted.snapshot());
    }

    private static double count(Tally tally, Tally.Count which) {
        return (double) tally.count(which);
    }
}
