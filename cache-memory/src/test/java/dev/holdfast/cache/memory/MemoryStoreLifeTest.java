package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.Redeployment;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What a store takes, and what is left of it. */
class MemoryStoreLifeTest {
    private static final Duration HOUR = Duration.ofHours(1);

    @Test
    void anApplicationThatWasUndeployedIsGarbage() {
        assertEquals(
                0,
                Redeployment.survivors(
                        20, 10, RedeployedMemory.class, "k", MemoryStore.class, CacheStore.class, Caffeine.class));
    }

    @Test
    void itsThreadInheritsNothingAndEndsWithIt() throws Exception {
        InheritableThreadLocal<String> secret = new InheritableThreadLocal<>();
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        secret.set("of the first caller");
        Thread.currentThread().setContextClassLoader(new ClassLoader(before) {});
        Set<Thread> others = ours();
        Set<Thread> its;
        try (CacheStore store = MemoryStore.create(1 << 20)) {
            store.put("k", new byte[1], HOUR);
            eventually(() -> !without(others).isEmpty());
            its = without(others);
            for (Thread thread : its) {
                assertEquals(MemoryStore.class.getClassLoader(), thread.getContextClassLoader());
            }
        } finally {
            secret.remove();
            Thread.currentThread().setContextClassLoader(before);
        }
        eventually(() -> its.stream().noneMatch(Thread::isAlive));
    }

    @Test
    void aStoreThatNobodyClosedIsGarbage() throws Exception {
        WeakReference<CacheStore> store = new WeakReference<>(used());
        eventually(() -> {
            System.gc();
            return store.get() == null;
        });
    }

    private static CacheStore used() {
        CacheStore store = MemoryStore.create(1 << 20);
        store.put("k", new byte[1], HOUR);
        return store;
    }

    private static Set<Thread> ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast-memory"))
                .collect(Collectors.toSet());
    }

    private static Set<Thread> without(Set<Thread> others) {
        Set<Thread> threads = ours();
        threads.removeAll(others);
        return threads;
    }

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "waited 15 s in vain");
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    @Test
    void aStoreThatHoldsNothingTakesLittle() throws Exception {
        List<CacheStore> stores = new ArrayList<>();
        long before = usedHeap();
        for (int i = 0; i < 50; i++) {
            stores.add(MemoryStore.builder().build());
        }
        long each = (usedHeap() - before) / 50;
        stores.forEach(CacheStore::close);
        assertTrue(each < 100 << 10, each + " bytes for a store without entries");
    }

    private static long usedHeap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            TimeUnit.MILLISECONDS.sleep(20);
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    @Test
    void theTableOfReadsGrowsWithWhatIsReadUpToItsShareOfTheStore() {
        RecentReads reads = new RecentReads(4 << 20);
        int first = reads.size();
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 20_000; i++) {
                reads.keep(new Entry("user:" + i, new byte[0], Entry.NEVER));
            }
        }
        assertTrue(first <= 1 << 10, "begins with " + first);
        assertEquals(1 << 14, reads.size(), "slots of a store of 4 MiB");
        Entry entry = new Entry("user:1", new byte[0], Entry.NEVER);
        reads.keep(entry);
        assertEquals(entry, reads.candidate("user:1"));
        entry.remove();
        reads.drop(entry);
        assertNull(reads.candidate("user:1"));
    }
}
