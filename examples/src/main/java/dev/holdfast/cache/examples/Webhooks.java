package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * A service that must answer each request within 100 ms and needs something from an origin that takes 250 ms and fails every
 * tenth call. One row per situation: without a cache, with a cold and a warm one, and while the Redis behind the cache is killed,
 * back, and frozen. A request for which there is no value in time is answered with "later", while the load goes on for the next
 * one: in a cold cache, and in an outage, since the memory behind the Redis begins empty.
 */
public final class Webhooks {
    private static final Duration LIMIT = Duration.ofMillis(100);
    /** What a request waits for a value, so that its answer is out in time. */
    private static final Duration PATIENCE = Duration.ofMillis(70);

    private static final Duration ORIGIN_DELAY = Duration.ofMillis(250);
    private static final int ORIGIN_FAILS_EVERY = 10;
    private static final int ACCOUNTS = 40;

    /**
     * A value is good for 2 s and stands in for an hour. From its first second on a read renews it in the background; if that has
     * not happened in time, a caller waits 40 ms of its 100 for the origin and then takes the old value.
     */
    static final CachePolicy POLICY = CachePolicy.of(Duration.ofSeconds(2))
            .withStaleIfError(Duration.ofHours(1))
            .withLoadSoftTimeout(Duration.ofMillis(40))
            .withRefreshAhead(0.5)
            .withTtlJitter(0.2)
            .withRetryLoadAfter(Duration.ofMillis(500))
            .withLoadTimeout(Duration.ofSeconds(2));

    private final SlowOrigin origin = new SlowOrigin(ORIGIN_DELAY, ORIGIN_FAILS_EVERY);
    private final List<String> accounts =
            IntStream.range(0, ACCOUNTS).mapToObj(i -> "account-" + i).toList();
    private final List<Row> rows = new ArrayList<>();
    private final Duration phase;

    /** One situation and what was measured in it. */
    record Row(String situation, WebhookTraffic.Seen seen, long cached, long originCalls) {
        long requests() {
            return seen.times().count();
        }

        double cachedShare() {
            return requests() == 0 ? 0 : (double) cached / requests();
        }
    }

    private Webhooks(Duration phase) {
        this.phase = phase;
    }

    /** Measures every situation for two and a half seconds. Needs nothing installed but a {@code redis-server}. */
    public static void main(String[] args) {
        measure(Duration.ofMillis(2_500));
    }

    /** Measures every situation for so long and prints the table. */
    static List<Row> measure(Duration phase) {
        Webhooks webhooks = new Webhooks(phase);
        System.out.printf(
                Locale.ROOT,
                "%n%d accounts, 8 workers, an origin of %d ms that fails every %dth call, a limit of %d ms%n%n",
                ACCOUNTS,
                ORIGIN_DELAY.toMillis(),
                ORIGIN_FAILS_EVERY,
                LIMIT.toMillis());
        System.out.println(
                "situation        requests    p50 ms    p99 ms  longest  late/1000  later/1000  failed  cached  origin calls");
        try (RedisServer redis = RedisServer.start();
                CacheClient client = client(redis)) {
            webhooks.run(
                    redis,
                    client.cache("endpoints", String.class, String.class)
                            .policy(POLICY)
                            .build());
        }
        webhooks.sumUp();
        return webhooks.rows;
    }

    /** A caller with 100 ms can't wait 3 s for a server that hangs, so a command gets 50 ms. */
    private static CacheClient client(RedisServer redis) {
        return CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_COMMAND_TIMEOUT", "50")))
                .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                .build();
    }

    private void run(RedisServer redis, Cache<String, String> cache) {
        row("no cache", cache, origin::endpointOf);
        WebhookTraffic.Handler cached = account -> endpointInTime(cache, account);
        row("cold cache", cache, cached);
        accounts.forEach(account -> warm(cache, account));
        row("warm cache", cache, cached);
        redis.kill();
        row("Redis killed", cache, cached);
        redis.restart(RedisServer.Data.KEEP);
        row("Redis back", cache, cached);
        redis.freeze();
        row("Redis frozen", cache, cached);
    }

    /** The copy is what the handler gives up on; the future of the cache itself goes on, and with it the load. */
    private String endpointInTime(Cache<String, String> cache, String account) {
        return cache.async()
                .get(account, key -> origin.endpointOf(key))
                .copy()
                .completeOnTimeout(WebhookTraffic.LATER, PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                .exceptionally(failure -> WebhookTraffic.LATER)
                .join();
    }

    /** Asks until there is a value: with a failing origin an account may still have none after the first row. */
    private void warm(Cache<String, String> cache, String account) {
        for (int attempt = 1; attempt <= 10; attempt++) {
            try {
                cache.get(account, key -> origin.endpointOf(key));
                return;
            } catch (CacheLoadException e) {
                // the next call of the origin succeeds, unless others fail in between
            }
        }
        throw new IllegalStateException("no value for " + account);
    }

    private void row(String situation, Cache<String, String> cache, WebhookTraffic.Handler handler) {
        CacheStats before = cache.stats();
        long callsBefore = origin.calls();
        WebhookTraffic.Seen seen = WebhookTraffic.run(handler, accounts, LIMIT, phase);
        CacheStats after = cache.stats();
        long answered = after.hits() + after.staleHits() - before.hits() - before.staleHits();
        Row row = new Row(situation, seen, answered, origin.calls() - callsBefore);
        rows.add(row);
        System.out.printf(
                Locale.ROOT,
                "%-14s %,10d %9.2f %9.2f %8.1f %10.1f %11.1f %7d %5.1f %% %13d%n",
                situation,
                row.requests(),
                seen.times().p50Micros() / 1_000,
                seen.times().p99Micros() / 1_000,
                seen.longestMillis(),
                seen.latePerThousand(),
                1_000.0 * seen.deferred() / Math.max(1, row.requests()),
                seen.failed(),
                100 * row.cachedShare(),
                row.originCalls());
    }

    private void sumUp() {
        WebhookTraffic.Seen without = rows.get(0).seen();
        System.out.printf(
                Locale.ROOT,
                "%nwebhooks: late_per_1000_without=%.1f late_per_1000_warm=%.1f late_per_1000_outage=%.1f%n",
                without.latePerThousand(),
                rows.get(2).seen().latePerThousand(),
                Math.max(
                        rows.get(3).seen().latePerThousand(), rows.get(5).seen().latePerThousand()));
    }
}
