package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A node whose connections are of no use is not asked for another by every call. */
class ConnectionStormTest {

    /** Has so many callers call for so long; returns how many calls failed. */
    private static int failedOf(ClusterStore store, int count, long millis) throws InterruptedException {
        long start = System.nanoTime();
        AtomicInteger failed = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Thread caller = new Thread(() -> {
                while (System.nanoTime() - start < TimeUnit.MILLISECONDS.toNanos(millis)) {
                    try {
                        store.get("k");
                    } catch (CacheUnavailableException | CacheRejectedException e) {
                        failed.incrementAndGet();
                    }
                    LockSupport.parkNanos(1_000_000);
                }
            });
            callers.add(caller);
            caller.start();
        }
        for (Thread caller : callers) {
            caller.join();
        }
        return failed.get();
    }

    private static int failedOf(ClusterStore store) {
        try {
            return store.get("k") == null ? 1 : 0;
        } catch (CacheUnavailableException e) {
            return 1;
        }
    }

    /** A node that answers, but breaks the connection at a command. */
    private static PeerCluster breaking(Set<String> broken, String how, AtomicInteger questions) {
        Map<String, String> canaries = new ConcurrentHashMap<>();
        return PeerCluster.asked(
                (command, caller) -> {
                    if (broken.contains(command.get(0))) {
                        if (how.isEmpty()) {
                            caller.close();
                        } else {
                            caller.lines(how);
                        }
                    } else if (command.get(0).equals("GET")) {
                        PeerCluster.bulk(caller, "v");
                    } else {
                        String before = canaries.put(command.get(1), command.get(2));
                        caller.lines(before == null ? "$-1" : "$" + before.length() + "\r\n" + before);
                    }
                },
                questions::incrementAndGet);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "garbage"})
    void aNodeThatLetsClientsInAndBreaksTheirFirstCallIsAskedForAnotherTenTimesASecondAtMost(String how)
            throws InterruptedException {
        Set<String> broken = ConcurrentHashMap.newKeySet();
        AtomicInteger questions = new AtomicInteger();
        try (PeerCluster peer = breaking(broken, how, questions);
                ClusterStore store = ClusterStore.of(peer.config())) {
            failedOf(store, 16, 200);
            broken.add("GET");
            long before = peer.peer().connections();
            int askedBefore = questions.get();
            long start = System.nanoTime();
            assertTrue(failedOf(store, 16, 1000) > 0);
            long tenths = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start) / 100;
            long dials = peer.peer().connections() - before;
            int asked = questions.get() - askedBefore;
            int pool = store.health().pool().max();
            // And those that were dialled together, before the first of them broke: for callers together, and for some
            // by themselves.
            assertTrue(
                    dials > 0 && dials <= tenths * 4 / 3 + 2L * pool + 1,
                    () -> dials + " in " + tenths + " tenths of a second");
            // Two a second, and a few at once after a quiet time.
            assertTrue(asked <= tenths / 5 + 4 + 2, () -> asked + " questions in " + tenths + " tenths of a second");
            assertTrue(store.health().pool().failedDials() > 0);

            broken.clear();
            store.probe(Duration.ofSeconds(5));
            eventually("a call to be answered", () -> failedOf(store) == 0);
            assertEquals(0, failedOf(store, 16, 100), "no pause is left");
        }
    }

    /** What happens to a healthy node's clients now and then must not slow down the next connection. */
    @Test
    void aConnectionThatServedIsNoFailedDialWhenItClosesNorIsOneThatAPoisonousRequestBreaks() {
        Set<RespPeer.Caller> callers = ConcurrentHashMap.newKeySet();
        try (PeerCluster peer = PeerCluster.start((command, caller) -> {
                    callers.add(caller);
                    if (command.contains("poison")) {
                        caller.close();
                    } else {
                        PeerCluster.bulk(caller, "v");
                    }
                });
                ClusterStore store = ClusterStore.of(peer.config())) {
            store.get("k");
            for (int i = 0; i < 3; i++) {
                // As a restart, or a time limit for idle connections.
                callers.forEach(RespPeer.Caller::close);
                store.get("k");
                // The one before may have had a connection to itself, since the last broke under it.
                store.get("k");
                assertThrows(CacheRejectedException.class, () -> store.get("poison"));
                store.get("k");
            }
            assertEquals(0, store.health().pool().failedDials());
        }
    }
}
