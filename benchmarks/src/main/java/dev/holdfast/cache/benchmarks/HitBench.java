package dev.holdfast.cache.benchmarks;

import com.alicp.jetcache.embedded.CaffeineCacheBuilder;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.sun.management.ThreadMXBean;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.runner.RunnerException;

/** What takes nanoseconds: hits in this process, and what the composite adds to them. */
final class HitBench {
    private static final int CALLS = 1_000_000;
    /** So long somebody unknown may be missing from a roll that is new, and what is older than the bound is loaded anew. */
    private static final int NEW_ROLL_SECONDS = 35;

    private final Report report;
    private final Pace pace;

    HitBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void memory() throws RunnerException {
        new NanosContest(MemoryHits.class, 1, pace)
                .run("store", "caffeine")
                .speedup(report, "memory.get.t1", "store", "caffeine");
    }

    void cache() throws RunnerException {
        for (int threads = 1; threads <= 2; threads++) {
            new NanosContest(CacheHits.class, threads, pace)
                    .run("holdfast", "jetcache")
                    .speedup(report, threads == 1 ? "cache.get.hit" : "cache.get.hit.t2", "holdfast", "jetcache");
        }
        NanosContest.Results results = new NanosContest(CacheHits.class, 1, pace)
                .run(
                        pace.quick() ? 1 : pace.rounds(),
                        "holdfastLoaderDecoding",
                        "holdfastLoaderCopying",
                        "storeCopying",
                        "jetcacheLoaderReference",
                        "caffeineLoaderReference",
                        "springLoaderReference",
                        "cache2kReference");
        results.excess(
                report, "engine.overhead.ns", "holdfastLoaderDecoding", "storeCopying", NanosContest.Fork::nanos, "ns");
    }

    void near() throws RunnerException, InterruptedException, IOException {
        agreeing();
        besideCaffeine();
        new NearPushes(report).measure();
        for (int threads = 1; threads <= 2; threads++) {
            String suffix = threads == 1 ? ".t1" : ".t2";
            NanosContest.Results results = new NanosContest(NearHits.class, threads, pace)
                    .run("near", "nearMemory", "caffeine", "jetcacheTwoLevels");
            results.speedup(report, "near.get" + suffix, "near", "caffeine");
            results.excess(
                    report, "near.agree" + suffix + ".ns", "nearAgreeing", "near", NanosContest.Fork::nanos, "ns");
            results.speedup(report, "near.memory.get" + suffix, "nearMemory", "caffeine");
            results.speedup(report, "near.jetcache.get" + suffix, "near", "jetcacheTwoLevels");
        }
    }

    /** Near hits of a cache with a bound within which instances agree, against those of one without. */
    private void agreeing() throws InterruptedException {
        Entries entries = new Entries("small:", 8_192, 100);
        CachePolicy plain = CachePolicy.defaults();
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier(SingleConfig.of(redis.url()))
                        .withoutMemory()
                        .build()) {
            Load.Call agreeing = nearHits(client, "agreeing", plain.withAgreeWithin(Duration.ofSeconds(5)), entries);
            Load.Call unbounded = nearHits(client, "plain", plain, entries);
            TimeUnit.SECONDS.sleep(NEW_ROLL_SECONDS);
            new PairedSlices(entries.count(), 1, 50).ratio(report, "near.agree.t1", agreeing, unbounded);
        }
    }

    /** Near hits against those of Caffeine, of one thread and of two. */
    private void besideCaffeine() throws InterruptedException {
        Entries entries = new Entries("small:", 8_192, 100);
        com.github.benmanes.caffeine.cache.Cache<String, String> caffeine =
                Caffeine.newBuilder().maximumSize(2L * entries.count()).build();
        entries.putTexts(caffeine::put);
        Load.Call peer = index -> {
            if (caffeine.getIfPresent(entries.key(index)) == null) {
                throw new WrongAnswerException("a key is missing");
            }
        };
        com.alicp.jetcache.Cache<String, String> jetcache = CaffeineCacheBuilder.createCaffeineCacheBuilder()
                .limit(2 * entries.count())
                .expireAfterWrite(1, TimeUnit.HOURS)
                .buildCache();
        entries.putTexts(jetcache::put);
        Load.Call local = index -> {
            if (jetcache.get(entries.key(index)) == null) {
                throw new WrongAnswerException("a key is missing");
            }
        };
        try (RedisServer redis = RedisServer.start();
                CacheClient server = CacheClient.builder()
                        .tier(SingleConfig.of(redis.url()))
                        .withoutMemory()
                        .build();
                CacheClient memory = CacheClient.builder().build()) {
            Load.Call overServer =
                    nearHits(server, "plain", CachePolicy.defaults().withTtl(Duration.ofHours(1)), entries);
            Load.Call overMemory =
                    nearHits(memory, "plain", CachePolicy.defaults().withTtl(Duration.ofHours(1)), entries);
            for (int threads = 1; threads <= 2; threads++) {
                PairedSlices slices = new PairedSlices(entries.count(), threads, 50);
                slices.ratio(report, "near.paired.t" + threads, overServer, peer);
                slices.ratio(report, "near.memory.paired.t" + threads, overMemory, peer);
                slices.ratio(report, "near.memory.jetcache.t" + threads, overMemory, local);
            }
        }
    }

    private static Load.Call nearHits(CacheClient client, String name, CachePolicy policy, Entries entries) {
        Cache<String, String> cache = client.cache(name, String.class, String.class)
                .policy(policy)
                .near(NearCache.ofBytes(64L << 20))
                .build();
        String[] texts = entries.texts();
        return index -> WrongAnswerException.require(texts[index], cache.get(entries.key(index), key -> texts[index]));
    }

    void meters() throws RunnerException {
        NanosContest.Results results = new NanosContest(MeteredHits.class, 1, pace)
                .run("here", "hereMetered", "server", "serverMetered", "nothing", "unobserved");
        results.speedup(report, "meters.hit", "hereMetered", "here");
        results.speedup(report, "meters.hit.server", "serverMetered", "server");
        results.excess(report, "meters.unobserved.ns", "unobserved", "nothing", NanosContest.Fork::nanos, "ns");
        results.excess(report, "meters.unobserved.bytes", "unobserved", "nothing", NanosContest.Fork::bytes, "bytes");
    }

    void failover() throws RunnerException {
        for (int threads = 1; threads <= 2; threads++) {
            String name = threads == 1 ? "failover.overhead" : "failover.overhead.t2";
            NanosContest.Results results = new NanosContest(MemoryHits.class, threads, pace).run("composite", "store");
            results.excess(report, name + ".ns", "composite", "store", NanosContest.Fork::nanos, "ns");
        }
        allocation();
    }

    /**
     * What the calling thread allocates, to the byte; JMH counts what other threads allocate meanwhile to the calls.
     */
    private void allocation() {
        MemoryHits hits = new MemoryHits();
        HitKeys keys = new HitKeys();
        MemoryHits.Ours store = new MemoryHits.Ours();
        MemoryHits.Composite composite = new MemoryHits.Composite();
        try {
            double[] more = new double[pace.rounds()];
            for (int i = 0; i < more.length; i++) {
                more[i] = bytesPerCall(() -> hits.composite(composite, keys))
                        - bytesPerCall(() -> hits.store(store, keys));
            }
            report.add("failover.overhead.bytes", Report.median(more), more, "bytes");
        } finally {
            composite.close();
        }
    }

    private static double bytesPerCall(Supplier<byte[]> call) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        // Long enough to be compiled.
        long sum = calls(call);
        long before = threads.getCurrentThreadAllocatedBytes();
        sum += calls(call);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        if (sum == 0) {
            throw new WrongAnswerException("empty values");
        }
        // Caffeine's own upkeep, which falls to some calls, is below half a byte a call.
        return Math.rint((double) allocated / CALLS);
    }

    private static long calls(Supplier<byte[]> call) {
        long sum = 0;
        for (int i = 0; i < CALLS; i++) {
            sum += call.get().length;
        }
        return sum;
    }
}
