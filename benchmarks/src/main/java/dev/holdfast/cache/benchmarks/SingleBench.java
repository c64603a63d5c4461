package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.Map;

/** {@link SingleStore} beside Jedis and Lettuce, Redisson and GLIDE, on one server. */
final class SingleBench {
    private static final String OURS = "holdfast";
    private static final int SOME = 100;

    private final Report report;
    private final Pace pace;

    SingleBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        try (RedisServer server = Bench.server()) {
            small(server);
            large(server);
        }
    }

    private static SingleStore ours(String host, int port) {
        return SingleStore.of(SingleConfig.of(host, port));
    }

    private static Load.Call get(CacheStore store, Entries entries) {
        return index -> entries.require(index, store.get(entries.key(index)));
    }

    private void small(RedisServer server) throws Exception {
        Entries entries = new Entries("small:", 1_000, 100);
        try (SingleStore store = ours(server.host(), server.port());
                Peers peers = new Peers(server.host(), server.port(), entries)) {
            store.putAll(entries.all(), CacheStore.FOREVER);
            alone(store, entries, peers);
            eight(store, entries, peers);
            sixtyFour(store, entries, peers);
            bulk(store, entries, peers);
            distant(server, entries);
        }
    }

    private void alone(SingleStore store, Entries entries, Peers peers) throws Exception {
        new Contest("GET of 100 B, 1 thread", pace, new Load(entries.count(), 1, false))
                .add(OURS, get(store, entries))
                .add("jedis-8", peers.jedis(8))
                .run()
                .ratio(report, "single.get.t1", OURS, "jedis-8");
    }

    private void eight(SingleStore store, Entries entries, Peers peers) throws Exception {
        Contest contest = new Contest("GET of 100 B, 8 threads", pace, new Load(entries.count(), 8, false))
                .add(OURS, get(store, entries))
                .add("jedis-8", peers.jedis(8))
                .add("lettuce", peers.lettuce());
        informational(contest, peers);
        Contest.Results results = contest.run();
        results.ratio(report, "single.get.t8", OURS, results.best("jedis-8", "lettuce"));
    }

    private void sixtyFour(SingleStore store, Entries entries, Peers peers) throws Exception {
        Contest contest = new Contest("GET of 100 B, 64 threads", pace, new Load(entries.count(), 64, false))
                .add(OURS, get(store, entries))
                .add("jedis-64", peers.jedis(64))
                .add("jedis-5", peers.jedis(5))
                .add("lettuce", peers.lettuce());
        informational(contest, peers);
        Contest.Results results = contest.run();
        results.ratio(report, "single.get.t64", OURS, results.best("jedis-64", "lettuce"));
        results.ratio(report, "single.get.t64.p999", OURS, "jedis-5", Load.Slice::p999);
    }

    /** Those that no figure is measured against. */
    private void informational(Contest contest, Peers peers) {
        if (pace.quick()) {
            return;
        }
        contest.add("lettuce-async-of-" + Peers.BATCH, peers.lettuceAsync());
        contest.add("redisson", peers.redisson());
        Load.Call glide = peers.glide();
        if (glide != null) {
            contest.add("glide", glide);
        }
    }

    private void bulk(SingleStore store, Entries entries, Peers peers) throws Exception {
        new Contest("MGET of 100 keys, 1 thread", pace, new Load(entries.count(), 1, false))
                .add(OURS, index -> entries.require(index, SOME, store.getAll(entries.keys(index, SOME))))
                .add("jedis-8", peers.jedisMget(8, SOME))
                .add("lettuce", peers.lettuceMget(SOME))
                .run()
                .ratio(report, "single.getall", OURS, "jedis-8");
    }

    private void distant(RedisServer server, Entries entries) throws Exception {
        try (TcpProxy proxy = TcpProxy.to(server.host(), server.port())) {
            proxy.delay(Duration.ofMillis(1));
            try (SingleStore store = ours("127.0.0.1", proxy.port());
                    Peers peers = new Peers("127.0.0.1", proxy.port(), entries)) {
                new Contest("GET of 100 B, 64 threads, 2 ms away", pace, new Load(entries.count(), 64, false))
                        .add(OURS, get(store, entries))
                        .add("lettuce", peers.lettuce())
                        .add("jedis-64", peers.jedis(64))
                        .run()
                        .ratio(report, "single.get.t64.rtt2", OURS, "lettuce");
            }
        }
    }

    private void large(RedisServer server) throws Exception {
        Entries entries = new Entries("large:", 200, 16 * 1024);
        try (SingleStore store = ours(server.host(), server.port());
                Peers peers = new Peers(server.host(), server.port(), entries)) {
            for (Map.Entry<String, byte[]> each : entries.all().entrySet()) {
                store.put(each.getKey(), each.getValue(), CacheStore.FOREVER);
            }
            for (int threads : new int[] {8, 64}) {
                Contest.Results results = new Contest(
                                "GET of 16 KiB, " + threads + " threads",
                                pace,
                                new Load(entries.count(), threads, false))
                        .add(OURS, get(store, entries))
                        .add("jedis", peers.jedis(threads))
                        .add("lettuce", peers.lettuce())
                        .run();
                results.ratio(report, "single.get.16k.t" + threads, OURS, results.best("jedis", "lettuce"));
            }
        }
    }

    /** A thousand callers on virtual threads; for a JVM that has them. */
    void virtual() throws Exception {
        Entries entries = new Entries("small:", 1_000, 100);
        try (RedisServer server = Bench.server();
                SingleStore store = ours(server.host(), server.port());
                Peers peers = new Peers(server.host(), server.port(), entries)) {
            store.putAll(entries.all(), CacheStore.FOREVER);
            Contest.Results results = new Contest(
                            "GET of 100 B, 1,000 virtual threads", pace, new Load(entries.count(), 1_000, true))
                    .add(OURS, get(store, entries))
                    .add("jedis-64", peers.jedis(64))
                    .add("lettuce", peers.lettuce())
                    .run();
            results.ratio(report, "single.get.vt1000", OURS, results.best("jedis-64", "lettuce"));
        }
    }
}
