package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Where nodes send a caller, and what becomes of it if that makes no sense. */
class RedirectionTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void aRedirectionThatMakesNoSenseIsAFailureOfTheConnectionAndTheNextCallIsAnswered() {
        for (String redirection : List.of(
                "-MOVED",
                "-MOVED 1",
                "-MOVED x 127.0.0.1:1",
                "-MOVED 99999 127.0.0.1:1",
                "-MOVED -1 127.0.0.1:1",
                "-MOVED SLOT 127.0.0.1:99999",
                "-MOVED SLOT 127.0.0.1",
                "-MOVED SLOT host name:1",
                "-ASK",
                "-ASK SLOT",
                "-ASK SLOT :x",
                "-ASK 16384 127.0.0.1:1",
                "-MOVED 1 127.0.0.1:1",
                "-MOVED SLOT ?:1")) {
            AtomicInteger left = new AtomicInteger(1);
            String line = redirection.replace("SLOT", String.valueOf(RedisCluster.slotOf("k")));
            try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                        if (left.getAndDecrement() > 0) {
                            caller.lines(line);
                        } else {
                            PeerCluster.bulk(caller, command.get(1));
                        }
                    });
                    ClusterStore store = ClusterStore.of(cluster.config())) {
                try {
                    assertArrayEquals(bytes("k"), store.get("k"), redirection);
                } catch (CacheUnavailableException e) {
                    assertEquals(Reason.CONNECTION, e.reason(), redirection);
                }
                assertArrayEquals(bytes("k"), store.get("k"), redirection);
            }
        }
    }

    @Test
    void aNodeWhoseHostNameIsNotKnownYetIsFoundWhereTheClusterListsIt() {
        AtomicInteger left = new AtomicInteger(1);
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                    if (left.getAndDecrement() > 0) {
                        caller.lines("-MOVED " + RedisCluster.slotOf("k") + " ?:7000");
                    } else {
                        PeerCluster.bulk(caller, command.get(1));
                    }
                });
                ClusterStore store = ClusterStore.of(cluster.config())) {
            assertArrayEquals(bytes("k"), store.get("k"));
        }
    }

    @Test
    void redirectionsThatLeadNowhereNowAndThenCostNoConnectionAndNoCallAndNobodyIsBlamed() throws InterruptedException {
        List<String> wrong = new ArrayList<>();
        for (String redirection : List.of(
                "-MOVED SLOT :SELF",
                "-MOVED SLOT 127.0.0.1:1",
                "-MOVED SLOT no.such.host.invalid:7000",
                "-ASK SLOT 127.0.0.1:1",
                "-ASK SLOT :SELF",
                "-MOVED 1 127.0.0.1:1",
                "-MOVED x y z")) {
            AtomicInteger asked = new AtomicInteger();
            AtomicInteger questions = new AtomicInteger();
            try (PeerCluster cluster = PeerCluster.start(
                            (command, caller) -> {
                                if (asked.incrementAndGet() % 50 == 0) {
                                    String slot = String.valueOf(RedisCluster.slotOf(command.get(1)));
                                    caller.lines(redirection
                                            .replace("SLOT", slot)
                                            .replace("SELF", String.valueOf(caller.localPort())));
                                } else {
                                    PeerCluster.bulk(caller, command.get(1));
                                }
                            },
                            nodes -> {
                                questions.incrementAndGet();
                                return nodes;
                            });
                    ClusterStore store =
                            ClusterStore.of(cluster.config().withClusterDownRetry(Duration.ofSeconds(1)))) {
                store.get("first");
                int questionsBefore = questions.get();
                long start = System.nanoTime();
                List<String> failures = calls(store);
                double seconds = (System.nanoTime() - start) / 1e9;
                long connections = cluster.peer().connections();
                String seen = redirection + ": " + failures + ' ' + connections + " connections, "
                        + (questions.get() - questionsBefore) + " questions";
                boolean fit = store.session.topology.map().nodes().stream().allMatch(Node::isFit);

                // Two questions a second, and what was saved up before.
                if (!failures.isEmpty()
                        || connections > 9
                        || questions.get() - questionsBefore > 5 + 2 * seconds
                        || !fit) {
                    wrong.add(seen);
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    /** What failed of a thousand calls by four threads. */
    private static List<String> calls(ClusterStore store) throws InterruptedException {
        ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String key = "k" + i;
            Thread thread = new Thread(() -> {
                for (int call = 0; call < 250; call++) {
                    try {
                        assertArrayEquals(bytes(key), store.get(key));
                    } catch (CacheUnavailableException | AssertionError e) {
                        failures.add(e.toString());
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return List.copyOf(failures);
    }

    @Test
    void aFloodOfRedirectionsMakesNoFloodOfNodes() {
        AtomicInteger port = new AtomicInteger(20_000);
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> caller.lines(
                        "-MOVED " + RedisCluster.slotOf(command.get(1)) + " 127.0.0.1:" + port.incrementAndGet()));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            for (int i = 0; i < 60; i++) {
                String key = "k" + i;
                assertThrows(CacheUnavailableException.class, () -> store.get(key));
            }
            assertTrue(store.session.topology.nodes().size() <= 40, () -> store.session.topology.nodes() + "");
        }
    }

    @Test
    void redirectionsThatGoInCirclesEnd() {
        AtomicInteger asked = new AtomicInteger();
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                    asked.incrementAndGet();
                    caller.lines("-MOVED " + RedisCluster.slotOf("k") + " :" + caller.localPort());
                });
                ClusterStore store = ClusterStore.of(cluster.config().withClusterDownRetry(Duration.ofSeconds(8)))) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));

            assertTrue(String.valueOf(e.getMessage()).contains("agree"), () -> String.valueOf(e.getMessage()));
            assertTrue(asked.get() < 40, () -> asked + " times");
        }
    }

    @Test
    void whatTheClusterSaysOfItselfAndMakesNoSenseIsAFailureThatSaysSo() {
        AtomicInteger left = new AtomicInteger(2);
        try (PeerCluster cluster = PeerCluster.start(
                        (command, caller) -> PeerCluster.bulk(caller, command.get(1)),
                        nodes -> left.getAndDecrement() > 0 ? nodes.replace("16383", "16384") : nodes);
                ClusterStore store = ClusterStore.of(cluster.config())) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertTrue(String.valueOf(e.getMessage()).contains("slots"), () -> String.valueOf(e.getMessage()));

            eventually("an answer", () -> {
                try {
                    return store.get("k") != null;
                } catch (CacheUnavailableException again) {
                    return false;
                }
            });
        }
    }

    @Test
    void aKeyThatHasMovedAheadOfItsSlotIsFoundByAsk() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            RedisServer from = cluster.masters().get(0);
            RedisServer to = cluster.masters().get(1);
            String tag = Shards.keyOn(from);
            String slot = String.valueOf(RedisCluster.slotOf(tag));
            store.put(tag + "stays", bytes("stays"), TTL);
            store.put(tag + "goes", bytes("goes"), TTL);
            Shards.migrating(slot, from, to);
            from.command("MIGRATE", to.host(), String.valueOf(to.port()), tag + "goes", "0", "5000");

            assertArrayEquals(bytes("stays"), store.get(tag + "stays"));
            assertArrayEquals(bytes("goes"), store.get(tag + "goes"));
            assertEquals(
                    Set.of(tag + "stays", tag + "goes"),
                    store.getAll(List.of(tag + "stays", tag + "goes", tag + "none"))
                            .keySet());
            store.put(tag + "new", bytes("new"), TTL);
            assertArrayEquals(bytes("new"), store.get(tag + "new"));
            assertEquals(1, store.increment(tag + "counter", 1, TTL));
            assertEquals(2, store.increment(tag + "counter", 1, TTL));
            assertTrue(store.remove(tag + "goes"));
        }
    }

    @Test
    void aCallWithTwoKeysInAMigratingSlotIsAnsweredOnceTheSlotIsThere() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            RedisServer from = cluster.masters().get(0);
            RedisServer to = cluster.masters().get(1);
            String counter = Shards.lastKeyOn(from) + "n";
            String slot = String.valueOf(RedisCluster.slotOf(counter));
            assertEquals(2, store.increment(counter, 2, TTL));
            Shards.migrating(slot, from, to);
            // The counter is here, and the marker that is to be beside it nowhere.
            FutureTask<OptionalLong> call = new FutureTask<>(() -> store.incrementOnce(counter, 5, TTL, "once"));
            Thread caller = new Thread(call);
            caller.start();
            eventually("the call to be put off", () -> errors(from, "TRYAGAIN") > 0);
            from.command("MIGRATE", to.host(), String.valueOf(to.port()), counter, "0", "5000");
            eventually("the call to be put off there as well", () -> errors(to, "TRYAGAIN") > 0);
            for (RedisServer master : List.of(to, from, cluster.masters().get(2))) {
                master.command("CLUSTER", "SETSLOT", slot, "NODE", Shards.id(to));
            }

            assertEquals(OptionalLong.of(7), call.get(20, TimeUnit.SECONDS));
            assertEquals(OptionalLong.of(7), store.incrementOnce(counter, 5, TTL, "once"));
        }
    }

    @Test
    void redirectionsThatGoInCirclesBetweenTwoNodesEnd() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            RedisServer from = cluster.masters().get(0);
            RedisServer to = cluster.masters().get(1);
            String tag = Shards.lastKeyOn(from);
            String slot = String.valueOf(RedisCluster.slotOf(tag));
            store.put(tag + "stays", bytes("stays"), TTL);
            // The other one does not know that it is to have the slot, and names this one.
            from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", Shards.id(to));

            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get(tag + "none"));

            assertTrue(String.valueOf(e.getMessage()).contains("agree"), () -> String.valueOf(e.getMessage()));
            assertFalse(e.outcomeUnknown());
            long followed = errors(from, "ASK") + errors(to, "MOVED");
            assertTrue(followed > 4 && followed < 40, () -> followed + " redirections");
            assertArrayEquals(bytes("stays"), store.get(tag + "stays"));
            CacheUnavailableException some = assertThrows(
                    CacheUnavailableException.class, () -> store.getAll(List.of(tag + "none", tag + "stays")));
            assertEquals(Set.of(tag + "none"), Set.copyOf(some.failedKeys()));
            assertEquals(Set.of(tag + "stays"), some.partialResult().keySet());
            from.command("CLUSTER", "SETSLOT", slot, "STABLE");
            assertNull(store.get(tag + "none"));
        }
    }

    @Test
    void aSlotThatNobodyServesIsAnOutageOfThatPartOnly() {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .requireFullCoverage(false)
                        .start();
                ClusterStore store =
                        ClusterStore.of(Shards.patient(cluster).withClusterDownRetry(Duration.ofMillis(300)))) {
            RedisServer master = cluster.masters().get(0);
            String orphan = Shards.lastKeyOn(master);
            String other = Shards.keyOn(master);
            String slot = String.valueOf(RedisCluster.slotOf(orphan));
            store.put(orphan, bytes("orphan"), TTL);
            store.put(other, bytes("other"), TTL);
            master.command("CLUSTER", "DELSLOTS", slot);

            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get(orphan));

            assertEquals(Reason.PARTIAL, e.reason());
            assertFalse(e.outcomeUnknown());
            assertArrayEquals(bytes("other"), store.get(other));
            CacheUnavailableException some =
                    assertThrows(CacheUnavailableException.class, () -> store.getAll(List.of(orphan, other)));
            assertEquals(Reason.PARTIAL, some.reason());
            assertEquals(Set.of(orphan), Set.copyOf(some.failedKeys()));
            assertEquals(Set.of(other), some.partialResult().keySet());
            master.command("CLUSTER", "ADDSLOTS", slot);
            eventually("the slot to be served", () -> {
                try {
                    boolean unused = store.contains(orphan);
                    return true;
                } catch (CacheUnavailableException again) {
                    return false;
                }
            });
        }
    }

    /** How often a server has answered an error of this kind. */
    private static long errors(RedisServer server, String code) {
        String line = "errorstat_" + code + ":count=";
        return String.valueOf(server.command("INFO", "errorstats"))
                .lines()
                .filter(each -> each.startsWith(line))
                .mapToLong(each -> Long.parseLong(each.substring(line.length()).strip()))
                .sum();
    }
}
