package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Eight threads that write and read keys of their own in all slots and note what becomes of each call. A value that was
 * acknowledged must be read again, or a later one, never an older one or somebody else's.
 */
final class ClusterLoad {
    private static final int THREADS = 8;
    private static final int KEYS = 150;
    private static final Duration TTL = Duration.ofHours(1);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final CacheStore store;
    private final KeyPrefix keyPrefix;
    private final boolean missesAllowed;
    private final List<Caller> callers = new ArrayList<>();
    private final LongAdder calls = new LongAdder();
    private final StallWatch stall = new StallWatch();
    private volatile boolean stopped;

    /**
     * A call that ended.
     *
     * @param slot where its key is
     * @param read whether it was a read
     * @param wrong what was read that could not be right
     */
    record Outcome(
            int slot,
            boolean read,
            long startNanos,
            long endNanos,
            @Nullable RuntimeException failure,
            @Nullable String wrong) {
        boolean answered() {
            return failure == null;
        }
    }

    /**
     * Begins.
     *
     * @param missesAllowed whether what was acknowledged may be absent, as it may where it was written to another tier
     */
    ClusterLoad(CacheStore store, KeyPrefix keyPrefix, boolean missesAllowed) {
        this.missesAllowed = missesAllowed;
        this.store = store;
        this.keyPrefix = keyPrefix;
        for (int i = 0; i < THREADS; i++) {
            callers.add(new Caller(i));
        }
        callers.forEach(Thread::start);
    }

    /** One thread. */
    private final class Caller extends Thread {
        private final List<Outcome> outcomes = new ArrayList<>();
        private final Map<String, Integer> acknowledged = new HashMap<>();
        private final Map<String, Integer> tried = new HashMap<>();
        private final int number;

        Caller(int number) {
            super("caller-" + number);
            this.number = number;
        }

        @Override
        public void run() {
            for (int round = 1; !stopped; round++) {
                for (int k = 0; k < KEYS && !stopped; k++) {
                    String key = "load:" + number + ':' + k;
                    note(key, round, (round + k) % 3 != 0);
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
            }
        }

        private void note(String key, int value, boolean read) {
            int slot = RedisCluster.slotOf(keyPrefix.apply(key));
            RuntimeException failure = null;
            String wrong = null;
            long start = System.nanoTime();
            try {
                if (read) {
                    wrong = wrong(key, store.get(key));
                } else {
                    tried.put(key, value);
                    store.put(key, (key + '=' + value).getBytes(StandardCharsets.UTF_8), TTL);
                    acknowledged.put(key, value);
                }
            } catch (RuntimeException e) {
                failure = e;
            }
            Outcome outcome = new Outcome(slot, read, start, System.nanoTime(), failure, wrong);
            synchronized (outcomes) {
                outcomes.add(outcome);
            }
            calls.increment();
        }

        private @Nullable String wrong(String key, byte @Nullable [] read) {
            if (read == null && missesAllowed) {
                return null;
            }
            String text = read == null ? key + "=0" : new String(read, StandardCharsets.UTF_8);
            int least = acknowledged.getOrDefault(key, 0);
            int value = text.startsWith(key + '=') ? Integer.parseInt(text.substring(key.length() + 1)) : -1;
            return value >= least && value <= tried.getOrDefault(key, 0)
                    ? null
                    : key + " holds " + text + ", acknowledged was " + least;
        }
    }

    /** Waits for so many calls more. */
    void awaitCalls(int count) {
        long goal = calls.sum() + count;
        while (calls.sum() < goal) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** The calls that began since a moment and have ended. */
    List<Outcome> since(long nanos) {
        List<Outcome> all = new ArrayList<>();
        for (Caller caller : callers) {
            synchronized (caller.outcomes) {
                caller.outcomes.stream()
                        .filter(outcome -> outcome.startNanos() - nanos >= 0)
                        .forEach(all::add);
            }
        }
        return all;
    }

    void resetStall() {
        stall.reset();
    }

    long stallMillis() {
        return (long) stall.millis();
    }

    /** Ends the calls. */
    void stop() throws InterruptedException {
        stopped = true;
        for (Caller caller : callers) {
            caller.join();
        }
        stall.close();
    }
}
