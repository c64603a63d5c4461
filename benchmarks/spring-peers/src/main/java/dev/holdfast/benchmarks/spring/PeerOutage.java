package dev.holdfast.benchmarks.spring;

import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Callers of the service while its server is away for five seconds. */
final class PeerOutage {
    private static final int CALLERS = 8;
    private static final int KEYS = 200;
    private static final int EVICTED = 100;
    private static final long AWAY = TimeUnit.SECONDS.toNanos(5);
    private static final long BACK = TimeUnit.SECONDS.toNanos(90);
    private static final long PACE = TimeUnit.MILLISECONDS.toNanos(2);

    private static final Pattern HITS = Pattern.compile("keyspace_hits:(\\d+)");

    private final Shop shop;
    private final RedisServer redis;
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);

    private PeerOutage(Shop shop, RedisServer redis) {
        this.shop = shop;
        this.redis = redis;
    }

    /** Runs it and says what was seen, as cells of a row. */
    String run(Runnable fault, Runnable repair) throws InterruptedException {
        for (long id = 1; id <= KEYS + EVICTED; id++) {
            shop.find(id);
        }
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            long first = i;
            Thread caller = new Thread(() -> call(first), "caller-" + i);
            callers.add(caller);
            caller.start();
        }
        waitFor(TimeUnit.SECONDS.toNanos(1));
        longest.reset();
        calls.set(0);
        failures.set(0);
        long start = System.nanoTime();
        fault.run();
        AtomicLong evictionFailures = new AtomicLong();
        Set<Long> evicted = Collections.synchronizedSet(new HashSet<>());
        Thread evicting = new Thread(() -> evict(evicted, evictionFailures), "evicting");
        evicting.start();
        waitFor(AWAY - (System.nanoTime() - start));
        repair.run();
        long repaired = System.nanoTime();
        long back = untilServed(repaired);
        evicting.join();
        stop.set(true);
        for (Thread caller : callers) {
            caller.join();
        }
        return String.format(
                Locale.ROOT,
                "%d calls, %d exceptions, longest %d ms; %d of 100 evictions failed, %d of the others came back; back after %s",
                calls.get(),
                failures.get(),
                TimeUnit.NANOSECONDS.toMillis(longest.get()),
                evictionFailures.get(),
                cameBack(evicted),
                back < 0 ? "more than 90 s" : back + " ms");
    }

    private void call(long first) {
        long id = first;
        while (!stop.get()) {
            id = id % KEYS + 1;
            long start = System.nanoTime();
            try {
                if (shop.find(id) == null) {
                    failures.incrementAndGet();
                }
            } catch (RuntimeException e) {
                failures.incrementAndGet();
            }
            longest.accumulate(System.nanoTime() - start);
            calls.incrementAndGet();
            LockSupport.parkNanos(PACE);
        }
    }

    private void evict(Set<Long> evicted, AtomicLong failed) {
        for (long id = KEYS + 1; id <= KEYS + EVICTED; id++) {
            try {
                shop.changed(id);
                evicted.add(id);
            } catch (RuntimeException e) {
                failed.incrementAndGet();
            }
        }
    }

    /** A found entry costs the origin no call: how many of the evicted are there. */
    private int cameBack(Set<Long> evicted) {
        int there = 0;
        for (long id : evicted) {
            long before = Shop.Origin.CALLS.get();
            shop.find(id);
            there += Shop.Origin.CALLS.get() == before ? 1 : 0;
        }
        return there;
    }

    /** How long it takes until a second of calls has no failure and the server answers them; -1 if that never comes. */
    private long untilServed(long repaired) {
        while (System.nanoTime() - repaired < BACK) {
            long at = System.nanoTime();
            long failuresBefore = failures.get();
            long hitsBefore = hits();
            waitFor(TimeUnit.SECONDS.toNanos(1));
            if (failures.get() == failuresBefore && hits() > hitsBefore + 100) {
                return TimeUnit.NANOSECONDS.toMillis(at - repaired);
            }
        }
        return -1;
    }

    private long hits() {
        Object info = redis.command("INFO", "stats");
        String text =
                info instanceof byte[] bytes ? new String(bytes, StandardCharsets.US_ASCII) : String.valueOf(info);
        Matcher hits = HITS.matcher(text);
        return hits.find() ? Long.parseLong(hits.group(1)) : 0;
    }

    private static void waitFor(long nanos) {
        long end = System.nanoTime() + nanos;
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(Math.max(1, end - System.nanoTime()));
        }
    }

    static String killed(Shop shop, RedisServer redis) throws InterruptedException {
        return new PeerOutage(shop, redis).run(redis::kill, () -> redis.restart(RedisServer.Data.KEEP));
    }

    static String frozen(Shop shop, RedisServer redis) throws InterruptedException {
        return new PeerOutage(shop, redis).run(redis::freeze, redis::thaw);
    }
}
