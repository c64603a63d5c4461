package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Clients of one server, of which each sees what others changed within a bound, whatever dies. */
@Execution(ExecutionMode.CONCURRENT)
class AgreementTest {
    private static final String CLEAN = "#roll:{roll}:clean";
    private static final String HEARD = "#roll:{roll}:heard";

    private final RedisServer redis = RedisServer.start();
    private final TcpProxy proxy = TcpProxy.to("127.0.0.1", redis.port());

    private final AtomicReference<String> source = new AtomicReference<>("old");
    private final AtomicInteger loads = new AtomicInteger();

    @AfterEach
    void stop() {
        proxy.close();
        redis.close();
    }

    private CacheClient client(String url, String... more) {
        Map<String, String> settings = new HashMap<>(Map.of("REDIS_URL", url));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return CacheClient.from(Settings.of(settings));
    }

    private String behindProxy() {
        return "redis://127.0.0.1:" + proxy.port();
    }

    private LoadingCache<String, String> agreed(CacheClient client) {
        return client.cache("agreed", String.class, String.class).build(key -> {
            loads.incrementAndGet();
            return source.get();
        });
    }

    private static void until(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!holds.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    private long members(String key) {
        return (long) redis.command("ZCARD", key);
    }

    /** Who may have been on a roll before this one was new is given up by hand, not after half a minute. */
    private void nobodyElseIsMissing(int clients) {
        until("each client is on the roll", () -> members(HEARD) == clients + 2);
        redis.command("ZREM", CLEAN, "?");
        redis.command("ZREM", HEARD, "?");
    }

    @Test
    void aChangeOfAClientThatIsCutOffIsSeenWithinTheBound() {
        try (CacheClient one = client(behindProxy(), "CACHE_AGREE_WITHIN", "5");
                CacheClient other = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
            LoadingCache<String, String> ones = agreed(one);
            LoadingCache<String, String> others = agreed(other);
            assertEquals("old", ones.get("k"));
            nobodyElseIsMissing(2);

            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(7);
            until("both know of each other", () -> one.isReady() && System.nanoTime() - end > 0);
            int before = loads.get();
            assertEquals("old", others.get("k"), "older than the bound");
            assertEquals(before, loads.get(), "and believed, while nobody is missing");

            proxy.halfOpen();
            source.set("new");
            ones.remove("k");
            assertEquals("new", ones.get("k"), "its own change");
            until("the other sees it", () -> others.get("k").equals("new"));
            proxy.pass();
        }
    }

    @Test
    void whatALostClientMayHaveRemovedIsGoneOnceItIsGivenUp() {
        try (CacheClient client = client(redis.url())) {
            Cache<String, String> cache =
                    client.cache("usual", String.class, String.class).build();
            cache.put("k", "of before");
            until("it is on the roll", () -> members(HEARD) == 3);
            // One that was behind when it was last heard, too long ago.
            redis.command("ZADD", CLEAN, "1", "lost");
            redis.command("ZADD", HEARD, "2", "lost");
            until("it is struck off", () -> members(HEARD) <= 3);
            until("what it may have removed is absent", () -> cache.get("k") == null);
            cache.put("k", "of after");
            assertEquals("of after", cache.get("k"));
        }
    }

    @Test
    void aClientThatIsClosedLeavesTheRoll() {
        try (CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
            client.cache("agreed", String.class, String.class).build().put("k", "v");
            until("it is on the roll", () -> members(HEARD) == 3);
        }
        assertEquals(2, members(HEARD));
        assertEquals(2, members(CLEAN));
    }

    @Test
    void aClientReadsWhatItStoresFirst() {
        for (int i = 0; i < 5; i++) {
            try (CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
                Cache<String, String> cache =
                        client.cache("agreed", String.class, String.class).build();
                cache.put("k" + i, "v");
                assertEquals("v", cache.get("k" + i));
                assertFalse(cache.putIfAbsent("k" + i, "another"));
            }
        }
    }

    /** It was removed key by key where the others could not be told yet: what another was loading was stored after it. */
    @Test
    void aClientsFirstRemovalOfEverythingIsNotUndoneByALoadOfAnother() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch cleared = new CountDownLatch(1);
        try (CacheClient other = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
            LoadingCache<String, String> others = other.cache("agreed", String.class, String.class)
                    .build(key -> {
                        String found = source.get();
                        loading.countDown();
                        assertTrue(cleared.await(20, TimeUnit.SECONDS));
                        return found;
                    });
            until("it is on the roll", () -> members(HEARD) == 3);
            CompletableFuture<String> load = CompletableFuture.supplyAsync(() -> others.get("k"));
            assertTrue(loading.await(20, TimeUnit.SECONDS));
            source.set("new");
            try (CacheClient one = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
                Cache<String, String> ones =
                        one.cache("agreed", String.class, String.class).build();
                ones.clear();
                cleared.countDown();
                assertEquals("old", load.get(20, TimeUnit.SECONDS), "it joined before");
                assertNull(ones.get("k"), "its own change");
                until("the other sees it", () -> others.get("k").equals("new"));
            }
        }
    }

    /** Whatever of its first words is under way, or answered and not heard, when it goes. */
    @Test
    void aClientThatGoesSoonLeavesTheRollToo() {
        for (long millis = 0; millis < 40; millis++) {
            try (CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
                client.cache("agreed", String.class, String.class).build().put("k", "v");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5 * millis));
            }
            assertTrue(members(HEARD) <= 2, millis + ": " + redis.command("ZRANGE", HEARD, "0", "-1"));
        }
    }

    @Test
    void aRemovalOfEverythingLeavesTheRoll() {
        try (CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5", "REDIS_KEY_PREFIX", "app")) {
            Cache<String, String> cache =
                    client.cache("agreed", String.class, String.class).build();
            cache.put("k", "v");
            until("it is on the roll", () -> members("app:" + HEARD) == 3);
            cache.clear();
            assertNull(cache.get("k"));
            assertTrue(members("app:" + HEARD) >= 3);
        }
    }

    /** Its maker did not know the time, as a client does not before its first answer. */
    @Test
    void anEntryFromTheFutureOutlivesNeitherAFloorNorABound() {
        CacheClient ahead = CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                .clock(() -> Instant.now().plus(Duration.ofHours(1)))
                .build();
        try (ahead;
                CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
            Cache<String, String> cache =
                    client.cache("agreed", String.class, String.class).build();
            cache.put("own", "v");
            until("it is on the roll", () -> members(HEARD) >= 3);
            ahead.cache("agreed", String.class, String.class).build().put("k", "of the future");
            cache.clear();
            assertNull(cache.get("own"));
            assertNull(cache.get("k"), "what it has cleared itself");
        }
    }

    @Test
    void whoMayNotAskLoadsWhatIsOlderAnew() {
        redis.command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-eval", "-evalsha");
        try (CacheClient client = client("redis://plain:secret@127.0.0.1:" + redis.port(), "CACHE_AGREE_WITHIN", "5")) {
            LoadingCache<String, String> cache = agreed(client);
            assertEquals("old", cache.get("k"));
            assertEquals(1, loads.get());
            source.set("new");
            until("the bound has passed", () -> cache.get("k").equals("new"));
            assertEquals(2, loads.get());
            until("health says why", () -> client.healthJson().contains("#roll:*"));
        }
    }

    @Test
    void aRawCacheIsNotBoundByTheClientsPolicy() {
        try (CacheClient client = client(redis.url(), "CACHE_AGREE_WITHIN", "5")) {
            client.cache("raw", String.class, byte[].class)
                    .codec(Codec.raw(Codec.bytes()))
                    .build()
                    .put("k", new byte[] {1});
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> client.cache("another", String.class, byte[].class)
                            .codec(Codec.raw(Codec.bytes()))
                            .agreeWithin(Duration.ofSeconds(5))
                            .build());
            assertTrue(String.valueOf(e.getMessage()).contains("agreeWithin"), e.getMessage());
        }
    }

    @Test
    void theVariableIsZeroOrFromFiveSecondsOn() {
        for (String right : new String[] {"0", "5", "10s", "1d"}) {
            try (CacheClient client = CacheClient.from(Settings.of(Map.of("CACHE_AGREE_WITHIN", right)))) {
                assertTrue(client.isReady(), right);
            }
        }
        for (String wrong : new String[] {"3", "4999ms", "2d", "-5", "soon"}) {
            CacheConfigException e = assertThrows(
                    CacheConfigException.class,
                    () -> CacheClient.from(Settings.of(Map.of("CACHE_AGREE_WITHIN", wrong))));
            assertTrue(String.valueOf(e.getMessage()).startsWith("CACHE_AGREE_WITHIN is "), e.getMessage());
        }
    }

    @Test
    void aBoundIsFromFiveSecondsToADay() {
        for (Duration wrong : new Duration[] {Duration.ofMillis(4_999), Duration.ofHours(25), Duration.ofSeconds(-5)}) {
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> CachePolicy.defaults().withAgreeWithin(wrong));
            assertTrue(String.valueOf(e.getMessage()).contains("agreeWithin must be from PT5S"), e.getMessage());
        }
    }
}
