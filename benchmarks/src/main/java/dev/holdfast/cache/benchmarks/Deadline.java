package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/**
 * Whether a call keeps its deadline while 64 threads call one server whose link drips or stands still every other second: the
 * time beyond the deadline of every call that reached it. What was measured while the machine stood still is marked
 * {@code void=true}. {@code mvn -q -Pdeadline verify}.
 */
final class Deadline {
    private static final int THREADS = 64;
    private static final int ROUNDS = 10;
    /**
     * Before that, and reported as {@code cold=true}: until classes are loaded and the code of failing is compiled, which
     * takes half of two cores' time while 64 callers fail together.
     */
    private static final int WARM_UP = 14;
    /** A machine that keeps every thread waiting for longer than this says nothing about ours; then it is tried again. */
    private static final Duration STALL = Duration.ofMillis(20);

    private static final int TRIES = 3;
    private static final Duration TIMEOUT = Duration.ofMillis(300);
    private static final Duration TTL = Duration.ofMinutes(5);

    private final Histogram late = new ConcurrentHistogram(TimeUnit.MINUTES.toNanos(1), 3);
    private final LongAdder calls = new LongAdder();
    private final StallWatch stall = new StallWatch();
    private final AtomicBoolean stop = new AtomicBoolean();

    private Deadline() {}

    public static void main(String[] arguments) throws InterruptedException {
        new Deadline().run();
    }

    private void run() throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                FailoverStore store = FailoverStore.builder()
                        .config(FailoverConfig.DEFAULT.withFailoverTimeout(TIMEOUT))
                        .tier(
                                "single",
                                SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port())
                                        .withPoolSize(THREADS)))
                        .build()) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String key = "k" + i;
                threads.add(new Thread(() -> call(store, key), "caller-" + i));
            }
            threads.forEach(Thread::start);
            trouble(proxy, WARM_UP);
            report(" cold=true");
            for (int i = 0; i < TRIES; i++) {
                late.reset();
                stall.reset();
                calls.reset();
                trouble(proxy, ROUNDS);
                boolean calm = stall.millis() <= STALL.toMillis();
                report(calm ? "" : " void=true");
                if (calm) {
                    break;
                }
            }
            stop.set(true);
            stall.close();
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }

    private static void trouble(TcpProxy proxy, int rounds) throws InterruptedException {
        for (int round = 0; round < rounds; round++) {
            if (round % 2 == 0) {
                proxy.drip(Duration.ofMillis(100));
            } else {
                proxy.halfOpen();
            }
            TimeUnit.SECONDS.sleep(1);
            proxy.pass();
            TimeUnit.SECONDS.sleep(2);
        }
    }

    private void report(String remark) {
        System.out.printf(
                Locale.ROOT,
                "deadline: threads=%d timeout_ms=%d calls=%d reached=%d p50_over_ms=%.1f p99_over_ms=%.1f longest_over_ms=%.1f"
                        + " stall_ms=%.1f%s%n",
                THREADS,
                TIMEOUT.toMillis(),
                calls.sum(),
                late.getTotalCount(),
                late.getValueAtPercentile(50) / 1e6,
                late.getValueAtPercentile(99) / 1e6,
                late.getMaxValue() / 1e6,
                stall.millis(),
                remark);
    }

    private void call(FailoverStore store, String key) {
        byte[] value = new byte[100];
        try {
            while (!stop.get()) {
                long begin = System.nanoTime();
                try {
                    store.put(key, value, TTL);
                } catch (CacheException e) {
                    // It is about time, whatever the answer.
                }
                long over = System.nanoTime() - begin - TIMEOUT.toNanos();
                calls.increment();
                if (over >= 0) {
                    late.recordValue(over);
                }
                TimeUnit.MILLISECONDS.sleep(5);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
