package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.memory.MemoryStore;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanServer;
import javax.management.MBeanServerDelegate;
import javax.management.MBeanServerNotification;
import javax.management.NotificationListener;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

class ManagementTest {
    private static final MBeanServer SERVER = ManagementFactory.getPlatformMBeanServer();

    private static Set<ObjectName> beans(String client) throws Exception {
        Set<ObjectName> found = SERVER.queryNames(new ObjectName("dev.holdfast.cache:client=" + client + ",*"), null);
        found.addAll(SERVER.queryNames(new ObjectName("dev.holdfast.cache:type=CacheClient,name=" + client), null));
        return found;
    }

    private static CacheClient named(String name) {
        CacheClient client = CacheClient.builder().name(name).build();
        client.management().await();
        return client;
    }

    @Test
    void twoClientsOfOneNameDoNotCollide() throws Exception {
        try (CacheClient first = named("twin");
                CacheClient second = named("twin")) {
            assertEquals("twin", first.management().await());
            assertEquals("twin-2", second.management().await());
            first.cache("users", String.class, String.class).build();
            second.cache("users", String.class, String.class).build();
            first.management().await();
            second.management().await();
            assertEquals(3, beans("twin").size());
            assertEquals(3, beans("twin-2").size());
        }
        assertTrue(beans("twin").isEmpty());
        assertTrue(beans("twin-2").isEmpty());
    }

    @Test
    void namesThatJmxWouldMisreadAreQuoted() throws Exception {
        try (CacheClient client = named("a,b=c*\"d\"")) {
            ObjectName name =
                    new ObjectName("dev.holdfast.cache:type=CacheClient,name=" + ObjectName.quote("a,b=c*\"d\""));
            assertEquals("in-memory", SERVER.getAttribute(name, "Type"));
            assertThrows(AttributeNotFoundException.class, () -> SERVER.getAttribute(name, "Nonsense"));
            assertEquals(client.name(), ObjectName.unquote(name.getKeyProperty("name")));
        }
    }

    @Test
    void aCacheThatIsOpenedAgainIsShownAgain() throws Exception {
        try (CacheClient client = named("again")) {
            ObjectName name = new ObjectName("dev.holdfast.cache:type=Cache,client=again,name=users");
            Cache<String, String> first =
                    client.cache("users", String.class, String.class).build();
            first.get("x");
            client.management().await();
            assertEquals(1L, SERVER.getAttribute(name, "Misses"));
            first.close();
            Cache<String, String> second =
                    client.cache("users", String.class, String.class).build();
            assertNotEquals(first, second);
            client.management().await();
            assertEquals(0L, SERVER.getAttribute(name, "Misses"));
            assertEquals(
                    3,
                    SERVER.getAttributes(name, new String[] {"Hits", "Misses", "HitRatio", "Nonsense"})
                            .size());
        }
    }

    @Test
    void whatIsOpenedBeforeJmxIsReadyIsShownWhenItIs() throws Exception {
        try (CacheClient client = CacheClient.builder().name("early").build()) {
            client.cache("users", String.class, String.class).build();
            client.management().await();
            assertEquals(3, beans("early").size());
        }
    }

    @Test
    void aThousandClientsLeaveNothingBehind() throws Exception {
        openAndClose(50);
        settle();
        int beans = SERVER.getMBeanCount();
        int threads = ManagementFactory.getThreadMXBean().getThreadCount();
        long heap = usedHeap();
        openAndClose(1_000);
        await("threads end", () -> ManagementFactory.getThreadMXBean().getThreadCount() <= threads + 3);
        assertEquals(beans, SERVER.getMBeanCount());
        settle();
        long grown = usedHeap() - heap;
        assertTrue(grown < 8L << 20, () -> "1,000 clients left " + (grown >> 10) + " KiB");
    }

    @Test
    void aStoreWhoseHealthHangsHoldsUpNobody() throws Exception {
        ScriptedStore store = new ScriptedStore(MemoryStore.create(8 << 20));
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.equals("health")) {
                asked.countDown();
                EngineFixture.await(release);
            }
        };
        CacheClient client =
                CacheClient.builder().name("hung").memory(() -> store).build();
        EngineFixture.await(asked);
        usedAndClosed(client);
        assertEquals(1, store.closings.get());
        release.countDown();
        await("nothing is shown of it", () -> beansNow("hung").isEmpty());
    }

    @Test
    void whoeverListensForMBeansHoldsUpNobody() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        NotificationListener listener = (notification, unused) -> {
            if (String.valueOf(((MBeanServerNotification) notification).getMBeanName())
                    .contains("listened")) {
                told.countDown();
                EngineFixture.await(release);
            }
        };
        SERVER.addNotificationListener(MBeanServerDelegate.DELEGATE_NAME, listener, null, null);
        try (CacheClient client = CacheClient.builder().name("listened").build()) {
            EngineFixture.await(told);
            usedAndClosed(client);
        } finally {
            release.countDown();
            SERVER.removeNotificationListener(MBeanServerDelegate.DELEGATE_NAME, listener);
        }
        await("nothing is shown of it", () -> beansNow("listened").isEmpty());
    }

    private static void usedAndClosed(CacheClient client) throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            thread.submit(() -> {
                        Cache<String, String> cache = client.cache("users", String.class, String.class)
                                .build();
                        cache.put("k", "v");
                        assertEquals("v", cache.get("k"));
                        cache.close();
                        client.close();
                    })
                    .get(5, TimeUnit.SECONDS);
        } finally {
            thread.shutdownNow();
        }
    }

    private static Set<ObjectName> beansNow(String client) {
        try {
            return beans(client);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void withoutAThreadForJmxTheClientWorksAndIsShownWhenThereIsOne() {
        AtomicBoolean scarce = new AtomicBoolean(true);
        try (CacheClient client = CacheClient.builder().name("owner").build()) {
            client.management().await();
            Management management = new Management(client, task -> {
                if (scarce.get()) {
                    throw new OutOfMemoryError("unable to create native thread");
                }
                return IsolatedThreads.thread(task, "late-jmx");
            });
            management.start(() -> SERVER);
            scarce.set(false);
            try (CacheEngine<String, String> cache = (CacheEngine<String, String>)
                    client.cache("users", String.class, String.class).build()) {
                management.add(cache);
                assertEquals("owner-2", management.await());
                assertEquals(3, beansNow("owner-2").size());
                scarce.set(true);
            }
            management.close();
            assertTrue(beansNow("owner-2").isEmpty());
        }
    }

    private static void openAndClose(int times) {
        for (int i = 0; i < times; i++) {
            try (CacheClient client = CacheClient.builder().name("leak").build()) {
                Cache<String, String> cache =
                        client.cache("users", String.class, String.class).build();
                cache.get("k", key -> "v");
                client.counter("c").ttl(Duration.ofMinutes(1)).build().increment(1);
            }
        }
    }

    private static void settle() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
    }

    private static long usedHeap() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "waited in vain: " + what);
            Thread.sleep(20);
        }
    }
}
