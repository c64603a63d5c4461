package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.TierHealth;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What each kind of MBean shows. Durations are in microseconds where the name says so. */
final class ManagedBeans {
    private static final ManagedBean.Kind<CacheClient, CacheHealth> CLIENT = client();
    private static final ManagedBean.Kind<String, TierHealth> TIER = tier();
    private static final ManagedBean.Kind<String, NodeHealth> NODE = node();
    private static final ManagedBean.Kind<CacheEngine<?, ?>, CacheStats> CACHE = cache();

    private ManagedBeans() {}

    static ManagedBean<CacheClient, CacheHealth> client(CacheClient client, Supplier<CacheHealth> health) {
        return CLIENT.of(client, health);
    }

    private static ManagedBean.Kind<CacheClient, CacheHealth> client() {
        ManagedBean.Description<CacheClient, CacheHealth> bean = ManagedBean.<CacheClient, CacheHealth>describe(
                        "A Holdfast cache client")
                .text("Status", "disabled, healthy, degraded or critical", h -> HealthJson.word(h.status()))
                .flag("Ready", "whether some tier answers", CacheHealth::ready)
                .text("Type", "the kind of the tier that answers now", CacheHealth::type)
                .text("ServingTier", "the tier that answers now; empty if none does", ManagedBeans::serving)
                .texts("Tiers", "every configured tier, in order", h -> h.tiers().stream()
                        .map(TierHealth::name)
                        .toList())
                .flag("Distributed", "whether other processes see the same entries", CacheHealth::distributed)
                .flag("ReadYourWrites", "whether reads see this client's own writes", CacheHealth::readYourWrites)
                .number("UptimeMillis", "how long the client has been open", h -> h.uptime()
                        .toMillis())
                .number("DirtyKeys", "keys to be removed from tiers that missed it", ManagedBeans::dirtyKeys)
                .text("Notes", "what wants an operator's attention", CacheHealth::notes)
                .text("HealthJson", "the whole health, in JSON", HealthJson::write)
                .operation("resetStatistics", "sets the counts of all caches to zero", client -> client.registry()
                        .all()
                        .forEach(CacheEngine::resetStats))
                .operation("invalidateAll", "clears every cache that is open here", CacheClient::clearAll)
                .operation(
                        "forceFailover",
                        "takes a tier out until forceFailback",
                        "tier",
                        "the tier's name",
                        CacheClient::forceFailover)
                .operation("forceFailback", "takes back every tier that answers, now", CacheClient::forceFailback);
        work(bean, h -> h.operations().total(), h -> h.operations().failed(), h -> h.operations()
                .latency());
        return bean.kind();
    }

    static ManagedBean<String, TierHealth> tier(String name, Supplier<TierHealth> health) {
        return TIER.of(name, health);
    }

    private static ManagedBean.Kind<String, TierHealth> tier() {
        ManagedBean.Description<String, TierHealth> bean = ManagedBean.<String, TierHealth>describe(
                        "A tier of a cache client")
                .text("Type", "its kind", t -> t.store().type())
                .text("State", "CLOSED (admits calls), OPEN (out) or RECOVERING", t -> t.state()
                        .name())
                .flag("Serving", "whether calls go to it now", TierHealth::serving)
                .flag(
                        "Available",
                        "whether the last heard of it is that it serves; null if nobody looked yet",
                        t -> HealthJson.known(t.store().state()))
                .time("Since", "when it came into this state", TierHealth::since)
                .text(
                        "Reason",
                        "why it was last opened",
                        t -> t.reason() == null ? null : t.reason().name())
                .decimal("FailureRate", "the share of its last 20 calls that failed, 0 to 1", TierHealth::failureRate)
                .text("LastFailure", "the last failure", TierHealth::lastFailure)
                .time("LastFailureTime", "when that was", TierHealth::lastFailureAt)
                .number("DirtyKeys", "keys to be removed there", t -> (long) t.dirtyKeys())
                .number("DirtyPrefixes", "prefixes to be removed there", t -> (long) t.dirtyPrefixes())
                .number("DirtyCounters", "counters with increments to be added there", t -> (long) t.dirtyCounters())
                .flag("Overflowed", "whether the record of changes ran over", TierHealth::overflowed)
                .text("Notes", "what wants an operator's attention", TierHealth::notes)
                .texts("Nodes", "its servers", t -> t.store().nodes().stream()
                        .map(NodeHealth::address)
                        .toList());
        work(
                bean,
                t -> t.store().operations().total(),
                t -> t.store().operations().failed(),
                t -> t.store().operations().latency());
        pool(bean, t -> t.store().pool());
        return bean.kind();
    }

    static ManagedBean<String, NodeHealth> node(String address, Supplier<NodeHealth> health) {
        return NODE.of(address, health);
    }

    private static ManagedBean.Kind<String, NodeHealth> node() {
        ManagedBean.Description<String, NodeHealth> bean = ManagedBean.<String, NodeHealth>describe(
                        "A server of a tier")
                .text("Address", "host:port", NodeHealth::address)
                .text("Role", "master or replica", NodeHealth::role)
                .flag("Healthy", "whether it answers; null if nobody looked yet", n -> HealthJson.known(n.state()))
                .number("FailureCount", "probes failed in a row", n -> (long) n.failureCount())
                .time("LastHealthCheck", "when it was last probed", NodeHealth::lastHealthCheck)
                .number("Slots", "hash slots of a cluster that it serves", n -> (long) n.slots());
        pool(bean, NodeHealth::pool);
        return bean.kind();
    }

    static ManagedBean<CacheEngine<?, ?>, CacheStats> cache(CacheEngine<?, ?> cache) {
        return CACHE.of(cache, cache::stats);
    }

    private static ManagedBean.Kind<CacheEngine<?, ?>, CacheStats> cache() {
        ManagedBean.Description<CacheEngine<?, ?>, CacheStats> bean =
                ManagedBean.<CacheEngine<?, ?>, CacheStats>describe("A cache")
                        .number("Hits", "reads answered by a fresh entry", CacheStats::hits)
                        .number("Misses", "reads that found no fresh entry", CacheStats::misses)
                        .decimal("HitRatio", "hits of all answered reads, 0 to 1", CacheStats::hitRatio)
                        .number("StaleHits", "reads answered by a stale value", CacheStats::staleHits)
                        .number("Joins", "reads that waited for another's load", CacheStats::joins)
                        .number("Loads", "loads that ended", CacheStats::loads)
                        .number("LoadFailures", "loads that failed", CacheStats::loadFailures)
                        .number("LeasesExpired", "loads that did not end in time", CacheStats::leasesExpired)
                        .number("LoadsRunning", "loads that run now", CacheStats::loadsRunning)
                        .number("LoadsWaiting", "loads that wait for their place now", CacheStats::loadsWaiting)
                        .number("Stored", "entries stored", CacheStats::stored)
                        .number("NotStored", "loaded values invalidated before they were stored", CacheStats::notStored)
                        .number("Removals", "keys removed by callers", CacheStats::removals)
                        .number("Unreadable", "entries that could not be read", CacheStats::unreadable)
                        .number(
                                "Misplaced",
                                "entries written under another key than they were read under",
                                CacheStats::misplaced)
                        .number("FailedReads", "reads that the store did not answer", CacheStats::failedReads)
                        .number("FailedWrites", "writes that the store did not take", CacheStats::failedWrites)
                        .number("FailedRemovals", "removals that the store did not do", CacheStats::failedRemovals)
                        .number("NearHits", "reads answered near, without the store", c -> c.near()
                                .hits())
                        .number("NearMisses", "reads that went on to the store", c -> c.near()
                                .misses())
                        .number("NearEntries", "entries kept near", c -> c.near()
                                .entries())
                        .number("NearInvalidations", "changes of keys that were told", c -> c.near()
                                .invalidations())
                        .number(
                                "NearFlushes",
                                "how often all that was near was outdated at once",
                                c -> c.near().flushes().values().stream()
                                        .mapToLong(Long::longValue)
                                        .sum())
                        .text(
                                "NearFlushReasons",
                                "how often for which reason",
                                c -> c.near().flushes().isEmpty()
                                        ? null
                                        : new TreeMap<>(c.near().flushes()).toString())
                        .time(
                                "NearTrustedSince",
                                "since when changes elsewhere have been told of; null if they are not, or nothing is kept near",
                                c -> c.near().trustedSince())
                        .operation("resetStatistics", "sets every count to zero", CacheEngine::resetStats)
                        .operation("invalidateAll", "removes every key of this cache", CacheEngine::clear);
        latency(bean, "Load", CacheStats::loadTime);
        latency(bean, "Read", CacheStats::readTime);
        return bean.kind();
    }

    private static <T, S> void work(
            ManagedBean.Description<T, S> bean,
            Function<S, Long> total,
            Function<S, Long> failed,
            Function<S, Latency> latency) {
        bean.number("Operations", "operations since the store was created", total)
                .number("FailedOperations", "those that got no answer", failed);
        latency(bean, "Operation", latency);
    }

    private static <T, S> void latency(ManagedBean.Description<T, S> bean, String what, Function<S, Latency> latency) {
        bean.decimal(what + "MeanMicros", "mean duration", measured(latency, Latency::meanMicros))
                .decimal(what + "P50Micros", "median duration", measured(latency, Latency::p50Micros))
                .decimal(what + "P99Micros", "99th percentile", measured(latency, Latency::p99Micros))
                .decimal(what + "P999Micros", "99.9th percentile", measured(latency, Latency::p999Micros))
                .decimal(what + "MaxMicros", "longest", measured(latency, Latency::maxMicros));
    }

    /** {@code null} if nothing was measured. */
    private static <S> Function<S, @Nullable Double> measured(
            Function<S, Latency> latency, Function<Latency, Double> figure) {
        return taken -> {
            Latency figures = latency.apply(taken);
            return figures.count() == 0 ? null : figure.apply(figures);
        };
    }

    private static <T, S> void pool(ManagedBean.Description<T, S> bean, Function<S, PoolHealth> pool) {
        bean.number("PoolMax", "most connections", s -> (long) pool.apply(s).max())
                .number("PoolTotal", "open connections", s ->
                        (long) pool.apply(s).total())
                .number("PoolActive", "connections in use", s ->
                        (long) pool.apply(s).active())
                .number("PoolIdle", "connections not in use", s ->
                        (long) pool.apply(s).idle())
                .number("PoolWaiting", "callers that wait for one", s ->
                        (long) pool.apply(s).waiting())
                .number("PoolExhausted", "how often one waited in vain", s -> pool.apply(s)
                        .exhausted())
                .number("PoolFailedDials", "how often one could not be opened", s -> pool.apply(s)
                        .failedDials());
    }

    private static String serving(CacheHealth health) {
        return health.tiers().stream()
                .filter(TierHealth::serving)
                .map(TierHealth::name)
                .findFirst()
                .orElse("");
    }

    private static Long dirtyKeys(CacheHealth health) {
        return health.tiers().stream().mapToLong(TierHealth::dirtyKeys).sum();
    }
}
