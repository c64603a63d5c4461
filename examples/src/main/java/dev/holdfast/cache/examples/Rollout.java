package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The phases of {@code docs/rollout.md} on a real server, a minute played in a second: Redis off, Redis on while the cache fills, what that brought,
 * peak load with a kill in the middle, and the way back. What each phase promises is asserted and printed.
 *
 * <p>The process has memory for a twentieth of the values; Redis has it for all. So what is compared is an application that keeps what it can by
 * itself with one that has a server besides.
 */
final class Rollout {
    /** The least that a process may have. */
    private static final int MEMORY_BYTES = 1 << 20;
    /** So that of the requests in minute t a share of 1 - e^(-0.0345 t) are for an account asked for before. */
    private static final double ACCOUNTS_PER_MINUTELY_REQUEST = 1 / 0.0345;

    private static final Duration ORIGIN = Duration.ofMillis(20);
    private static final CachePolicy POLICY = CachePolicy.of(Duration.ofMinutes(10));

    private final Plan plan;
    private final RolloutTraffic traffic;
    private final SlowOrigin origin;
    private final Expectations expected = new Expectations();

    /**
     * How it is played.
     *
     * @param requests a minute
     * @param minute how long one is
     */
    record Plan(int requests, Duration minute) {
        static final Plan USUAL = new Plan(700, Duration.ofSeconds(1));

        Duration interval() {
            return minute.dividedBy(requests);
        }

        int accounts() {
            return (int) (requests * ACCOUNTS_PER_MINUTELY_REQUEST);
        }

        /** So that memory has room for a twentieth of the values. */
        int valueBytes() {
            return 20 * MEMORY_BYTES / accounts();
        }
    }

    /** What a phase has shown. */
    private record Shown(double meanMillis, double errorRate, double originShare) {}

    Rollout(Plan plan) {
        this.plan = plan;
        this.traffic = new RolloutTraffic(plan.accounts());
        this.origin = new SlowOrigin(ORIGIN, Integer.MAX_VALUE);
    }

    /** Plays, and returns what came of what was expected. */
    Expectations play() {
        try (RedisServer redis = RedisServer.start()) {
            Shown before;
            try (CacheClient client = client(redis, false)) {
                before = off(redis, client);
            }
            try (CacheClient client = client(redis, true)) {
                Shown after = on(client);
                compare(before, after);
                peak(redis, client);
            }
            back(redis);
        }
        return expected;
    }

    private CacheClient client(RedisServer redis, boolean enabled) {
        return CacheClient.from(Settings.of(Map.of(
                "REDIS_URL", redis.url(),
                "REDIS_ENABLED", Boolean.toString(enabled),
                "CACHE_MEMORY_MAX_BYTES", Integer.toString(MEMORY_BYTES))));
    }

    private static Cache<String, String> cache(CacheClient client) {
        return client.cache("endpoints", String.class, String.class)
                .policy(POLICY)
                .build();
    }

    /** An answer of the size of a small document, of which the caller wants the first line. */
    private String answer(Cache<String, String> cache, String account) {
        String document = String.valueOf(
                cache.get(account, key -> origin.endpointOf(key) + '\n' + ".".repeat(plan.valueBytes())));
        return document.substring(0, document.indexOf('\n'));
    }

    private RolloutTraffic.Seen minutes(Cache<String, String> cache, int minutes, int factor) {
        return traffic.run(
                account -> answer(cache, account),
                plan.requests() * minutes * factor,
                plan.interval().dividedBy(factor));
    }

    private Shown measure(Cache<String, String> cache, int minutes) {
        long calls = origin.calls();
        RolloutTraffic.Seen seen = minutes(cache, minutes, 1);
        double requests = seen.times().count();
        return new Shown(
                seen.times().meanMicros() / 1_000,
                100 * seen.errors() / requests,
                100 * (origin.calls() - calls) / requests);
    }

    private Shown off(RedisServer redis, CacheClient client) {
        System.out.println("phase 1: REDIS_ENABLED=false, ten minutes");
        Shown shown = measure(cache(client), 10);
        expected.that(
                "health says disabled",
                client.healthJson().contains("\"status\":\"disabled\""),
                client.health().status());
        expected.that("no connection to Redis", connections(redis) == 0, connections(redis));
        expected.that("every request is answered", shown.errorRate() == 0, percent(shown.errorRate()) + " errors");
        return shown;
    }

    private Shown on(CacheClient client) {
        System.out.println("phase 2: REDIS_ENABLED=true, an hour");
        Cache<String, String> cache = cache(client);
        expected.that(
                "health says healthy",
                client.healthJson().contains("\"status\":\"healthy\""),
                client.health().status());
        expected.that(
                "Redis answers",
                client.health().type().equals("native-redis"),
                client.health().type());
        expected.that(
                "the hit rate is 0 at first",
                cache.stats().hits() == 0,
                cache.stats().hits() + " hits");
        Shown first = measure(cache, 9);
        hitRate(cache, 10, 20, 40);
        Shown second = measure(cache, 19);
        hitRate(cache, 30, 60, 80);
        Shown third = measure(cache, 29);
        hitRate(cache, 60, 70, 90);
        return mean(first, 9, mean(second, 19, third, 29), 48);
    }

    private static Shown mean(Shown a, int minutesOfA, Shown b, int minutesOfB) {
        double share = (double) minutesOfA / (minutesOfA + minutesOfB);
        return new Shown(
                share * a.meanMillis() + (1 - share) * b.meanMillis(),
                share * a.errorRate() + (1 - share) * b.errorRate(),
                share * a.originShare() + (1 - share) * b.originShare());
    }

    /** Of the minute that ends then. */
    private void hitRate(Cache<String, String> cache, int minute, int from, int to) {
        CacheStats before = cache.stats();
        measure(cache, 1);
        CacheStats after = cache.stats();
        double hits = after.hits() - before.hits();
        double rate = 100 * hits / (hits + after.misses() - before.misses());
        expected.that(
                "after " + minute + " minutes the hit rate is " + from + " to " + to + " %",
                rate >= from && rate <= to,
                percent(rate));
    }

    private void compare(Shown before, Shown after) {
        System.out.println("phase 3: what the hour brought, beside phase 1");
        double faster = 100 * (1 - after.meanMillis() / before.meanMillis());
        double fewer = 100 * (1 - after.originShare() / before.originShare());
        expected.inTime(
                "the mean response time is at least 50 % shorter",
                faster >= 50,
                String.format(Locale.ROOT, "%.1f ms, was %.1f ms", after.meanMillis(), before.meanMillis()));
        expected.that(
                "the error rate is not higher", after.errorRate() <= before.errorRate(), percent(after.errorRate()));
        expected.that("the origin has 50 to 80 % fewer calls", fewer >= 50 && fewer <= 80, percent(fewer) + " fewer");
    }

    private void peak(RedisServer redis, CacheClient client) {
        System.out.println(
                "phase 4: three times the load for six minutes, Redis is killed after two and back after four");
        Cache<String, String> cache = cache(client);
        long errors = minutes(cache, 2, 3).errors();
        redis.kill();
        errors += minutes(cache, 2, 3).errors();
        boolean byMemory = await(() -> client.health().type().equals("in-memory"));
        redis.restart(RedisServer.Data.KEEP);
        errors += minutes(cache, 2, 3).errors();
        expected.that("no request fails", errors == 0, errors + " errors");
        expected.that("memory answers meanwhile", byMemory, byMemory);
        expected.that(
                "Redis answers again",
                await(() -> cache.lookup("account-1").tier().equals("single")),
                cache.lookup("account-1").tier());
    }

    private static boolean await(BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (System.nanoTime() - end < 0) {
            if (condition.getAsBoolean()) {
                return true;
            }
            LockSupport.parkNanos(10_000_000);
        }
        return false;
    }

    private void back(RedisServer redis) {
        System.out.println("rollback: REDIS_ENABLED=false and a restart");
        long entries = entries(redis);
        try (CacheClient client = client(redis, false)) {
            Shown shown = measure(cache(client), 2);
            expected.that(
                    "health says disabled",
                    client.healthJson().contains("\"status\":\"disabled\""),
                    client.health().status());
            expected.that("0 connections to Redis", connections(redis) == 0, connections(redis));
            expected.that("every request is answered", shown.errorRate() == 0, percent(shown.errorRate()) + " errors");
        }
        expected.that("nothing is lost there", entries > 0 && entries(redis) == entries, entries + " entries");
    }

    private static long entries(RedisServer redis) {
        return (long) Objects.requireNonNull(redis.command("DBSIZE"));
    }

    /** Of clients of this library, which name their connections. */
    private static long connections(RedisServer redis) {
        String list = Optional.ofNullable(redis.command("CLIENT", "LIST"))
                .map(Object::toString)
                .orElse("");
        return list.lines().filter(line -> line.contains("name=holdfast ")).count();
    }

    private static String percent(double value) {
        return String.format(Locale.ROOT, "%.1f %%", value);
    }
}
