package dev.holdfast.cache.benchmarks;

import org.openjdk.jmh.runner.RunnerException;

/** What takes nanoseconds: hits in this process, and what the composite adds to them. */
final class HitBench {
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
        new NanosContest(CacheHits.class, 1, pace)
                .run("holdfast", "jetcache")
                .speedup(report, "cache.get.hit", "holdfast", "jetcache");
        int rounds = pace.quick() ? 1 : pace.rounds();
        new NanosContest(CacheHits.class, 1, pace)
                .run(rounds, "holdfastWithLoader", "jetcacheWithLoader", "caffeineWithLoader", "spring", "cache2k");
    }

    void failover() throws RunnerException {
        for (int threads = 1; threads <= 2; threads++) {
            String name = threads == 1 ? "failover.overhead" : "failover.overhead.t2";
            NanosContest.Results results = new NanosContest(MemoryHits.class, threads, pace).run("composite", "store");
            results.excess(report, name + ".ns", "composite", "store", NanosContest.Fork::nanos, "ns");
            results.excess(report, name + ".bytes", "composite", "store", NanosContest.Fork::bytes, "bytes");
        }
    }
}
