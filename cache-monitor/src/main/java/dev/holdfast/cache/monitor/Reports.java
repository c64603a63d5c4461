package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.JsonWriter;
import dev.holdfast.cache.client.TierProbe;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The JSON of the endpoints that report figures. Percentages from 0 to 100, times in milliseconds, {@code null} for what nobody knows. */
final class Reports {
    private static final double NANOS_PER_MILLI = 1e6;

    private Reports() {}

    static String health(Figures.Now now, long criticals, long warnings) {
        CacheHealth health = now.health();
        return JsonWriter.object(json -> json.field("status", HealthJson.word(health.status()))
                .field("timestamp", HealthJson.time(health.time()))
                .field("uptime", health.uptime().toMillis())
                .field("ready", health.ready())
                .object("redis", redis -> redis.field("enabled", now.hasServers())
                        .field("connected", now.serverServes()))
                .object("cache", cache -> cache.field("type", health.type())
                        .field("distributed", health.distributed())
                        .field("hitRate", now.lastMinute().hitRate()))
                .object("alerts", alerts -> alerts.field("critical", criticals).field("warning", warnings)));
    }

    /** How the servers are, with what a test of the connection found: {@code null} if there is no server to test. */
    static Reply redis(Figures.Now now, @Nullable TierProbe probe) {
        if (probe == null) {
            return Reply.json(200, JsonWriter.object(json -> json.field("status", "disabled")
                    .object("redis", redis -> redis.field("enabled", false)
                            .field("connected", false)
                            .field("connectionTest", (String) null))));
        }
        boolean first = now.health().tiers().get(0).serving();
        String status = !probe.answered() ? "unhealthy" : first ? "healthy" : "degraded";
        return Reply.json(status.equals("unhealthy") ? 503 : 200, JsonWriter.object(json -> json.field("status", status)
                .object("redis", redis -> redis.field("enabled", true)
                        .field("connected", now.serverServes() && probe.answered())
                        .object("connectionTest", test -> connectionTest(test, probe)))));
    }

    private static void connectionTest(JsonWriter json, TierProbe probe) {
        json.field("connected", probe.answered())
                .field("status", probe.answered() ? "healthy" : "unhealthy")
                .field(
                        "latency",
                        probe.latency() == null ? null : probe.latency().toNanos() / NANOS_PER_MILLI);
        if (probe.answered()) {
            json.field("writable", probe.writable());
        } else {
            json.field("error", probe.error());
        }
    }

    /** Of more caches than {@code most} those that are read most, and how many are left out. */
    static String performance(Figures.Now now, long windowNanos, int minutes, int most) {
        Window window = now.window(windowNanos);
        Latency times = window.responseTime();
        return JsonWriter.object(json -> {
            json.field("timestamp", HealthJson.time(window.end()))
                    .field("window", window.millis())
                    .object("cache", cache -> cache.field("hitRate", window.hitRate())
                            .field("hits", window.ofCaches(Tally.OfCache.HITS))
                            .field("misses", window.ofCaches(Tally.OfCache.MISSES))
                            .field("staleHits", window.ofCaches(Tally.OfCache.STALE_HITS))
                            .field("loads", window.ofCaches(Tally.OfCache.LOADS))
                            .field("loadFailures", window.ofCaches(Tally.OfCache.LOAD_FAILURES)))
                    .object("responseTime", time -> time.field("average", HealthJson.millis(times, Latency::meanMicros))
                            .field("p50", HealthJson.millis(times, Latency::p50Micros))
                            .field("p99", HealthJson.millis(times, Latency::p99Micros))
                            .field("max", HealthJson.millis(times, Latency::maxMicros)))
                    .object("errors", errors -> errors.field("total", window.ofTiers(Tally.OfTier.FAILED))
                            .field("rate", window.errorRate()))
                    .object("operations", work -> work.field("total", window.ofTiers(Tally.OfTier.TOTAL))
                            .field("perSecond", window.operationsPerSecond()))
                    .object("memory", memory -> memory(memory, memory(now)))
                    .array(
                            "caches",
                            mostRead(window, most),
                            (cache, each) -> cache(cache, each.getKey(), each.getValue()));
            if (window.caches().size() > most) {
                json.field("cachesLeftOut", window.caches().size() - most);
            }
            json.array("tiers", now.health().tiers(), HealthJson::tier);
            if (minutes > 0) {
                json.array("history", history(now, minutes), Reports::point);
            }
        });
    }

    /** Of the tier that serves, or else of the first that knows. */
    static @Nullable MemoryUse memory(Figures.Now now) {
        return now.serving()
                .map(tier -> tier.store().memory())
                .or(() -> now.health().tiers().stream()
                        .map(tier -> tier.store().memory())
                        .filter(Objects::nonNull)
                        .findFirst())
                .orElse(null);
    }

    private static void memory(JsonWriter json, @Nullable MemoryUse use) {
        json.field("usedBytes", use == null ? null : (Double) (double) use.usedBytes())
                .field("maxBytes", use == null ? null : (Double) (double) use.maxBytes())
                .field("usage", use == null ? null : (Double) use.percent());
    }

    /** In the order of their names all the same. */
    private static Collection<Map.Entry<String, Tally>> mostRead(Window window, int most) {
        Set<Map.Entry<String, Tally>> all = window.caches().entrySet();
        if (all.size() <= most) {
            return all;
        }
        return all.stream()
                .sorted(Comparator.comparingLong(each -> -Window.reads(each.getValue())))
                .limit(most)
                .sorted(Map.Entry.comparingByKey())
                .toList();
    }

    private static void cache(JsonWriter json, String name, Tally tally) {
        json.field("name", name)
                .field("hitRate", Window.hitRate(tally))
                .field("hits", tally.count(Tally.OfCache.HITS))
                .field("misses", tally.count(Tally.OfCache.MISSES))
                .field("staleHits", tally.count(Tally.OfCache.STALE_HITS))
                .field("loads", tally.count(Tally.OfCache.LOADS))
                .field("loadFailures", tally.count(Tally.OfCache.LOAD_FAILURES))
                .field("loadTime", HealthJson.millis(tally.times().summary(), Latency::meanMicros));
    }

    private static List<Window> history(Figures.Now now, int minutes) {
        List<Sample> ends = now.history().minutes(now.look().sample(), minutes);
        List<Window> points = new ArrayList<>();
        for (int i = 1; i < ends.size(); i++) {
            points.add(now.between(ends.get(i - 1), ends.get(i)));
        }
        return points;
    }

    private static void point(JsonWriter json, Window window) {
        json.field("at", HealthJson.time(window.end()))
                .field("hitRate", window.hitRate())
                .field("average", HealthJson.millis(window.responseTime(), Latency::meanMicros))
                .field("errorRate", window.errorRate());
    }

    static String stats(String client, Figures.Now now) {
        return JsonWriter.object(json -> json.field("client", client)
                .array("caches", now.stats().entrySet(), Reports::stats)
                .array("tiers", now.health().tiers(), HealthJson::tier));
    }

    private static void stats(JsonWriter json, Map.Entry<String, CacheStats> cache) {
        CacheStats stats = cache.getValue();
        json.field("name", cache.getKey())
                .field("hits", stats.hits())
                .field("misses", stats.misses())
                .field("hitRatio", stats.hitRatio())
                .field("staleHits", stats.staleHits())
                .field("joins", stats.joins())
                .field("loads", stats.loads())
                .field("loadFailures", stats.loadFailures())
                .field("leasesExpired", stats.leasesExpired())
                .field("loadsRunning", stats.loadsRunning())
                .field("loadsWaiting", stats.loadsWaiting())
                .field("stored", stats.stored())
                .field("notStored", stats.notStored())
                .field("removals", stats.removals())
                .field("unreadable", stats.unreadable())
                .field("misplaced", stats.misplaced())
                .field("failedReads", stats.failedReads())
                .field("failedWrites", stats.failedWrites())
                .field("failedRemovals", stats.failedRemovals())
                .object("loadTime", time -> HealthJson.latency(time, stats.loadTime()))
                .object("readTime", time -> HealthJson.latency(time, stats.readTime()));
        if (stats.near().isKept()) {
            json.object("near", near -> near(near, stats.near()));
        }
    }

    private static void near(JsonWriter json, NearStats near) {
        json.field("hits", near.hits())
                .field("misses", near.misses())
                .field("entries", near.entries())
                .field("invalidations", near.invalidations())
                .field("trustedSince", HealthJson.time(near.trustedSince()))
                .object("flushes", flushes -> {
                    for (FlushReason reason : FlushReason.values()) {
                        flushes.field(HealthJson.word(reason), near.flushes(reason));
                    }
                });
    }

    static String cluster(Figures.Now now) {
        Optional<TierHealth> cluster = now.health().tiers().stream()
                .filter(tier -> tier.store().type().equals("redis-cluster"))
                .findFirst();
        return JsonWriter.object(json -> {
            if (cluster.isEmpty()) {
                json.field("enabled", false);
                return;
            }
            HealthJson.cluster(json, cluster.get().store(), now.health());
            json.array("slots", cluster.get().store().nodes(), (slots, node) -> slots.field("address", node.address())
                    .field("role", node.role())
                    .field("slots", node.slots()));
        });
    }
}
