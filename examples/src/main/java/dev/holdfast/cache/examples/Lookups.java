package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.LatencyHistogram;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Eight workers that look classes up, few of them often and most of them rarely, and keep count. */
final class Lookups implements AutoCloseable {
    private static final int WORKERS = 8;
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(1);

    private final Cache<String, ClassFacts> cache;
    private final ClassFiles classes;
    private final long origin;
    private final List<Thread> threads = new ArrayList<>();
    private final Map<String, Long> removedAt = new ConcurrentHashMap<>();
    private final Set<String> resurrected = ConcurrentHashMap.newKeySet();
    private final LongAdder calls = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);
    private volatile LatencyHistogram second = new LatencyHistogram();
    private volatile boolean stop;

    Lookups(Cache<String, ClassFacts> cache, ClassFiles classes, long origin) {
        this.cache = cache;
        this.classes = classes;
        this.origin = origin;
        for (int i = 0; i < WORKERS; i++) {
            SplittableRandom random = new SplittableRandom(i);
            Thread thread = new Thread(() -> work(random), "lookup-" + i);
            threads.add(thread);
            thread.start();
        }
    }

    private void work(SplittableRandom random) {
        while (!stop) {
            look(classes.name(rank(random)));
            LockSupport.parkNanos(PAUSE);
        }
    }

    /** The n-th class comes about 1/n times as often as the first, as Zipf's law has it. */
    private int rank(SplittableRandom random) {
        return (int) Math.pow(classes.count(), random.nextDouble()) - 1;
    }

    /** One call, as an application makes it. */
    void look(String name) {
        Long removed = removedAt.get(name);
        long begin = System.nanoTime();
        try {
            ClassFacts facts = cache.get(name, key -> ClassFacts.of(classes.read(key), System.nanoTime() - origin));
            if (removed != null && facts != null && facts.loadedAt() < removed) {
                resurrected.add(name);
            }
        } catch (CacheException e) {
            failed(e);
        }
        long nanos = System.nanoTime() - begin;
        calls.increment();
        second.record(nanos);
        longest.accumulate(nanos);
    }

    /** Removes a class; whoever asks from now on must not see what was computed before now. */
    void remove(String name) {
        long before = System.nanoTime() - origin;
        try {
            cache.remove(name);
            removedAt.put(name, before);
        } catch (CacheException e) {
            failed(e);
        }
    }

    private void failed(CacheException e) {
        errors.increment();
        if (errors.sum() <= 3) {
            System.out.println("      error: " + e);
        }
    }

    /** Returns the durations since it was last asked. */
    LatencyHistogram takeSecond() {
        LatencyHistogram taken = second;
        second = new LatencyHistogram();
        return taken;
    }

    long calls() {
        return calls.sum();
    }

    long errors() {
        return errors.sum();
    }

    double longestMillis() {
        return longest.get() / 1e6;
    }

    int resurrected() {
        return resurrected.size();
    }

    /** Ends the workers, then looks at every removed key once more. */
    @Override
    public void close() {
        stop = true;
        threads.forEach(Lookups::join);
        threads.clear();
        removedAt.keySet().forEach(this::look);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
