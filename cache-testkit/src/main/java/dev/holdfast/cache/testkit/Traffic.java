package dev.holdfast.cache.testkit;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Threads that call a store all the while and know what it may answer: that no value returns which a removal or a later put
 * has ended, that no acknowledged increment is lost and none counted twice, that no call takes long. What breaks the store
 * meanwhile is up to the test.
 *
 * <pre>{@code
 * try (Traffic traffic = Traffic.on(store, 8, seed)) {
 *     traffic.awaitCalls(50);
 *     redis.kill();
 *     traffic.awaitCalls(50);             // nobody is stuck
 *     TrafficReport report = traffic.stop();
 *     assertEquals(0, report.cameBack());
 * }
 * }</pre>
 *
 * <p>Each thread writes keys of its own and reads everybody's, about 2 ms apart. The mix is drawn from the seed; what happens to it is not
 * repeatable, since real threads run. The keys begin with {@code traffic:}. Thread-safe; does not own the store.
 */
public final class Traffic implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final List<TrafficCaller> callers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    private Traffic(CacheStore store, int threadCount, long seed) {
        for (int i = 0; i < threadCount; i++) {
            callers.add(new TrafficCaller(store, i, callers, seed + i, () -> stopped));
        }
        for (TrafficCaller caller : callers) {
            Thread thread = new Thread(caller, "traffic-" + threads.size());
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    /**
     * Starts calling.
     *
     * @param store the store, which has none of the keys
     * @param threads how many threads, at least 1
     * @param seed of the mix
     */
    public static Traffic on(CacheStore store, int threads, long seed) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be positive: " + threads);
        }
        return new Traffic(store, threads, seed);
    }

    /**
     * Waits until each thread has made so many calls more.
     *
     * @param each at least 1
     * @throws AssertionError if one of them takes over a minute; its stack trace says where it stands
     */
    public void awaitCalls(int each) {
        long[] goals =
                callers.stream().mapToLong(caller -> caller.calls() + each).toArray();
        for (int i = 0; i < goals.length; i++) {
            TrafficCaller caller = callers.get(i);
            long goal = goals[i];
            await(threads.get(i), () -> caller.calls() >= goal, "did not make " + each + " calls in a minute");
        }
    }

    private static void await(Thread thread, BooleanSupplier condition, String complaint) {
        if (!Polling.until(PATIENCE, condition)) {
            AssertionError stuck = new AssertionError(thread.getName() + ' ' + complaint);
            stuck.setStackTrace(thread.getStackTrace());
            throw stuck;
        }
    }

    /**
     * What happened so far, while it goes on. The counters have not been compared.
     *
     * @return the figures; {@code incrementsLost} and {@code incrementsTwice} are 0
     */
    public TrafficReport soFar() {
        return callers.stream()
                .map(TrafficCaller::report)
                .reduce(TrafficReport::plus)
                .orElseThrow();
    }

    /**
     * Ends the calls, reads every key once more, compares the counters with what was acknowledged, and reports. To be called once, when
     * the store has made up for what it had missed.
     *
     * @return the figures
     * @throws AssertionError if a thread does not end within a minute
     */
    public TrafficReport stop() {
        close();
        callers.forEach(TrafficCaller::compare);
        return soFar();
    }

    /** Ends the calls. */
    @Override
    public void close() {
        stopped = true;
        threads.forEach(thread -> await(thread, () -> !thread.isAlive(), "did not end in a minute"));
    }
}
