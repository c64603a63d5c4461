package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;

/** What the layers above a store on a server cost: {@code Cache( Failover( single > memory ) )} beside the store itself. */
final class EngineBench {
    private final Report report;
    private final Pace pace;

    EngineBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        try (RedisServer server = Bench.server();
                SingleStore bare = store(server);
                FailoverStore composite = FailoverStore.builder()
                        .tier("single", store(server))
                        .memoryTier("memory", () -> MemoryStore.create(64L << 20))
                        .build();
                CacheClient client = CacheClient.builder()
                        .tier("single", store(server))
                        .memory(() -> MemoryStore.create(64L << 20))
                        .build()) {
            Entries entries = new Entries("engine:", 1_000, 100);
            Cache<String, String> cache =
                    client.cache("engine", String.class, String.class).build();
            String[] texts = entries.texts();
            entries.putTexts(cache::put);
            bare.putAll(entries.all(), CacheStore.FOREVER);
            for (int threads : new int[] {1, 8}) {
                Contest.Results results = new Contest(
                                "the layers over one server, " + threads + " threads",
                                pace,
                                new Load(entries.count(), threads, false))
                        .add("store", index -> entries.require(index, bare.get(entries.key(index))))
                        .add("composite", index -> entries.require(index, composite.get(entries.key(index))))
                        .add(
                                "cache",
                                index -> WrongAnswerException.require(texts[index], cache.get(entries.key(index))))
                        .run();
                results.ratio(report, "engine.overhead.t" + threads, "cache", "store");
                results.ratio(report, "failover.single.t" + threads, "composite", "store");
            }
        }
    }

    private static SingleStore store(RedisServer server) {
        return SingleStore.of(SingleConfig.of(server.host(), server.port()));
    }
}
