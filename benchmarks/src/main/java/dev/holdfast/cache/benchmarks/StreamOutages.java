package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.RequestClient;
import dev.holdfast.streams.RequestRejectedException;
import dev.holdfast.streams.RequestTimeoutException;
import java.time.Duration;

/** What callers with a limit of 3 s see while Redis is killed and comes back, is frozen, is flushed, or fails over. */
final class StreamOutages {
    private static final Duration LIMIT = Duration.ofSeconds(3);

    private StreamOutages() {}

    /** Something that happens to Redis; returns when Redis is well again. */
    private interface Outage {
        void happen() throws Exception;
    }

    static void measure() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            run("killed for 3 s and back with its AOF", redis.url(), () -> {
                redis.kill();
                Thread.sleep(3_000);
                redis.restart(RedisServer.Data.KEEP);
            });
        }
        try (RedisServer redis = RedisServer.start()) {
            run("frozen for 10 s", redis.url(), () -> {
                redis.freeze();
                Thread.sleep(10_000);
                redis.thaw();
            });
        }
        try (RedisServer redis = RedisServer.start()) {
            run("flushed", redis.url(), () -> redis.command("FLUSHALL"));
        }
        try (RedisCluster cluster = RedisCluster.start()) {
            run("a master of a 3+3 cluster killed", cluster.seeds(), () -> {
                RedisServer victim = cluster.masterOf("{rr}:requests");
                victim.kill();
                while (cluster.masterOf("{rr}:requests") == victim) {
                    Thread.sleep(20);
                }
            });
        }
    }

    private static void run(String what, String servers, Outage outage) throws Exception {
        try (StreamWorker.Group group = new StreamWorker.Group("ours", servers, 3, 50, 5_000);
                StreamLoad load = new StreamLoad(StreamWorker.config(servers), LIMIT)) {
            Thread callers = StreamFigures.inBackground(() -> load.closed(10, Duration.ofSeconds(25)));
            Thread.sleep(5_000);
            outage.happen();
            long back = System.nanoTime();
            long recovered = recovered(load.client(0), back);
            callers.join();
            StreamFigures.print(
                    "q6: %s: calls=%d answered=%d rejected=%d timed_out=%d over_limit_ms=%d recovered_ms=%d left=%d",
                    what,
                    load.calls.sum(),
                    load.answered.sum(),
                    load.rejected.sum(),
                    load.timedOut.sum(),
                    load.over.get() / 1_000_000,
                    recovered,
                    load.client(0).queue().length());
            group.kill(0);
        }
    }

    /** When a call on each of the partitions had been answered, from the moment Redis was well again. */
    private static long recovered(RequestClient client, long back) throws InterruptedException {
        for (int answered = 0, attempt = 0; answered < 12; attempt++) {
            try {
                client.callAndWait("back" + answered + "-" + attempt, new byte[1], Duration.ofMillis(500));
                answered++;
            } catch (RequestRejectedException | RequestTimeoutException e) {
                Thread.sleep(10);
            }
        }
        return (System.nanoTime() - back) / 1_000_000;
    }
}
