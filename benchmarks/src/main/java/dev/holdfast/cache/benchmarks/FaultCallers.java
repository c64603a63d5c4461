package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Eight threads that call one client every 2 ms, a read, a write, a read, an increment, and what became of their calls. Thread-safe. */
final class FaultCallers {
    private static final int THREADS = 8;
    private static final int KEYS = 100;
    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final FaultClient client;
    private final List<Thread> threads = new ArrayList<>();
    private final LongAdder calls = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder acknowledged = new LongAdder();
    private final LongAdder over50ms = new LongAdder();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);
    private final AtomicLong faultAt = new AtomicLong(Long.MAX_VALUE);
    /** For each caller, on a cache line of its own: when its first call that began after the fault was answered. */
    private final long[] firstAnswerAt = new long[THREADS * 16];

    private final long[] lastAnswerAt = new long[THREADS * 16];
    private volatile boolean stopped;
    private volatile @Nullable String firstError;

    FaultCallers(FaultClient client) {
        this.client = client;
        for (int i = 0; i < KEYS; i++) {
            client.put("read-" + i, "value");
        }
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            Thread thread = new Thread(() -> call(number), "caller-" + i);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    /**
     * What became of the calls.
     *
     * @param unknown increments whose outcome is unknown
     * @param acknowledged increments that were acknowledged
     * @param failoverMillis until every caller was answered again; -1 if one never was
     */
    record Figures(
            long calls,
            long errors,
            long unknown,
            long acknowledged,
            long longestMillis,
            long over50ms,
            long failoverMillis,
            @Nullable String firstError) {}

    List<Thread> threads() {
        return threads;
    }

    /** From here on calls are measured. */
    void expectFault() {
        calls.reset();
        longest.reset();
        over50ms.reset();
        faultAt.set(System.nanoTime());
    }

    void remove(String key) {
        try {
            client.remove(key);
        } catch (RuntimeException e) {
            errors.increment();
            noteError(e);
        }
    }

    private void call(int number) {
        long next = System.nanoTime();
        for (int n = 0; !stopped; n++) {
            sleepUntil(next);
            int turn = n % 4;
            int key = (n * 7 + number) % KEYS;
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
            if (took > LONG_NANOS) {
                over50ms.increment();
            }
        }
    }

    private static void sleepUntil(long nanos) {
        for (long left = nanos - System.nanoTime(); left > 0; left = nanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private void noteError(RuntimeException e) {
        if (firstError == null) {
            firstError = e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }

    /** How many have waited for an answer for over a second. */
    int stuck() {
        long now = System.nanoTime();
        int stuck = 0;
        for (int i = 0; i < THREADS; i++) {
            if (now - lastAnswerAt[i * 16] > TimeUnit.SECONDS.toNanos(1)) {
                stuck++;
            }
        }
        return stuck;
    }

    /** Ends the calls. */
    Figures stop() throws InterruptedException {
        stopped = true;
        for (Thread thread : threads) {
            thread.join(30_000);
        }
        return new Figures(
                calls.sum(),
                errors.sum(),
                unknown.sum(),
                acknowledged.sum(),
                TimeUnit.NANOSECONDS.toMillis(longest.get()),
                over50ms.sum(),
                failoverMillis(),
                firstError);
    }

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
}
