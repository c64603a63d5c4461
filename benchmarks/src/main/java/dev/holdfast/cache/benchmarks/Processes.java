package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.examples.instances.Fleet;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Four processes over one server, a cluster and an Upstash database through one phase of trouble after the other. For each phase: reads, loads, errors, reads of what some process had
 * changed before (stale), the longest time since that, how many of these are beyond the bound, and reads of what the very process had changed.
 * {@code -Dfaults=processes[:PHASE[+PHASE]][@SECONDS[+SECONDS]]}: those phases only, with that {@code CACHE_AGREE_WITHIN}; 0 for none.
 */
final class Processes {
    private static final int INSTANCES = 4;
    /** The roll is new, and counts somebody as missing who may have been on one before. */
    private static final Duration WARM = Duration.ofSeconds(34);

    private static final Duration AFTER = Duration.ofSeconds(12);

    private Processes() {}

    /** Trouble, which ends by itself. */
    private interface Trouble {
        void make(Fleet fleet) throws Exception;
    }

    private static Map<String, Trouble> phases() {
        Map<String, Trouble> phases = new LinkedHashMap<>();
        phases.put("steady", fleet -> pause(Duration.ofSeconds(20)));
        phases.put("killed", fleet -> {
            fleet.redis().kill();
            pause(Duration.ofSeconds(10));
            fleet.redis().restart(RedisServer.Data.KEEP);
        });
        phases.put("frozen", fleet -> {
            fleet.redis().freeze();
            pause(Duration.ofSeconds(10));
            fleet.redis().thaw();
        });
        phases.put("cut", fleet -> {
            fleet.proxy(0).halfOpen();
            pause(Duration.ofSeconds(10));
            fleet.proxy(0).pass();
        });
        phases.put("flapping", fleet -> {
            for (int i = 0; i < 5; i++) {
                fleet.redis().kill();
                pause(Duration.ofSeconds(3));
                fleet.redis().restart(RedisServer.Data.KEEP);
                pause(Duration.ofSeconds(7));
            }
        });
        phases.put("paused", fleet -> {
            fleet.signal("STOP", 1);
            pause(Duration.ofSeconds(20));
            fleet.signal("CONT", 1);
        });
        phases.put("roll", fleet -> {
            fleet.proxy(2).halfOpen();
            pause(Duration.ofSeconds(4));
            Roll.KEYS.forEach(key -> fleet.redis().command("DEL", key));
            pause(Duration.ofSeconds(8));
            fleet.proxy(2).pass();
        });
        phases.put("scripts", fleet -> {
            fleet.redis().command("ACL", "SETUSER", "default", "-eval", "-evalsha");
            pause(Duration.ofSeconds(4));
            fleet.proxy(3).halfOpen();
            pause(Duration.ofSeconds(8));
            fleet.proxy(3).pass();
            pause(Duration.ofSeconds(8));
            fleet.redis().command("ACL", "SETUSER", "default", "+@all");
        });
        phases.put("crash", fleet -> {
            fleet.redis().kill();
            pause(Duration.ofSeconds(6));
            fleet.crash(3);
            fleet.start(3);
            pause(Duration.ofSeconds(4));
            fleet.redis().restart(RedisServer.Data.KEEP);
            // Until whoever is missing is struck off, and more.
            pause(Duration.ofSeconds(45));
        });
        return phases;
    }

    private static void pause(Duration time) throws InterruptedException {
        Thread.sleep(time.toMillis());
    }

    static boolean run(String wanted) throws Exception {
        String[] parts = wanted.split("@", -1);
        List<String> names = parts[0].isEmpty() ? List.of() : List.of(parts[0].split("\\+", -1));
        boolean kept = true;
        for (String within : (parts.length > 1 ? parts[1] : "5+0").split("\\+", -1)) {
            kept &= run(names, Integer.parseInt(within));
        }
        return kept;
    }

    private static boolean run(List<String> names, int within) throws Exception {
        boolean kept = true;
        if (names.isEmpty() || names.contains("shard")) {
            kept = ofCluster(within);
        }
        if (names.isEmpty() || names.contains("upstash")) {
            kept &= ofUpstash(within);
        }
        if (List.of("shard", "upstash").containsAll(names) && !names.isEmpty()) {
            return kept;
        }
        try (Fleet fleet = new Fleet(INSTANCES, within, 0, 7)) {
            pause(WARM);
            for (Map.Entry<String, Trouble> phase : phases().entrySet()) {
                if (names.isEmpty() || names.contains(phase.getKey())) {
                    kept &= play(fleet, phase.getKey(), phase.getValue(), within);
                }
            }
        }
        return kept;
    }

    /** A third of the keys loses its master, with the roll or without. */
    private static boolean ofCluster(int within) throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                        .masters(3)
                        .replicasPerMaster(0)
                        .requireFullCoverage(false)
                        .start();
                Fleet fleet = new Fleet(
                        INSTANCES,
                        within,
                        0,
                        7,
                        Map.of("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", cluster.seeds()))) {
            pause(WARM);
            boolean kept = true;
            RedisServer ofRoll = cluster.masterOf(Roll.KEYS.get(0));
            for (RedisServer master : cluster.masters()) {
                String name = master == ofRoll ? "shard-of-roll" : "shard";
                Trouble trouble = same -> {
                    master.kill();
                    pause(Duration.ofSeconds(10));
                    master.restart(RedisServer.Data.KEEP);
                };
                kept &= play(fleet, name, trouble, within);
            }
            return kept;
        }
    }

    private static boolean ofUpstash(int within) throws Exception {
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start(redis.host() + ":" + redis.port(), "secret");
                Fleet fleet = new Fleet(
                        INSTANCES,
                        within,
                        0,
                        7,
                        Map.of("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", "secret"))) {
            pause(WARM);
            Trouble trouble = same -> {
                redis.kill();
                pause(Duration.ofSeconds(10));
                redis.restart(RedisServer.Data.KEEP);
            };
            return play(fleet, "upstash", trouble, within);
        }
    }

    private static boolean play(Fleet fleet, String name, Trouble trouble, int within) throws Exception {
        long begun = System.nanoTime();
        trouble.make(fleet);
        long calm = System.nanoTime();
        pause(AFTER);
        Fleet.Verdict verdict = fleet.judge(begun, System.nanoTime());
        System.out.println(String.format(
                Locale.ROOT,
                "processes: phase=%s within_s=%d reads=%d loads=%d errors=%d stale=%d longest_stale_ms=%d"
                        + " stale_beyond_bound=%d own_removals_undone=%d last_stale_ms=%d",
                name,
                within,
                verdict.reads(),
                verdict.loads(),
                verdict.errors(),
                verdict.stale(),
                verdict.longestStale() / 1_000_000,
                verdict.beyond(),
                verdict.own(),
                verdict.stale() == 0 ? 0 : (verdict.lastStale() - calm) / 1_000_000));
        return verdict.errors() == 0 && verdict.own() == 0 && verdict.beyond() == 0;
    }
}
