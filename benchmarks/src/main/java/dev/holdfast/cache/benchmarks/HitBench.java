package dev.holdfast.cache.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.Supplier;
import org.openjdk.jmh.runner.RunnerException;

/** What takes nanoseconds: hits in this process, and what the composite adds to them. */
final class HitBench {
    private static final int CALLS = 1_000_000;

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

    void near() throws RunnerException {
        for (int threads = 1; threads <= 2; threads++) {
            String suffix = threads == 1 ? ".t1" : ".t2";
            NanosContest.Results results = new NanosContest(NearHits.class, threads, pace)
                    .run("near", "nearAgreeing", "nearMemory", "caffeine", "jetcacheTwoLevels");
            results.speedup(report, "near.get" + suffix, "near", "caffeine");
            results.excess(
                    report, "near.agree" + suffix + ".ns", "nearAgreeing", "near", NanosContest.Fork::nanos, "ns");
            results.speedup(report, "near.memory.get" + suffix, "nearMemory", "caffeine");
            results.speedup(report, "near.jetcache.get" + suffix, "near", "jetcacheTwoLevels");
        }
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
