package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.client.CacheFigures;
import dev.holdfast.cache.micrometer.MeterSet.Name;
import dev.holdfast.cache.spi.EntryUse;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.function.ToLongFunction;

/** The meters of one cache: those of Micrometer's convention for caches, and ours. */
final class CacheMeters implements AutoCloseable {
    private static final Duration[] NO_HISTOGRAM = {};
    private static final Name GETS = new Name("cache.gets", "Reads that found a fresh entry, and those that did not");
    private static final Name PUTS = new Name("cache.puts", "Entries stored");
    private static final Name SIZE = new Name("cache.size", "Entries in this process's memory");
    private static final Name EVICTIONS = new Name("cache.evictions", "Entries evicted from it");
    private static final Name LOADS = new Name("holdfast.cache.loads", "Runs of loaders");
    private static final Name NEAR_GETS =
            new Name("holdfast.cache.near.gets", "Reads that were answered near, and those that went on to the store");
    private static final Name NEAR_FLUSHES =
            new Name("holdfast.cache.near.flushes", "How often all that was near was outdated at once");
    private static final Name STORE_FAILURES =
            new Name("holdfast.cache.store.failures", "Operations that the store did not do");

    private final Cache<?, ?> cache;
    private final CacheFigures figures;
    private final MeterSet conventional;
    private final MeterSet ours;
    private final Timer loaded;
    private final Timer failed;

    /**
     * Registers them.
     *
     * @param conventional has the tags that all caches' meters have
     * @param ours has our tags, the cache's name among them
     */
    CacheMeters(Cache<?, ?> cache, CacheFigures figures, MeterSet conventional, MeterSet ours) {
        this.cache = cache;
        this.figures = figures;
        this.conventional = conventional;
        this.ours = ours;
        count(conventional, GETS, CacheStats::hits, "result", "hit");
        count(conventional, GETS, CacheStats::misses, "result", "miss");
        count(conventional, PUTS, CacheStats::stored);
        if (figures.use() != null) {
            conventional.gauge(SIZE, this, meters -> meters.use(EntryUse::entries));
            conventional.counter(EVICTIONS, this, meters -> meters.use(EntryUse::evictions));
        }
        this.loaded = ours.timer(LOADS, NO_HISTOGRAM, "result", "success");
        this.failed = ours.timer(LOADS, NO_HISTOGRAM, "result", "failure");
        count("stale.hits", "Reads answered by a stale value; they are misses too", CacheStats::staleHits);
        count("load.joins", "Reads that waited for a load which another had begun", CacheStats::joins);
        count("leases.expired", "Loads that did not end within their lease", CacheStats::leasesExpired);
        count("unreadable", "Entries that could not be read; they are misses too", CacheStats::unreadable);
        count(ours, STORE_FAILURES, CacheStats::failedReads, "operation", "read");
        count(ours, STORE_FAILURES, CacheStats::failedWrites, "operation", "write");
        count(ours, STORE_FAILURES, CacheStats::failedRemovals, "operation", "remove");
        ours.gauge(
                new Name("holdfast.cache.loads.active", "Loads that run"),
                this,
                meters -> meters.total(CacheStats::loadsRunning));
        ours.gauge(
                new Name("holdfast.cache.loads.waiting", "Loads that wait for their place"),
                this,
                meters -> meters.total(CacheStats::loadsWaiting));
        if (figures.totals().near().isKept()) {
            near();
        }
    }

    /** Of a cache that keeps entries near. */
    private void near() {
        count(ours, NEAR_GETS, stats -> stats.near().hits(), "result", "hit");
        count(ours, NEAR_GETS, stats -> stats.near().misses(), "result", "miss");
        count("near.invalidations", "Changes of keys that were told", stats -> stats.near()
                .invalidations());
        for (FlushReason reason : FlushReason.values()) {
            String tag = reason.name().toLowerCase(Locale.ROOT);
            count(ours, NEAR_FLUSHES, stats -> stats.near().flushes(reason), "reason", tag);
        }
        ours.gauge(
                new Name("holdfast.cache.near.size", "Entries kept near"),
                this,
                meters -> meters.total(stats -> stats.near().entries()));
        ours.gauge(
                new Name("holdfast.cache.near.trusted", "1 while changes elsewhere are told of"),
                this,
                meters -> meters.total(stats -> stats.near().trustedSince() == null ? 0 : 1));
    }

    private void count(String name, String description, ToLongFunction<CacheStats> which) {
        count(ours, new Name("holdfast.cache.".concat(name), description), which);
    }

    private void count(MeterSet into, Name name, ToLongFunction<CacheStats> which, String... tags) {
        into.counter(name, this, meters -> meters.total(which), tags);
    }

    private double total(ToLongFunction<CacheStats> which) {
        return which.applyAsLong(figures.totals());
    }

    private double use(ToLongFunction<EntryUse> which) {
        EntryUse use = figures.use();
        return use == null ? Double.NaN : which.applyAsLong(use);
    }

    boolean areOf(Cache<?, ?> other) {
        return cache == other;
    }

    void loadEnded(Duration time, boolean success) {
        (success ? loaded : failed).record(time);
    }

    @Override
    public void close() {
        conventional.close();
        ours.close();
    }
}
