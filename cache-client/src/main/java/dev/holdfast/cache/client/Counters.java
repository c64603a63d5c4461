package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheEvent.EntryUnreadable;
import dev.holdfast.cache.CacheEvent.LeaseExpired;
import dev.holdfast.cache.CacheEvent.LoadFailed;
import dev.holdfast.cache.CacheEvent.StaleServed;
import dev.holdfast.cache.CacheEvent.StoreFailed;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.internal.ForeignText;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what a cache does and tells listeners what goes wrong. */
final class Counters {
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder staleHits = new LongAdder();
    final LongAdder joins = new LongAdder();
    final LongAdder loads = new LongAdder();
    final LongAdder stored = new LongAdder();
    final LongAdder notStored = new LongAdder();
    final LongAdder removals = new LongAdder();
    final LatencyHistogram loadTime = new LatencyHistogram();
    final LatencyHistogram readTime = new LatencyHistogram();

    private final LongAdder loadFailures = new LongAdder();
    private final LongAdder leasesExpired = new LongAdder();
    private final LongAdder unreadable = new LongAdder();
    private final LongAdder misplaced = new LongAdder();
    private final LongAdder failedReads = new LongAdder();
    private final LongAdder failedWrites = new LongAdder();
    private final LongAdder failedRemovals = new LongAdder();
    private static final Logger LOG = LoggerFactory.getLogger(Counters.class);
    private static final String MISPLACED =
            "it was written under another key: a server, a proxy or a client library gave the"
                    + " answer to another question";

    private static final CacheStats NOTHING = new CacheStats(
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Latency.NONE, Latency.NONE, NearStats.NONE);

    private final AtomicLong misplacedEver = new AtomicLong();
    private final String cache;
    private final Events events;
    private final Supplier<NearStats> near;
    /** All that was counted when statistics were last reset. */
    private volatile CacheStats reset = NOTHING;

    /** {@code near}: what was counted ever by what keeps entries near. */
    Counters(String cache, Events events, Supplier<NearStats> near) {
        this.cache = cache;
        this.events = events;
        this.near = near;
    }

    /** The cache's name. */
    String cache() {
        return cache;
    }

    void loadFailed(String storeKey, Throwable cause) {
        loadFailures.increment();
        events.tell(LoadFailed.class, () -> new LoadFailed(cache, storeKey, cause));
    }

    void leaseExpired(String storeKey) {
        loadFailures.increment();
        leasesExpired.increment();
        events.tell(LeaseExpired.class, () -> new LeaseExpired(cache, storeKey));
    }

    void staleServed(String storeKey) {
        staleHits.increment();
        events.tell(StaleServed.class, () -> new StaleServed(cache, storeKey));
    }

    void entryUnreadable(String storeKey, String why) {
        unreadable.increment();
        events.tell(EntryUnreadable.class, () -> new EntryUnreadable(cache, storeKey, why));
    }

    /** An entry was read under another key than it was written under: somebody answers questions that were not asked. */
    void entryMisplaced(String storeKey) {
        misplaced.increment();
        long count = misplacedEver.incrementAndGet();
        if (Long.bitCount(count) == 1) { // powers of two only: each answer may be wrong
            LOG.warn(
                    "cache {}: the entry that was read under {} was written under another key ({} such entries so far): a"
                            + " server, a proxy or a client library gives the answers to other questions. It counts as a miss",
                    cache,
                    ForeignText.shown(storeKey),
                    count);
        }
        entryUnreadable(storeKey, MISPLACED);
    }

    /** How many entries were misplaced, never reset. */
    long misplaced() {
        return misplacedEver.get();
    }

    void readFailed(String operation, CacheException cause) {
        failed(failedReads, operation, cause);
    }

    void writeFailed(String operation, CacheException cause) {
        failed(failedWrites, operation, cause);
    }

    void removalFailed(String operation, CacheException cause) {
        failed(failedRemovals, operation, cause);
    }

    private void failed(LongAdder counter, String operation, CacheException cause) {
        counter.increment();
        events.tell(StoreFailed.class, () -> new StoreFailed(cache, operation, cause));
    }

    /** What was counted since statistics were last reset. */
    CacheStats snapshot(long loadsRunning, long loadsWaiting) {
        CacheStats before = reset;
        return since(before, all(loadsRunning, loadsWaiting, loadTime.snapshot(), readTime.snapshot()));
    }

    /** What was counted ever, without latencies. */
    CacheStats totals(long loadsRunning, long loadsWaiting) {
        return all(loadsRunning, loadsWaiting, Latency.NONE, Latency.NONE);
    }

    private CacheStats all(long loadsRunning, long loadsWaiting, Latency load, Latency read) {
        NearStats front = near.get();
        return new CacheStats(
                hits.sum() + front.hits(),
                misses.sum(),
                staleHits.sum(),
                joins.sum(),
                loads.sum(),
                loadFailures.sum(),
                leasesExpired.sum(),
                loadsRunning,
                loadsWaiting,
                stored.sum(),
                notStored.sum(),
                removals.sum(),
                unreadable.sum(),
                misplaced.sum(),
                failedReads.sum(),
                failedWrites.sum(),
                failedRemovals.sum(),
                load,
                read,
                front);
    }

    private static CacheStats since(CacheStats before, CacheStats now) {
        return new CacheStats(
                now.hits() - before.hits(),
                now.misses() - before.misses(),
                now.staleHits() - before.staleHits(),
                now.joins() - before.joins(),
                now.loads() - before.loads(),
                now.loadFailures() - before.loadFailures(),
                now.leasesExpired() - before.leasesExpired(),
                now.loadsRunning(),
                now.loadsWaiting(),
                now.stored() - before.stored(),
                now.notStored() - before.notStored(),
                now.removals() - before.removals(),
                now.unreadable() - before.unreadable(),
                now.misplaced() - before.misplaced(),
                now.failedReads() - before.failedReads(),
                now.failedWrites() - before.failedWrites(),
                now.failedRemovals() - before.failedRemovals(),
                since(before.loadTime(), now.loadTime()),
                since(before.readTime(), now.readTime()),
                since(before.near(), now.near()));
    }

    private static NearStats since(NearStats before, NearStats now) {
        Map<FlushReason, Long> flushes = new EnumMap<>(FlushReason.class);
        now.flushes().forEach((reason, count) -> flushes.put(reason, count - before.flushes(reason)));
        return new NearStats(
                now.hits() - before.hits(),
                now.misses() - before.misses(),
                now.invalidations() - before.invalidations(),
                flushes,
                now.entries(),
                now.trustedSince());
    }

    private static Latency since(Latency before, Latency now) {
        return now.buckets().since(before.buckets()).summary();
    }

    /** Has {@link #snapshot} begin anew; nothing that is counted meanwhile is lost, and totals go on. */
    void reset() {
        reset = all(0, 0, loadTime.snapshot(), readTime.snapshot());
    }
}
