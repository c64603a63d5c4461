package dev.holdfast.cache.examples.instances;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Four processes over one Redis, which dies; one of them is killed meanwhile, with the only record of what it has removed. The others know that it is
 * missing, and believe nothing that is older than the bound until it is given up. One row a second: who is present on the roll, who is missing, and the
 * oldest value that any of them returned though another had changed it. The last line sums up.
 */
public final class InstancesDemo {
    private static final int INSTANCES = 4;
    private static final int BOUND = 5;
    private static final int KILL = 5;
    private static final int CRASH = 9;
    private static final int RETURN = 13;
    private static final int END = 50;
    /** A member that was clean so short a while ago is present. */
    private static final long PRESENT_MILLIS = 2_500;

    private final Fleet fleet;
    private boolean alive = true;

    private InstancesDemo(Fleet fleet) {
        this.fleet = fleet;
    }

    /** Plays it; says whether no call failed and nobody was later than the bound. */
    public static boolean play() throws Exception {
        System.out.printf(
                "%n%d processes over one Redis, 12 changes a second; nobody returns what another changed more than %d s ago%n%n",
                INSTANCES, BOUND);
        try (Fleet fleet = new Fleet(INSTANCES, BOUND, 0, 7)) {
            return new InstancesDemo(fleet).run();
        }
    }

    private boolean run() throws Exception {
        System.out.println("second  present  missing   reads  stale  oldest   what happens");
        long begun = System.nanoTime();
        long from = begun;
        for (int second = 1; second <= END; second++) {
            String what = happening(second);
            while (System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(second)) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
            long to = System.nanoTime();
            Fleet.Verdict verdict = fleet.judge(from, to);
            from = to;
            System.out.println(String.format(
                    Locale.ROOT,
                    "%6d  %-17s %6d %6d %4d ms   %s",
                    second,
                    roll(),
                    verdict.reads(),
                    verdict.stale(),
                    verdict.longestStale() / 1_000_000,
                    what));
        }
        Fleet.Verdict all = fleet.judge(begun, System.nanoTime());
        System.out.println(String.format(
                Locale.ROOT,
                "%ninstances: reads=%d errors=%d stale_beyond_bound=%d longest_stale_ms=%d bound_ms=%d own_removals_undone=%d clear_ms=%.1f",
                all.reads(),
                all.errors(),
                all.beyond(),
                all.longestStale() / 1_000_000,
                BOUND * 1_000,
                all.own(),
                clearMillis()));
        return all.errors() == 0 && all.beyond() == 0 && all.own() == 0;
    }

    private String happening(int second) throws Exception {
        switch (second) {
            case 2 -> {
                // Only who looks on knows that nobody was there before; else that takes half a minute.
                fleet.redis().command("ZREM", Roll.KEYS.get(0), "?");
                fleet.redis().command("ZREM", Roll.KEYS.get(1), "?");
                return "the roll is new, and nobody was there before";
            }
            case KILL -> {
                fleet.redis().kill();
                alive = false;
                return "Redis is killed: each answers from its own memory";
            }
            case CRASH -> {
                fleet.crash(INSTANCES - 1);
                return "one process is killed, with its record";
            }
            case RETURN -> {
                fleet.redis().restart(RedisServer.Data.KEEP);
                alive = true;
                return "Redis is back, with what the lost one had removed";
            }
            default -> {
                return "";
            }
        }
    }

    /** Who is present, and who is missing. */
    private String roll() {
        if (!alive) {
            return "?        ?";
        }
        List<?> members = (List<?>) fleet.redis().command("ZRANGE", Roll.KEYS.get(0), "0", "-1", "WITHSCORES");
        long now = System.currentTimeMillis();
        int present = 0;
        int missing = 0;
        for (int i = 0; members != null && i + 1 < members.size(); i += 2) {
            if (!"#".equals(String.valueOf(members.get(i)))) {
                double clean = Double.parseDouble(String.valueOf(members.get(i + 1)));
                present += now - clean <= PRESENT_MILLIS ? 1 : 0;
                missing += now - clean <= PRESENT_MILLIS ? 0 : 1;
            }
        }
        return String.format(Locale.ROOT, "%-8s %-8s", "●".repeat(present), "○".repeat(missing));
    }

    private double clearMillis() {
        Map<String, String> settings =
                Map.of("REDIS_URL", fleet.redis().url(), "CACHE_AGREE_WITHIN", String.valueOf(BOUND));
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            Cache<Integer, Long> cache =
                    client.cache("agreed", Integer.class, Long.class).build();
            cache.put(0, 0L);
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1)); // it is on the roll by then
            long start = System.nanoTime();
            cache.clear();
            return (System.nanoTime() - start) / 1e6;
        }
    }
}
