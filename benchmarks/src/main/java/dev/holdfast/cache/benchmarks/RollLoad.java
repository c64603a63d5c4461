package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * What a roll of a thousand members that say how they are as often as a bound of five or ten seconds wants costs a server, by its own account of its
 * processor's time.
 */
final class RollLoad {
    private static final int MEMBERS = 1_000;
    private static final Duration FORGET = Duration.ofSeconds(30);
    private static final int SECONDS = 20;
    private static final byte[] VALUE = new byte[8];

    private RollLoad() {}

    static boolean run() throws Exception {
        run(5, true);
        run(10, false);
        return run(10, true) <= 0.03;
    }

    /** {@code beats}: else a plain SET in the place of each beat, for what a command costs this server at that pace, whatever it does. */
    private static double run(int bound, boolean beats) throws Exception {
        Duration period = Duration.ofSeconds(bound).dividedBy(5);
        try (RedisServer redis = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            ScheduledExecutorService members = Executors.newSingleThreadScheduledExecutor();
            LongAdder said = new LongAdder();
            long[] version = new long[MEMBERS];
            for (int i = 0; i < MEMBERS; i++) {
                int member = i;
                Future<?> unused = members.scheduleAtFixedRate(
                        () -> {
                            if (beats) {
                                version[member] = beat(store, member, period, version[member]);
                            } else {
                                store.put("m" + member, VALUE, FORGET);
                            }
                            said.increment();
                        },
                        member,
                        period.toMillis(),
                        TimeUnit.MILLISECONDS);
            }
            Thread.sleep(2_000);
            double before = processorSeconds(redis);
            long saidBefore = said.sum();
            Thread.sleep(SECONDS * 1_000L);
            double used = (processorSeconds(redis) - before) / SECONDS;
            long count = said.sum() - saidBefore;
            members.shutdownNow();
            double each = used * SECONDS * 1e6 / count;
            System.out.println(String.format(
                    Locale.ROOT,
                    "roll: %s bound_s=%d members=%d per_second=%d core_percent=%.1f micros_each=%.0f of_these_in_the_script=%.0f",
                    beats ? "beats" : "plain_sets",
                    bound,
                    MEMBERS,
                    count / SECONDS,
                    used * 100,
                    each,
                    scriptMicros(redis)));
            return used;
        }
    }

    private static long beat(SingleStore store, int member, Duration period, long version) {
        Beat beat = new Beat(
                "m" + member,
                Beat.Standing.CLEAN,
                System.currentTimeMillis() - 1,
                -1,
                period,
                FORGET,
                false,
                Map.of(),
                version);
        Roll roll = store.beat(beat, Duration.ofSeconds(10));
        return roll.version();
    }

    private static double scriptMicros(RedisServer redis) {
        return String.valueOf(redis.command("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_evalsha:"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll(".*usec_per_call=([0-9.]+).*", "$1")))
                .sum();
    }

    private static double processorSeconds(RedisServer redis) {
        return String.valueOf(redis.command("INFO", "cpu"))
                .lines()
                .filter(line -> line.startsWith("used_cpu_sys:") || line.startsWith("used_cpu_user:"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(':') + 1)))
                .sum();
    }
}
