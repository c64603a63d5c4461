package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheEvent.StaleServed;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RecordingListener;
import dev.holdfast.cache.testkit.RedisExtension;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The applications that somebody builds who has the documents alone: a shop, a service that must answer in time, a job, and the tests of each. */
class FourApplicationsTest {
    @RegisterExtension
    static final RedisExtension redis = RedisExtension.create();

    private final FakeClock clock = new FakeClock();
    private final RecordingListener events = new RecordingListener();

    private CacheClient client() {
        return CacheClient.builder()
                .name("shop")
                .keyPrefix("shop")
                .tier(SingleConfig.of(redis.url()).withCommandTimeout(Duration.ofMillis(300)))
                .clock(clock)
                .on(CacheEvent.class, events)
                .build();
    }

    record PriceKey(String shop, long number) {}

    record Price(long cents, String currency) {}

    /** A table of prices. */
    static final class Prices {
        final Map<PriceKey, Price> rows = new ConcurrentHashMap<>();
        final AtomicInteger queries = new AtomicInteger();
        final AtomicInteger largest = new AtomicInteger();
        volatile boolean down;
        volatile CountDownLatch slow = new CountDownLatch(0);

        Price find(PriceKey key) throws SQLException, InterruptedException {
            return findAll(List.of(key)).get(key);
        }

        Map<PriceKey, Price> findAll(Collection<PriceKey> keys) throws SQLException, InterruptedException {
            queries.incrementAndGet();
            largest.accumulateAndGet(keys.size(), Math::max);
            slow.await();
            if (down) {
                throw new SQLException("the database is down");
            }
            Map<PriceKey, Price> found = new LinkedHashMap<>();
            keys.forEach(key -> rows.computeIfPresent(key, (same, price) -> {
                found.put(key, price);
                return price;
            }));
            return found;
        }
    }

    @Test
    void aShopOutlivesItsDatabaseAndItsRedis() {
        Prices database = new Prices();
        PriceKey book = new PriceKey("a:1", 7);
        PriceKey none = new PriceKey("a:1", 8);
        database.rows.put(book, new Price(995, "EUR"));
        try (CacheClient client = client()) {
            LoadingCache<PriceKey, Price> prices = client.cache("prices", PriceKey.class, Price.class)
                    .ttl(Duration.ofMinutes(5))
                    .staleIfError(Duration.ofHours(1))
                    .loadSoftTimeout(Duration.ofMillis(80))
                    .rememberAbsence(Duration.ofSeconds(30))
                    .tags("all")
                    .build(database::find);
            assertEquals(new Price(995, "EUR"), prices.get(book));
            assertNull(prices.get(none));
            assertNull(prices.get(none));
            assertEquals(2, database.queries.get(), "absence is remembered");

            clock.advance(Duration.ofMinutes(6));
            database.down = true;
            assertEquals(new Price(995, "EUR"), prices.get(book), "the last price");
            assertEquals("prices", events.await(StaleServed.class).cache());
            CacheLoadException e = assertThrows(CacheLoadException.class, () -> prices.get(new PriceKey("b", 1)));
            assertInstanceOf(SQLException.class, e.getCause());

            database.down = false;
            database.rows.put(book, new Price(1_095, "EUR"));
            clock.advance(Duration.ofSeconds(6)); // its rest after the failure
            database.slow = new CountDownLatch(1);
            assertEquals(new Price(995, "EUR"), prices.get(book), "who can't wait has the last price");
            database.slow.countDown();
            assertTrue(holds(prices, book, new Price(1_095, "EUR")), "and the load went on");

            database.rows.put(book, new Price(1_195, "EUR"));
            prices.markStaleByTag("all");
            assertEquals(Optional.empty(), prices.find(book));
            prices.refresh(book);
            assertEquals(new Price(1_195, "EUR"), prices.get(book));

            redis.server().kill();
            assertEquals(new Price(1_195, "EUR"), prices.get(book), "from the database, without Redis");
            assertEquals("single", events.await(TierLost.class).tier());
        }
    }

    private static <K, V> boolean holds(LoadingCache<K, V> cache, K key, V value) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!cache.find(key).equals(Optional.of(value))) {
            if (System.nanoTime() > end) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }

    @Test
    void aShopAsksForManyPricesInBatchesThatSqlTakes() {
        Prices database = new Prices();
        List<PriceKey> keys = new ArrayList<>();
        for (int number = 0; number < 2_500; number++) {
            PriceKey key = new PriceKey("a", number);
            keys.add(key);
            database.rows.put(key, new Price(number, "EUR"));
        }
        try (CacheClient client = client()) {
            LoadingCache<PriceKey, Price> prices = client.cache("prices", PriceKey.class, Price.class)
                    .maxBatch(1_000)
                    .buildBulk(database::findAll);
            assertEquals(2_500, prices.getAll(keys).size());
            assertEquals(2_500, prices.getAll(keys).size());
            assertEquals(3, database.queries.get());
            assertEquals(1_000, database.largest.get());
        }
    }

    @Test
    void aWebhookAnswersInTime() {
        CountDownLatch slow = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        try (CacheClient client = client()) {
            LoadingCache<Long, String> endpoints = client.cache("endpoints", Long.class, String.class)
                    .ttl(Duration.ofMinutes(5))
                    .refreshAhead(0.8)
                    .build(id -> {
                        slow.await();
                        return "https://example/" + id + '/' + asked.incrementAndGet();
                    });
            assertEquals("later", inTime(endpoints), "nothing is known yet");
            slow.countDown();
            assertTrue(holds(endpoints, 42L, "https://example/42/1"), "the load went on for who comes next");
            assertEquals("https://example/42/1", inTime(endpoints));
            clock.advance(Duration.ofSeconds(250));
            assertEquals("https://example/42/1", inTime(endpoints), "nobody waits for the refresh");
            assertTrue(holds(endpoints, 42L, "https://example/42/2"));
        }
    }

    private static String inTime(LoadingCache<Long, String> endpoints) {
        return endpoints
                .async()
                .get(42L)
                .copy()
                .completeOnTimeout("later", 2, TimeUnit.SECONDS)
                .exceptionally(failure -> "later")
                .join();
    }

    /** What a job needs: each event once, counts, and a bound on how often. */
    static final class Job {
        private final Cache<String, String> handled;
        private final CacheClient client;
        private final String me;
        final List<String> done = new ArrayList<>();

        Job(CacheClient client, String me) {
            this.client = client;
            this.me = me;
            this.handled = client.cache("handled", String.class, String.class)
                    .ttl(Duration.ofDays(1))
                    .serversOnly()
                    .build();
        }

        void handle(String event) {
            boolean mine;
            try {
                mine = handled.putIfAbsent(event, me);
            } catch (CacheUnavailableException e) {
                if (!e.outcomeUnknown()) {
                    throw e;
                }
                mine = handled.putIfAbsent(event, me) || me.equals(handled.get(event));
            }
            if (mine) {
                done.add(event);
                client.counter("done").serversOnly().build().increment();
            }
        }

        boolean isAllowed(String user) {
            Counter logins = client.counter("logins:" + user)
                    .ttl(Duration.ofMinutes(1))
                    .serversOnly()
                    .build();
            return logins.increment() <= 3;
        }
    }

    @Test
    void aJobHandlesEachEventOnceAndNothingWhileItCannotTell() {
        try (CacheClient client = client();
                CacheClient another = client()) {
            Job one = new Job(client, "one");
            Job other = new Job(another, "other");
            one.handle("e1");
            other.handle("e1");
            other.handle("e2");
            assertEquals(List.of("e1"), one.done);
            assertEquals(List.of("e2"), other.done);
            Counter done = client.counter("done").serversOnly().build();
            assertEquals(2, done.get());
            assertEquals(
                    List.of(true, true, true), List.of(one.isAllowed("u"), other.isAllowed("u"), one.isAllowed("u")));
            assertFalse(other.isAllowed("u"));
            assertTrue(client.counter("logins:u").serversOnly().build().ttl().isPresent());

            redis.server().kill();
            assertThrows(CacheUnavailableException.class, () -> one.handle("e3"));
            assertThrows(CacheUnavailableException.class, () -> one.isAllowed("u"), "nobody is let through");
            assertEquals(List.of("e1"), one.done);
        }
    }
}
