package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.EntryUse;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What a client tells of its caches, its loads and its commands. */
class ClientListenersTest {
    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    private final Map<String, CacheFigures> figures = new ConcurrentHashMap<>();

    private final ClientListener log = new ClientListener() {
        @Override
        public void cacheOpened(Cache<?, ?> cache, CacheFigures counted) {
            told.add("opened " + cache.name());
            figures.put(cache.name(), counted);
        }

        @Override
        public void cacheClosed(Cache<?, ?> cache) {
            told.add("closed " + cache.name());
        }

        @Override
        public void clientClosed() {
            told.add("client closed");
        }
    };

    private static CacheClient client() {
        return CacheClient.from(Settings.of(Map.of()));
    }

    private static Cache<String, String> open(CacheClient client, String name) {
        return client.cache(name, String.class, String.class).build();
    }

    @Test
    void aListenerIsToldOfCachesThatAreOpenAndOfThoseThatComeAndGo() {
        CacheClient client = client();
        open(client, "before");
        client.addListener(log);
        Cache<String, String> later = open(client, "later");
        assertSame(later, open(client, "later"));
        later.close();
        open(client, "later");
        client.close();
        client.close();
        assertEquals(
                List.of("opened before", "opened later", "closed later", "opened later", "client closed"),
                List.copyOf(told).subList(0, 5));
        assertEquals(
                List.of("closed before", "closed later"),
                told.stream().skip(5).sorted().toList());
        assertThrows(IllegalStateException.class, () -> client.addListener(log));
    }

    @Test
    void aListenerThatIsGoneIsToldNothingAndOneThatFailsHarmsNobody() {
        try (CacheClient client = client()) {
            client.addListener(new ClientListener() {
                @Override
                public void cacheOpened(Cache<?, ?> cache, CacheFigures counted) {
                    throw new IllegalStateException("a listener's own trouble");
                }
            });
            Runnable end = client.addListener(log);
            open(client, "one");
            end.run();
            open(client, "two");
            assertEquals(List.of("opened one"), List.copyOf(told));
        }
    }

    @Test
    void ofACacheThatIsClosedWhileItIsOpenedTheClosingIsToldLast() throws Exception {
        try (CacheClient client = client()) {
            CountDownLatch closed = new CountDownLatch(1);
            client.addListener(new ClientListener() {
                @Override
                public void cacheOpened(Cache<?, ?> cache, CacheFigures counted) {
                    if (cache.name().equals("short")) {
                        Thread other = new Thread(() -> {
                            cache.close();
                            closed.countDown();
                        });
                        other.start();
                        await(closed);
                    }
                }
            });
            client.addListener(log);
            open(client, "short");
            List<String> events = List.copyOf(told);
            assertEquals("closed short", events.get(events.size() - 1), events::toString);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(30, TimeUnit.SECONDS), "waited 30 s for a latch");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void totalsGoOnWhateverIsResetAndAfterClosing() {
        CacheClient client = client();
        client.addListener(log);
        CacheEngine<String, String> cache = (CacheEngine<String, String>) open(client, "c");
        cache.get("k", key -> "v");
        cache.get("k");
        cache.resetStats();
        assertEquals(0, cache.stats().hits());
        assertEquals(Latency.NONE, cache.stats().loadTime());
        cache.get("k");
        cache.get("other", key -> "v");
        assertEquals(1, cache.stats().hits());
        assertEquals(1, cache.stats().loadTime().count());
        client.close();
        CacheStats all = figures.get("c").totals();
        assertEquals(2, all.hits());
        assertEquals(2, all.misses());
        assertEquals(2, all.loads());
        assertEquals(2, all.stored());
        assertEquals(Latency.NONE, all.loadTime());
    }

    @Test
    void whatIsInThisProcessIsCountedAndNothingElse() {
        try (RedisServer redis = RedisServer.start();
                CacheClient here = client();
                CacheClient there = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            here.addListener(log);
            there.addListener(log);
            Cache<String, String> cache = open(here, "here");
            open(here, "other").put("k", "v");
            Function<Object, String> text = Object::toString;
            here.cache("raw", Object.class, String.class)
                    .keys(text)
                    .codec(Codec.raw(Codec.string()))
                    .build()
                    .put("k", "v");
            open(there, "there").put("k", "v");
            cache.putAll(Map.of("a", "1", "b", "2"));
            assertEquals(new EntryUse(2, 0), figures.get("here").use());
            cache.remove("a");
            assertEquals(new EntryUse(1, 0), figures.get("here").use());
            assertNull(figures.get("raw").use());
            assertNull(figures.get("there").use());
        }
    }

    @Test
    void aLoadIsToldOfFromBeginToEnd() {
        try (CacheClient client = client()) {
            Runnable end = client.observeLoads((name, place) -> {
                told.add(name + " of " + place);
                return failure -> told.add(failure == null ? "loaded" : "failed with " + failure.getMessage());
            });
            Cache<String, String> cache = open(client, "users");
            cache.get("k", key -> {
                told.add("loading");
                return "v";
            });
            cache.getAll(List.of("a", "b"), keys -> Map.of());
            assertThrows(
                    IllegalStateException.class,
                    () -> cache.get("bad", key -> {
                        throw new IllegalStateException("the origin's trouble");
                    }));
            assertEquals("v", cache.get("k", key -> "never"));
            end.run();
            cache.get("unobserved", key -> "v");
        }
        assertEquals(
                List.of(
                        "load of users",
                        "loading",
                        "loaded",
                        "load of users",
                        "loaded",
                        "load of users",
                        "failed with the origin's trouble"),
                List.copyOf(told));
    }

    @Test
    void commandsOfEveryTierAreToldOf() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            Runnable end = client.observeCommands(new CallObserver() {
                @Override
                public Ended began(String name, String place) {
                    return failure -> told.add(name + ' ' + place + ' ' + failure);
                }
            });
            Cache<String, String> cache = open(client, "c");
            assertNull(cache.get("k"));
            end.run();
            cache.put("k", "v");
            assertEquals(List.of("GET 127.0.0.1:" + redis.port() + " null"), List.copyOf(told));
        }
    }
}
