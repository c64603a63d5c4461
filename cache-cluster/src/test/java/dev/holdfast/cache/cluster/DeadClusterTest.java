package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Calls on a cluster of which everything is gone: none waits for what does not come, however long its time. */
class DeadClusterTest {
    private static final Duration TTL = Duration.ofHours(1);

    private static RedisCluster cluster;

    private ClusterStore store;
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicLong calls = new AtomicLong();
    private final List<Thread> callers = new ArrayList<>();

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder().replicasPerMaster(0).start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    private void startCallers() {
        store = ClusterStore.of(Shards.config(cluster)
                .withConnectTimeout(Duration.ofSeconds(10))
                .withCommandTimeout(Duration.ofSeconds(20)));
        for (int i = 0; i < 8; i++) {
            int first = i;
            Thread caller = new Thread(() -> callUntilOver(first));
            callers.add(caller);
            caller.start();
        }
        awaitCalls(500);
    }

    @AfterEach
    void restart() throws InterruptedException {
        over.set(true);
        for (Thread caller : callers) {
            caller.join();
        }
        store.close();
        cluster.restart(RedisServer.Data.KEEP);
        cluster.awaitHealthy();
    }

    @Test
    void aDisconnectEndsEveryCallWhateverItWaitsFor() throws InterruptedException {
        startCallers();
        cluster.nodes().forEach(RedisServer::freeze);
        Thread.sleep(100);
        over.set(true);
        store.disconnect(new IllegalStateException("the tier is out"));
        List<Thread> waiting = stillWaiting();
        cluster.nodes().forEach(RedisServer::thaw);

        assertEquals(List.of(), waiting);
    }

    @Test
    void aRemovalByPrefixDoesNotWaitForAMasterThatIsFrozen() {
        startCallers();
        RedisServer frozen = cluster.masters().get(0);
        frozen.freeze();
        try {
            long start = System.nanoTime();
            assertThrows(CacheUnavailableException.class, () -> store.removeByPrefix("p:"));
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);

            assertTrue(millis < 3_000, () -> millis + " ms");
        } finally {
            frozen.thaw();
        }
    }

    /** Ends the traffic; returns those whose last call has not ended a second later. */
    private List<Thread> stillWaiting() throws InterruptedException {
        over.set(true);
        for (Thread caller : callers) {
            caller.join(TimeUnit.SECONDS.toMillis(1));
        }
        return callers.stream().filter(Thread::isAlive).toList();
    }

    private void callUntilOver(int first) {
        for (int i = first; !over.get(); i++) {
            try {
                switch (i % 4) {
                    case 0 -> store.put("k" + i % 100, new byte[] {1}, TTL);
                    case 1 -> store.getAll(List.of("k" + i % 100, "k" + (i + 1) % 100, "k" + (i + 2) % 100));
                    case 2 -> store.increment("n" + i % 100, 1, TTL);
                    default -> store.get("k" + i % 100);
                }
            } catch (CacheUnavailableException e) {
                // As it may.
            }
            calls.incrementAndGet();
        }
    }

    private void awaitCalls(long wanted) {
        long until = System.nanoTime() + 20_000_000_000L;
        while (calls.get() < wanted && System.nanoTime() - until < 0) {
            Thread.onSpinWait();
        }
        assertTrue(calls.get() >= wanted, "no traffic");
    }
}
