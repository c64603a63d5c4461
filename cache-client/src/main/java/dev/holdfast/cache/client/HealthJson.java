package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Health as JSON, in the shape that dashboards read. All times in milliseconds. */
public final class HealthJson {
    private static final String CLUSTER = "redis-cluster";
    private static final DateTimeFormatter MILLIS =
            new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

    private HealthJson() {}

    /**
     * Writes all of it.
     *
     * @param health the health
     * @return a JSON object in one line
     */
    public static String write(CacheHealth health) {
        return JsonWriter.object(json -> {
            json.field("type", health.type())
                    .field("distributed", health.distributed())
                    .field("status", word(health.status()));
            health.tiers().stream()
                    .filter(tier -> tier.store().type().equals(CLUSTER))
                    .findFirst()
                    .ifPresent(tier -> json.object("cluster", cluster -> cluster(cluster, tier.store(), health)));
            if (!health.type().equals(CLUSTER)) {
                work(json, health.operations(), health.pool(), health.uptime());
            }
            json.field("ready", health.ready())
                    .field("readYourWrites", health.readYourWrites())
                    .array("tiers", health.tiers(), HealthJson::tier)
                    .field("notes", health.notes());
        });
    }

    /**
     * Writes what health says of a cluster.
     *
     * @param json takes the fields
     * @param store the cluster
     * @param health what it is a part of
     */
    public static void cluster(JsonWriter json, StoreHealth store, CacheHealth health) {
        long healthy = store.nodes().stream().filter(NodeHealth::healthy).count();
        long failed = store.nodes().stream()
                .filter(node -> node.state() == HealthState.DOWN)
                .count();
        json.field("enabled", true)
                .field("totalNodes", store.nodes().size())
                .field("healthyNodes", healthy)
                .field("failedNodes", failed)
                .field("unknownNodes", store.nodes().size() - healthy - failed);
        work(json, store.operations(), store.pool(), health.uptime());
        json.array("nodes", store.nodes(), HealthJson::node);
    }

    private static void work(JsonWriter json, OperationStats operations, PoolHealth pool, Duration uptime) {
        operations(json, operations);
        json.object("performance", performance -> performance
                        .field("averageResponseTime", millis(operations.latency(), Latency::meanMicros))
                        .field("uptime", uptime.toMillis()))
                .object("connectionPool", connections -> connections
                        .field("totalConnections", pool.total())
                        .field("activeConnections", pool.active())
                        .field("idleConnections", pool.idle()));
    }

    private static void operations(JsonWriter json, OperationStats operations) {
        Double ratio = successRatio(operations);
        json.object("operations", counts -> counts.field("total", operations.total())
                .field("successful", operations.successful())
                .field("failed", operations.failed())
                .field("successRate", ratio == null ? null : String.format(Locale.ROOT, "%.2f%%", 100 * ratio))
                .ratio("successRatio", ratio));
    }

    /** From 0 to 1; null where nothing was asked: that says nothing of how well it would be answered. */
    private static @Nullable Double successRatio(OperationStats operations) {
        return operations.total() == 0 ? null : (Double) ((double) operations.successful() / operations.total());
    }

    private static void node(JsonWriter json, NodeHealth node) {
        json.field("address", node.address())
                .field("healthy", known(node.state()))
                .field("failureCount", node.failureCount())
                .field("lastHealthCheck", time(node.lastHealthCheck()))
                .field("poolConnections", node.pool().total());
    }

    /**
     * Writes what health says of one tier.
     *
     * @param json takes the fields
     * @param tier the tier
     */
    public static void tier(JsonWriter json, TierHealth tier) {
        StoreHealth store = tier.store();
        json.field("name", tier.name())
                .field("type", store.type())
                .field("state", word(tier.state()))
                .field("serving", tier.serving())
                .field("breaker", word(tier.state()))
                .field("failureRate", tier.failureRate())
                .field("since", time(tier.since()))
                .field("reason", tier.reason() == null ? null : word(tier.reason()))
                .field("lastFailure", tier.lastFailure())
                .field("lastFailureAt", time(tier.lastFailureAt()))
                .field("available", known(store.state()))
                .field("readYourWrites", store.readYourWrites());
        operations(json, store.operations());
        json.object("latency", latency -> latency(latency, store.operations().latency()))
                .object("pool", pool -> pool(pool, store.pool()))
                .object("reconciliation", depth -> depth.field("dirtyKeys", tier.dirtyKeys())
                        .field("dirtyPrefixes", tier.dirtyPrefixes())
                        .field("dirtyCounters", tier.dirtyCounters())
                        .field("overflowed", tier.overflowed()))
                .field("notes", tier.notes());
    }

    /** Whether something is up; {@code null} if nobody has looked yet. */
    static @Nullable Boolean known(HealthState state) {
        return state == HealthState.UNKNOWN ? null : state == HealthState.UP;
    }

    /**
     * Writes how long something took.
     *
     * @param json takes the fields
     * @param latency what was measured
     */
    public static void latency(JsonWriter json, Latency latency) {
        json.field("mean", millis(latency, Latency::meanMicros))
                .field("p50", millis(latency, Latency::p50Micros))
                .field("p99", millis(latency, Latency::p99Micros))
                .field("p999", millis(latency, Latency::p999Micros))
                .field("max", millis(latency, Latency::maxMicros));
    }

    private static void pool(JsonWriter json, PoolHealth pool) {
        json.field("max", pool.max())
                .field("total", pool.total())
                .field("active", pool.active())
                .field("idle", pool.idle())
                .field("waiting", pool.waiting())
                .field("exhausted", pool.exhausted())
                .field("failedDials", pool.failedDials());
    }

    /**
     * Returns a figure of what was measured.
     *
     * @param latency what was measured
     * @param micros the figure, in microseconds
     * @return it in milliseconds; {@code null} if nothing was measured, as of this process's memory
     */
    public static @Nullable Double millis(Latency latency, ToDoubleFunction<Latency> micros) {
        return latency.count() == 0 ? null : micros.applyAsDouble(latency) / 1_000;
    }

    /**
     * Returns a time as JSON has it.
     *
     * @param instant the time, or {@code null}
     * @return as in {@code 2026-11-28T15:00:00.000Z}
     */
    public static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : MILLIS.format(instant);
    }

    /**
     * Returns a constant's name as JSON has it.
     *
     * @param constant the constant
     * @return its name in lower case
     */
    public static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
