package dev.holdfast.examples.spring;

import dev.holdfast.cache.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Callers of the service while its server is away and comes back: what they saw, and which evicted keys were there again. */
final class Outage {
    private static final int CALLERS = 8;
    private static final int KEYS = 200;
    private static final int EVICTED = 100;
    private static final int UNDISTURBED = 10_000;
    private static final long PACE = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long LONGEST_WAIT = TimeUnit.SECONDS.toNanos(60);

    private final RunningApplication application;
    private final JsonMapper json = new JsonMapper();
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);

    /**
     * What was seen.
     *
     * @param calls how many calls were made
     * @param exceptions how many of them threw
     * @param longestMillis the longest took
     * @param cameBack how many of 100 evicted keys were in the cache again
     * @param healthDuring what Actuator said while the server was away
     */
    record Seen(long calls, long exceptions, double longestMillis, int cameBack, String healthDuring) {}

    private Outage(RunningApplication application) {
        this.application = application;
    }

    static Seen killed(RunningApplication application, RedisServer redis) throws InterruptedException {
        return new Outage(application).run(redis::kill, () -> redis.restart(RedisServer.Data.KEEP));
    }

    static Seen frozen(RunningApplication application, RedisServer redis) throws InterruptedException {
        return new Outage(application).run(redis::freeze, redis::thaw);
    }

    /** The same callers while nothing happens: what the machine itself makes calls take. */
    static Seen none(RunningApplication application) throws InterruptedException {
        Outage none = new Outage(application);
        return none.underLoad(() -> {
            long until = none.calls.get() + UNDISTURBED;
            until("the callers have called", () -> none.calls.get() > until);
            return none.seen(0, none.health());
        });
    }

    private Seen run(Runnable fault, Runnable repair) throws InterruptedException {
        return underLoad(() -> {
            fault.run();
            until("health tells it", () -> !health().endsWith(" healthy"));
            String during = health();
            Products products = application.bean(Products.class);
            for (long id = KEYS + 1; id <= KEYS + EVICTED; id++) {
                products.changed(id);
            }
            repair.run();
            until("the server serves again", () -> health().endsWith(" healthy"));
            return seen(cameBack(), during);
        });
    }

    private Seen seen(int cameBack, String health) {
        return new Seen(calls.get(), failures.get(), longest.get() / 1e6, cameBack, health);
    }

    private Seen underLoad(Supplier<Seen> happening) throws InterruptedException {
        Products products = application.bean(Products.class);
        for (long id = 1; id <= KEYS + EVICTED; id++) {
            products.find(id);
        }
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            long first = i;
            Thread caller = new Thread(() -> call(products, first), "caller-" + i);
            callers.add(caller);
            caller.start();
        }
        try {
            until("the callers are under way", () -> calls.get() > CALLERS * 20L);
            longest.reset();
            return happening.get();
        } finally {
            stop.set(true);
            for (Thread caller : callers) {
                caller.join();
            }
        }
    }

    private void call(Products products, long first) {
        long id = first;
        while (!stop.get()) {
            id = id % KEYS + 1;
            long start = System.nanoTime();
            try {
                if (products.find(id) == null) {
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

    private int cameBack() {
        Cache cache = application.bean(CacheManager.class).getCache("products");
        int there = 0;
        for (long id = KEYS + 1; id <= KEYS + EVICTED; id++) {
            there += cache == null || cache.get(id) != null ? 1 : 0;
        }
        return there;
    }

    /** The status as Actuator has it, and the client's own word. */
    private String health() {
        JsonNode health = json.readTree(application.get("/actuator/health")).at("/components/holdfast");
        return health.path("status").asString()
                + ' '
                + health.at("/details/status").asString();
    }

    private static void until(String what, BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > LONGEST_WAIT) {
                throw new AssertionError("waited a minute in vain until " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
    }
}
