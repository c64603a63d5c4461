package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Settings;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CachesTest {
    private final CacheClient client =
            CacheClient.builder().name("caches").settings(Settings.of(Map.of())).build();

    @AfterEach
    void close() {
        client.close();
    }

    private Cache<String, String> open(String name) {
        return client.cache(name, String.class, String.class).build();
    }

    private Cache<String, String> openRaw(String name) {
        return client.cache(name, String.class, String.class)
                .keys(Function.<String>identity())
                .codec(Codec.raw(Codec.string()))
                .build();
    }

    private static long usedHeap() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            least = Math.min(
                    least,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return least;
    }

    private int beans() throws Exception {
        ObjectName caches = new ObjectName(
                "dev.holdfast.cache:type=Cache,client=" + client.management().await() + ",*");
        return ManagementFactory.getPlatformMBeanServer()
                .queryNames(caches, null)
                .size();
    }

    @Test
    void whatIsOursArePrefixesOfTypedCachesAndCountersNotNamesOfRawOnes() {
        open("users");
        openRaw("raw");
        assertEquals(Set.of("#:", "users:"), client.registry().prefixes());
    }

    @Test
    void thePrefixOfACacheThatWasClosedIsStillOurs() {
        open("users").close();
        openRaw("raw").close();
        assertEquals(Set.of("#:", "users:"), client.registry().prefixes());
        open("users").close();
        open("users");
        assertEquals(Set.of("#:", "users:"), client.registry().prefixes());
    }

    @Test
    void whatIsRememberedOfClosedCachesIsBounded() {
        CachePrefixes prefixes = new CachePrefixes("#:");
        prefixes.add("open:", Duration.ofSeconds(40));
        for (int i = 0; i <= CachePrefixes.MOST_CLOSED; i++) {
            assertTrue(prefixes.note().isEmpty());
            prefixes.add("c" + i + ":", Duration.ofSeconds(30));
            prefixes.closed("c" + i + ":");
        }
        assertEquals(2 + CachePrefixes.MOST_CLOSED, prefixes.known().size());
        assertEquals(Duration.ofSeconds(40), prefixes.tombstoneLife("open:k:l"));
        assertEquals(Duration.ofSeconds(30), prefixes.tombstoneLife("c1:k"));
        assertNull(prefixes.tombstoneLife("c0:k"), "forgotten");
        assertNull(prefixes.tombstoneLife("#:counter"));
        assertNull(prefixes.tombstoneLife("raw"));
        assertFalse(prefixes.known().contains("c0:"));
        assertTrue(prefixes.known().containsAll(Set.of("#:", "open:", "c1:", "c" + CachePrefixes.MOST_CLOSED + ':')));
        assertTrue(prefixes.note().isPresent());
    }

    @Test
    void cachesThatWereOpenedAndClosedLeaveNothingBehind() throws Exception {
        for (int i = 0; i < 100; i++) {
            open("warm" + i).close();
        }
        beans();
        long before = usedHeap();
        for (int i = 0; i < 20_000; i++) {
            Cache<String, String> cache = open("cache" + i);
            assertEquals("v", cache.get("k", CacheLoader.adaptive((key, context) -> {
                context.dontCache(); // what entries take is the store's
                return "v";
            })));
            cache.close();
        }
        // The leases' ticks end within 50 ms.
        EngineFixture.until("the heap is within 5 MB of what it was", () -> usedHeap() - before < 5 << 20);
        assertEquals(0, beans());
    }

    @Test
    void aCacheTakesAtMostFourKilobytesBeforeItHoldsAnything() throws Exception {
        open("first");
        beans();
        int count = 4_000;
        List<Cache<String, String>> open = new ArrayList<>();
        long before = usedHeap();
        for (int i = 0; i < count; i++) {
            open.add(open("cache" + i));
        }
        long each = (usedHeap() - before) / count;
        assertEquals(count + 1, beans());
        assertTrue(each <= 4 << 10, () -> each + " bytes for each cache, its MBean included");
        assertEquals(count, open.size());
    }

    @Test
    void aCacheThatIsOpenedAgainIsAnotherOneAndIsShown() throws Exception {
        Cache<String, String> first = open("again");
        beans();
        first.close();
        assertEquals(0, beans());
        Cache<String, String> second = open("again");
        assertNotSame(first, second);
        first.close();
        assertEquals(1, beans());
        second.put("k", "v");
        assertEquals("v", open("again").get("k"));
    }

    @Test
    void whoeverAsksAtTheSameTimeGetsTheSameCache() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (int round = 0; round < 50; round++) {
                String name = "same" + round;
                CountDownLatch start = new CountDownLatch(1);
                List<Future<Cache<String, String>>> asked = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    asked.add(threads.submit(() -> {
                        start.await();
                        return open(name);
                    }));
                }
                start.countDown();
                Cache<String, String> one = asked.get(0).get();
                for (Future<Cache<String, String>> each : asked) {
                    assertEquals(one, each.get());
                }
                one.put("k", "v");
            }
            assertEquals(50, beans());
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void openingACacheWhileJmxLooksAtHealthDeadlocksNobody() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            String name = client.management().await();
            ObjectName bean = new ObjectName("dev.holdfast.cache:type=CacheClient,name=" + name);
            Future<?> looks = threads.submit(() -> {
                for (int i = 0; i < 2_000; i++) {
                    ManagementFactory.getPlatformMBeanServer().getAttribute(bean, "Notes");
                }
                return null;
            });
            Future<?> opens = threads.submit(() -> {
                for (int i = 0; i < 2_000; i++) {
                    open("c" + i).close();
                }
            });
            EngineFixture.result(looks);
            EngineFixture.result(opens);
        } finally {
            threads.shutdownNow();
        }
    }
}
