package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Threads that read and write all the time, each its own keys, and remember every call that failed: which slot, when, why and
 * for how long. A value that was acknowledged must be read again, or a later one of the same thread; nobody else's ever.
 */
final class Load implements AutoCloseable {
    private static final int THREADS = 8;
    private static final int KEYS = 150;
    private static final Duration TTL = Duration.ofHours(1);

    private final CacheStore store;
    private final KeyPrefix prefix;
    private final List<Thread> threads = new ArrayList<>();
    private final ConcurrentLinkedQueue<Failure> failures = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong longestNanos = new AtomicLong();
    private volatile boolean stopped;

    /** A failed call. */
    record Failure(int slot, boolean read, long atNanos, long tookNanos, RuntimeException why) {}

    private Load(CacheStore store, KeyPrefix prefix) {
        this.store = store;
        this.prefix = prefix;
    }

    /**
     * Begins.
     *
     * @param prefix the store's, to tell in which slot a key is
     */
    static Load on(CacheStore store, KeyPrefix prefix) {
        Load load = new Load(store, prefix);
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            Thread thread = new Thread(() -> load.run(number), "load-" + i);
            thread.setDaemon(true);
            load.threads.add(thread);
            thread.start();
        }
        return load;
    }

    private void run(int number) {
        Map<String, Integer> acknowledged = new HashMap<>();
        Map<String, Integer> tried = new HashMap<>();
        for (int round = 1; !stopped; round++) {
            for (int k = 0; k < KEYS && !stopped; k++) {
                String key = "load:" + number + ':' + k;
                int value = round;
                if ((round + k) % 3 == 0) {
                    tried.put(key, value);
                    if (call(
                            key,
                            false,
                            () -> store.put(key, (key + '=' + value).getBytes(StandardCharsets.UTF_8), TTL))) {
                        acknowledged.put(key, value);
                    }
                } else {
                    int atLeast = acknowledged.getOrDefault(key, 0);
                    int atMost = tried.getOrDefault(key, 0);
                    call(key, true, () -> check(key, store.get(key), atLeast, atMost));
                }
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    private void check(String key, byte @Nullable [] read, int atLeast, int atMost) {
        String text = read == null ? "" : new String(read, StandardCharsets.UTF_8);
        if (read == null ? atLeast > 0 : !text.startsWith(key + '=')) {
            wrong.add(key + " holds \"" + text + "\", acknowledged was " + atLeast);
            return;
        }
        int value = read == null ? 0 : Integer.parseInt(text.substring(key.length() + 1));
        if (value < atLeast || value > atMost) {
            wrong.add(key + " holds " + value + ", acknowledged was " + atLeast + ", tried " + atMost);
        }
    }

    private boolean call(String key, boolean read, Runnable body) {
        int slot = RedisCluster.slotOf(prefix.apply(key));
        long start = System.nanoTime();
        try {
            body.run();
            longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
            return true;
        } catch (RuntimeException e) {
            long took = System.nanoTime() - start;
            longestNanos.accumulateAndGet(took, Math::max);
            failures.add(new Failure(slot, read, start, took, e));
            return false;
        } finally {
            calls.incrementAndGet();
        }
    }

    /** Forgets what failed so far, and for how long. */
    void forget() {
        failures.clear();
        longestNanos.set(0);
    }

    /** Waits for so many calls more. */
    void awaitCalls(int count) {
        long target = calls.get() + count;
        long end = System.nanoTime() + 60_000_000_000L;
        while (calls.get() < target) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("waited a minute for " + count + " calls: " + summary());
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    long calls() {
        return calls.get();
    }

    List<Failure> failures() {
        return List.copyOf(failures);
    }

    /** Failures of calls for slots that are so. */
    List<Failure> failures(IntPredicate slots) {
        return failures.stream().filter(failure -> slots.test(failure.slot())).toList();
    }

    /** What was read that could not be right. */
    List<String> wrong() {
        return List.copyOf(wrong);
    }

    /** How long the longest call took, in milliseconds. */
    long longestMillis() {
        return longestNanos.get() / 1_000_000;
    }

    /** From a moment until the last of the failures began, in milliseconds; 0 if there was none. */
    long failingMillis(long sinceNanos) {
        return failures.stream().mapToLong(Failure::atNanos).max().orElse(sinceNanos) / 1_000_000
                - sinceNanos / 1_000_000;
    }

    /** The failures by what was thrown, with one message each. */
    String summary() {
        Map<String, Integer> counts = new HashMap<>();
        Map<String, String> messages = new HashMap<>();
        for (Failure failure : failures) {
            String kind = failure.why().getClass().getSimpleName()
                    + (failure.why() instanceof CacheUnavailableException e ? "/" + e.reason() : "");
            counts.merge(kind, 1, Integer::sum);
            messages.putIfAbsent(kind, String.valueOf(failure.why().getMessage()));
        }
        return counts + (messages.isEmpty() ? "" : " " + messages);
    }

    @Override
    public void close() {
        stopped = true;
        for (Thread thread : threads) {
            try {
                thread.join(10_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
