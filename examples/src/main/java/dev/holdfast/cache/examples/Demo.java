package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.examples.instances.InstancesDemo;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Shows what happens to an application when its Redis dies: nothing. Eight workers look up classes of the JDK through one
 * cache; the Redis behind it is killed, a hundred keys are removed while it is away, it returns with its old data, and the cache
 * goes back to it without serving one of the hundred. One row a second; the last line sums up. Ends with 1 if a call
 * failed, a removed key came back, or the cache did not change tiers as it should.
 */
public final class Demo {
    private static final int KILL = 4;
    private static final int REMOVE = 6;
    private static final int RETURN = 9;
    private static final int END = 18;
    private static final int REMOVALS = 100;
    private static final long SEED = 20_240_901;

    private final DemoServers servers;
    private final Cache<String, ClassFacts> cache;
    private final ClassFiles classes;
    private final Lookups lookups;
    private final TierWatch watch;
    private final long origin;
    private CacheStats before;
    private long callsBefore;
    private int secondBefore;
    private long killedAt;
    private long backAt;
    private boolean returnSeen;

    private Demo(DemoServers servers, CacheClient client, ClassFiles classes) {
        this.servers = servers;
        this.classes = classes;
        this.cache = client.cache("classes", String.class, ClassFacts.class).build();
        this.before = cache.stats();
        this.origin = System.nanoTime();
        this.watch = new TierWatch(client, servers.type());
        this.lookups = new Lookups(cache, classes, origin);
    }

    /**
     * Runs the demo that the system property {@code demo} names: {@code single}, {@code two}, {@code cluster}, {@code webhooks}, {@code
     * near}, {@code streams}, {@code monitor}, {@code instances}, {@code rollout} or {@code mixed}; or {@code service}, over the servers that the
     * environment names, until it is ended.
     */
    public static void main(String[] args) throws Exception {
        String which = System.getProperty("demo", "single");
        if (which.equals("webhooks")) {
            Webhooks.main(args);
            return;
        }
        if (which.equals("service")) {
            CachedService.main(args);
            return;
        }
        if (which.equals("streams")) {
            System.exit(StreamsDemo.play() ? 0 : 1);
        }
        if (which.equals("rollout")) {
            System.exit(new Rollout(Rollout.Plan.USUAL).play().allMet() ? 0 : 1);
        }
        if (which.equals("instances")) {
            System.exit(InstancesDemo.play() ? 0 : 1);
        }
        if (which.equals("mixed")) {
            System.exit(Mixed.play() ? 0 : 1);
        }
        if (which.equals("near")) {
            System.exit(new NearDemo(30).play() ? 0 : 1);
        }
        if (which.equals("monitor")) {
            System.exit(new MonitorDemo(MonitorDemo.Plan.USUAL, System.in).play() ? 0 : 1);
        }
        boolean good;
        ClassFiles classes = new ClassFiles(SEED);
        try (DemoServers servers = servers(which);
                CacheClient client = CacheClient.from(servers.settings())) {
            System.out.printf(
                    Locale.ROOT,
                    "%n%,d classes of the JDK, 8 workers, cache over %s%n%n",
                    classes.count(),
                    servers.tiers());
            good = new Demo(servers, client, classes).run();
        }
        System.exit(good ? 0 : 1);
    }

    private static DemoServers servers(String which) {
        return switch (which) {
            case "single" -> new SingleRedis();
            case "two" -> new TwoRemotes();
            case "cluster" -> new SixNodes();
            default ->
                throw new IllegalArgumentException(
                        "-Ddemo=" + which
                                + " is not known; known are single, two, cluster, webhooks, near, streams, monitor, instances, rollout, mixed and service");
        };
    }

    private boolean run() {
        System.out.println(" sec  answered by       calls/s   hits    p99 ms  errors");
        int late = servers.prelude();
        for (int second = 1; second <= END + late; second++) {
            List<String> events = new ArrayList<>();
            happen(second - 1 - late, events);
            // Starting a cluster takes some of them.
            int gone = (int) TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - origin);
            late += Math.max(0, gone + 1 - second);
            second = Math.max(second, gone + 1);
            Pause.until(origin + TimeUnit.SECONDS.toNanos(second));
            row(second, events);
        }
        lookups.close();
        watch.close();
        return summary();
    }

    private void happen(int second, List<String> events) {
        String also = servers.also(second);
        if (!also.isEmpty()) {
            events.add(also);
        }
        switch (second) {
            case KILL -> {
                watch.arm();
                killedAt = System.nanoTime();
                servers.kill();
                events.add(servers.type() + " was killed (SIGKILL)");
            }
            case REMOVE -> {
                hottest().forEach(lookups::remove);
                events.add(REMOVALS + " of the busiest keys were removed");
            }
            case RETURN -> {
                servers.restart();
                backAt = System.nanoTime();
                long old = hottest().stream()
                        .filter(name -> servers.holds("classes:" + name))
                        .count();
                events.add(String.format(
                        Locale.ROOT,
                        "it is back with its %,d old entries, %d of the removed among them",
                        servers.entries(),
                        old));
            }
            default -> {}
        }
    }

    private List<String> hottest() {
        List<String> names = new ArrayList<>();
        for (int rank = 0; rank < REMOVALS; rank++) {
            names.add(classes.name(rank));
        }
        return names;
    }

    private void row(int second, List<String> events) {
        if (watch.returnedAt() != 0 && !returnSeen) {
            returnSeen = true;
            events.add("reconciled, " + servers.type() + " serves again");
        }
        CacheStats now = cache.stats();
        long hits = now.hits() - before.hits();
        long reads = hits + now.misses() - before.misses();
        long calls = lookups.calls();
        System.out.printf(
                Locale.ROOT,
                "%4d  %-14s %,10d  %4.0f %%  %8.2f  %6d  %s%n",
                second,
                watch.tier(),
                (calls - callsBefore) / (second - secondBefore),
                reads == 0 ? 0 : 100.0 * hits / reads,
                lookups.takeSecond().snapshot().p99Micros() / 1_000,
                lookups.errors(),
                String.join("; ", events));
        before = now;
        callsBefore = calls;
        secondBefore = second;
    }

    private boolean summary() {
        System.out.printf(
                Locale.ROOT,
                "%ndemo: calls=%d errors=%d longest_call_ms=%.1f failover_ms=%.1f failback_ms=%.1f resurrected=%d"
                        + " hit_ratio=%.3f%n",
                lookups.calls(),
                lookups.errors(),
                lookups.longestMillis(),
                millis(killedAt, watch.leftAt()),
                millis(backAt, watch.returnedAt()),
                lookups.resurrected(),
                cache.stats().hitRatio());
        return lookups.errors() == 0 && lookups.resurrected() == 0 && watch.leftAt() > 0 && watch.returnedAt() > 0;
    }

    /** -1 for what never happened. */
    private static double millis(long from, long to) {
        return to == 0 ? -1 : (to - from) / 1e6;
    }
}
