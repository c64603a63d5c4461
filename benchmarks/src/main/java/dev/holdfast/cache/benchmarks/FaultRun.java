package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One client through one fault. */
final class FaultRun {
    private static final int THREADS = 8;
    private static final int REMOVED = 100;
    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long FAILBACK_LIMIT_MILLIS = 20_000;
    private static final Pattern GETS = Pattern.compile("cmdstat_get:calls=(\\d+)");

    private final String name;
    private final BiFunction<Integer, Integer, FaultClient> factory;
    private final String fault;

    private final LongAdder calls = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder acknowledged = new LongAdder();
    private final LongAdder over50ms = new LongAdder();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);
    private final LongAccumulator stall = new LongAccumulator(Math::max, 0);
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong faultAt = new AtomicLong(Long.MAX_VALUE);
    /** For each caller, on a cache line of its own: when its first call that began after the fault was answered. */
    private final long[] firstAnswerAt = new long[THREADS * 16];

    private final long[] lastAnswerAt = new long[THREADS * 16];
    private volatile @Nullable String firstError;

    FaultRun(String name, BiFunction<Integer, Integer, FaultClient> factory, String fault) {
        this.name = name;
        this.factory = factory;
        this.fault = fault;
    }

    record Result(
            String client,
            String fault,
            long calls,
            long errors,
            long unknown,
            long longestMillis,
            long over50ms,
            long failoverMillis,
            long failbackMillis,
            int resurrected,
            int of,
            long incrementsLost,
            long incrementsTwice,
            long stallMillis,
            int stuckCallers,
            double cpuPercent,
            @Nullable String firstError) {
        String line() {
            return String.format(
                    Locale.ROOT,
                    "faults: client=%s fault=%s calls=%d errors=%d unknown=%d longest_ms=%d over50ms=%d failover_ms=%d"
                            + " failback_ms=%d resurrected=%d of=%d increments_lost=%d increments_twice=%d",
                    client,
                    fault,
                    calls,
                    errors,
                    unknown,
                    longestMillis,
                    over50ms,
                    failoverMillis,
                    failbackMillis,
                    resurrected,
                    of,
                    incrementsLost,
                    incrementsTwice);
        }

        /** What the line has no room for: how the machine and the client's own threads fared during the outage. */
        String remark() {
            return String.format(
                    Locale.ROOT,
                    "  machine stalled %d ms, callers stuck during the outage: %d, CPU of the client's own threads:"
                            + " %.1f %% of a core%s",
                    stallMillis,
                    stuckCallers,
                    cpuPercent,
                    firstError == null ? "" : ", first error: " + firstError);
        }
    }

    Result run() throws Exception {
        try (RedisServer first = server();
                RedisServer second = server();
                FaultClient client = factory.apply(first.port(), second.port())) {
            return run(first, client);
        }
    }

    private static RedisServer server() {
        return RedisServer.builder()
                .persistence(RedisServer.Persistence.AOF)
                .line("appendfsync always")
                .start();
    }

    private Result run(RedisServer first, FaultClient client) throws Exception {
        for (int i = 0; i < REMOVED; i++) {
            client.put("removed-" + i, "old");
        }
        for (int i = 0; i < 100; i++) {
            client.put("read-" + i, "value");
        }
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            callers.add(started("caller-" + i, () -> call(client, number)));
        }
        Thread control = started("control", this::watchTheMachine);

        TimeUnit.SECONDS.sleep(3);
        calls.reset();
        stall.reset();
        longest.reset();
        over50ms.reset();
        faultAt.set(System.nanoTime());
        if (fault.equals("kill")) {
            first.kill();
        } else {
            first.freeze();
        }
        TimeUnit.SECONDS.sleep(2);
        CpuMeter cpu = new CpuMeter(callers, control);
        for (int i = 0; i < REMOVED; i++) {
            remove(client, "removed-" + i);
        }
        TimeUnit.SECONDS.sleep(4);
        double cpuPercent = cpu.percentOfACore();
        int stuck = stuckCallers();
        sleepUntil(faultAt.get() + TimeUnit.SECONDS.toNanos(8));
        if (fault.equals("kill")) {
            first.restart(RedisServer.Data.KEEP);
        } else {
            first.thaw();
        }
        long failback = failbackMillis(first, System.nanoTime());
        stop.set(true);
        for (Thread caller : callers) {
            caller.join(30_000);
        }
        control.join(5_000);
        return result(client, failback, stuck, cpuPercent);
    }

    private Result result(FaultClient client, long failback, int stuck, double cpuPercent) throws InterruptedException {
        int resurrected = 0;
        for (int i = 0; i < REMOVED; i++) {
            if (client.get("removed-" + i) != null) {
                resurrected++;
            }
        }
        client.settle();
        String counter = client.get("counter");
        long count = counter == null ? 0 : Long.parseLong(counter);
        return new Result(
                name,
                fault,
                calls.sum(),
                errors.sum(),
                unknown.sum(),
                TimeUnit.NANOSECONDS.toMillis(longest.get()),
                over50ms.sum(),
                failoverMillis(),
                failback,
                resurrected,
                REMOVED,
                Math.max(0, acknowledged.sum() - count),
                Math.max(0, count - acknowledged.sum() - unknown.sum()),
                TimeUnit.NANOSECONDS.toMillis(stall.get()),
                stuck,
                cpuPercent,
                firstError);
    }

    /** Until every caller was answered again; -1 if one never was. */
    private long failoverMillis() {
        long last = 0;
        for (int i = 0; i < THREADS; i++) {
            if (firstAnswerAt[i * 16] == 0) {
                return -1;
            }
            last = Math.max(last, firstAnswerAt[i * 16]);
        }
        return TimeUnit.NANOSECONDS.toMillis(last - faultAt.get());
    }

    /** Every 2 ms a read, a write, a read, an increment. */
    private void call(FaultClient client, int number) {
        long next = System.nanoTime();
        for (int n = 0; !stop.get(); n++) {
            sleepUntil(next);
            int turn = n % 4;
            int key = (n * 7 + number) % 100;
            long start = System.nanoTime();
            next = Math.max(next + PERIOD_NANOS, start);
            try {
                switch (turn) {
                    case 1 -> client.put("read-" + key, "value");
                    case 3 -> client.increment("counter");
                    default -> client.get("read-" + key);
                }
                if (turn == 3) {
                    acknowledged.increment();
                }
                long end = System.nanoTime();
                lastAnswerAt[number * 16] = end;
                if (firstAnswerAt[number * 16] == 0 && start >= faultAt.get()) {
                    firstAnswerAt[number * 16] = end;
                }
            } catch (RuntimeException e) {
                (turn == 3 ? unknown : errors).increment();
                noteError(e);
            }
            long took = System.nanoTime() - start;
            calls.increment();
            longest.accumulate(took);
            if (took > TimeUnit.MILLISECONDS.toNanos(50)) {
                over50ms.increment();
            }
        }
    }

    private void remove(FaultClient client, String key) {
        try {
            client.remove(key);
        } catch (RuntimeException e) {
            errors.increment();
            noteError(e);
        }
    }

    private void noteError(RuntimeException e) {
        if (firstError == null) {
            firstError = e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }

    private int stuckCallers() {
        long now = System.nanoTime();
        int stuck = 0;
        for (int i = 0; i < THREADS; i++) {
            if (now - lastAnswerAt[i * 16] > TimeUnit.SECONDS.toNanos(1)) {
                stuck++;
            }
        }
        return stuck;
    }

    private void watchTheMachine() {
        long last = System.nanoTime();
        while (!stop.get()) {
            sleepUntil(last + TimeUnit.MILLISECONDS.toNanos(1));
            long now = System.nanoTime();
            stall.accumulate(now - last - TimeUnit.MILLISECONDS.toNanos(1));
            last = now;
        }
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
        Object reply = server.command("INFO", "commandstats");
        String text =
                reply instanceof byte[] bytes ? new String(bytes, StandardCharsets.US_ASCII) : String.valueOf(reply);
        Matcher matcher = GETS.matcher(text);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    private static void sleepUntil(long nanos) {
        long left;
        while ((left = nanos - System.nanoTime()) > 0) {
            java.util.concurrent.locks.LockSupport.parkNanos(left);
        }
    }

    private static Thread started(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /**
     * The CPU that the client's own threads spend: every Java thread but the callers, the watch over the machine and
     * this one. The JVM's compiler and collector are no Java threads; a fresh process compiles all through its outage,
     * a third of a core, whichever client it runs.
     */
    private static final class CpuMeter {
        private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        private final Set<Long> left = new HashSet<>();
        private final long since = System.nanoTime();
        private final Map<Long, Long> before;

        CpuMeter(List<Thread> callers, Thread control) {
            callers.forEach(caller -> left.add(caller.getId()));
            left.add(control.getId());
            left.add(Thread.currentThread().getId());
            this.before = nanosByThread();
        }

        private Map<Long, Long> nanosByThread() {
            Map<Long, Long> nanos = new HashMap<>();
            for (long id : threads.getAllThreadIds()) {
                long cpu = threads.getThreadCpuTime(id);
                if (cpu >= 0 && !left.contains(id)) {
                    nanos.put(id, cpu);
                }
            }
            return nanos;
        }

        double percentOfACore() {
            long spent = 0;
            for (Map.Entry<Long, Long> thread : nanosByThread().entrySet()) {
                spent += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
            }
            return 100.0 * spent / (System.nanoTime() - since);
        }
    }
}
