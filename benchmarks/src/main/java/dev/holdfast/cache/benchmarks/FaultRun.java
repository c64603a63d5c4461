package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One client through one fault: two servers, the first of which is killed, or frozen, for eight seconds. */
final class FaultRun {
    private static final int REMOVED = 100;
    private static final long OUTAGE_SECONDS = 8;
    private static final long FAILBACK_LIMIT_MILLIS = 20_000;
    private static final Pattern GETS = Pattern.compile("cmdstat_get:calls=(\\d+)");

    private final String name;
    private final BiFunction<Integer, Integer, FaultClient> factory;
    private final String fault;

    FaultRun(String name, BiFunction<Integer, Integer, FaultClient> factory, String fault) {
        this.name = name;
        this.factory = factory;
        this.fault = fault;
    }

    FaultResult run() throws Exception {
        try (RedisServer first = server();
                RedisServer second = server();
                FaultClient client = factory.apply(first.port(), second.port());
                StallWatch stall = new StallWatch()) {
            return run(first, client, stall);
        }
    }

    private static RedisServer server() {
        return RedisServer.builder()
                .persistence(RedisServer.Persistence.AOF)
                .line("appendfsync always")
                .start();
    }

    private FaultResult run(RedisServer first, FaultClient client, StallWatch stall) throws InterruptedException {
        for (int i = 0; i < REMOVED; i++) {
            client.put("removed-" + i, "old");
        }
        FaultCallers callers = new FaultCallers(client);
        List<Thread> others = new ArrayList<>(callers.threads());
        others.add(stall.thread());
        TimeUnit.SECONDS.sleep(3);
        stall.reset();
        callers.expectFault();
        long begun = System.nanoTime();
        if (fault.equals("kill")) {
            first.kill();
        } else {
            first.freeze();
        }
        TimeUnit.SECONDS.sleep(2);
        CpuMeter cpu = new CpuMeter(others);
        for (int i = 0; i < REMOVED; i++) {
            callers.remove("removed-" + i);
        }
        TimeUnit.SECONDS.sleep(4);
        double cpuPercent = cpu.percentOfACore();
        int stuck = callers.stuck();
        TimeUnit.NANOSECONDS.sleep(begun + TimeUnit.SECONDS.toNanos(OUTAGE_SECONDS) - System.nanoTime());
        if (fault.equals("kill")) {
            first.restart(RedisServer.Data.KEEP);
        } else {
            first.thaw();
        }
        long failback = failbackMillis(first, System.nanoTime());
        FaultCallers.Figures figures = callers.stop();
        long stalled = (long) stall.millis();
        int resurrected = resurrected(client);
        client.settle();
        String counter = client.get("counter");
        long count = counter == null ? 0 : Long.parseLong(counter);
        return new FaultResult(
                name,
                fault,
                figures,
                failback,
                resurrected,
                REMOVED,
                Math.max(0, figures.acknowledged() - count),
                Math.max(0, count - figures.acknowledged() - figures.unknown()),
                stalled,
                stuck,
                cpuPercent);
    }

    private static int resurrected(FaultClient client) {
        int resurrected = 0;
        for (int i = 0; i < REMOVED; i++) {
            if (client.get("removed-" + i) != null) {
                resurrected++;
            }
        }
        return resurrected;
    }

    /** Until the first server answers reads at the callers' pace again; -1 if that does not come about. */
    private static long failbackMillis(RedisServer first, long since) throws InterruptedException {
        long before = gets(first);
        while (System.nanoTime() - since < TimeUnit.MILLISECONDS.toNanos(FAILBACK_LIMIT_MILLIS)) {
            TimeUnit.MILLISECONDS.sleep(100);
            long now = gets(first);
            if (now - before > 50) {
                long at = System.nanoTime();
                TimeUnit.SECONDS.sleep(2);
                return TimeUnit.NANOSECONDS.toMillis(at - since);
            }
            before = now;
        }
        return -1;
    }

    private static long gets(RedisServer server) {
        Matcher matcher = GETS.matcher(String.valueOf(server.command("INFO", "commandstats")));
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }
}
