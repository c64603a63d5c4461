package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** That a server lost writes is said on evidence alone, and never because of what this client itself asked and did not hear. */
class CanaryTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void aQuestionThatIsExecutedAfterALaterOneIsNoEvidenceOfALossWhetherItIsAnsweredOrNot() {
        for (boolean isAnswered : List.of(true, false)) {
            Holding server = new Holding(isAnswered);
            try (PeerCluster peer = PeerCluster.withoutCanaries(server);
                    ClusterStore store = ClusterStore.of(peer.config())) {
                store.put("k", bytes("v"), TTL);
                Node node = store.session.topology.map().nodes().iterator().next();
                probe(store, node, server.questions);
                server.holdNext();
                probe(store, node, server.questions);
                eventually("the held question to be executed", server::isReleased);
                probe(store, node, server.questions);
                probe(store, node, server.questions);

                assertTrue(server.questions.get() >= 5, () -> server.questions + " questions");
                assertFalse(store.session.topology.outages().takeLoss(), isAnswered ? "answered" : "not answered");
            }
        }
    }

    @Test
    void aServerThatReallyForgetsIsNoticedAfterQuestionsInDoubt() {
        Holding server = new Holding(false);
        try (PeerCluster peer = PeerCluster.withoutCanaries(server);
                ClusterStore store = ClusterStore.of(peer.config())) {
            store.put("k", bytes("v"), TTL);
            Node node = store.session.topology.map().nodes().iterator().next();
            probe(store, node, server.questions);
            server.holdNext();
            probe(store, node, server.questions);
            eventually("the held question to be executed", server::isReleased);
            probe(store, node, server.questions);
            Map<String, String> old = Map.copyOf(server.data);
            probe(store, node, server.questions);
            assertFalse(store.session.topology.outages().takeLoss());
            server.data.putAll(old);
            probe(store, node, server.questions);
            assertTrue(store.session.topology.outages().takeLoss(), "back to an earlier number");
            server.data.clear();
            probe(store, node, server.questions);
            assertFalse(store.session.topology.outages().takeLoss(), "evicted: the connection has outlived it");
            server.data.clear();
            node.reset(new CloseReason(CloseReason.Kind.DISCARDED, null));
            probe(store, node, server.questions);

            assertTrue(store.session.topology.outages().takeLoss(), "back to nothing");
        }
    }

    @Test
    void anAnswerThatIsAnotherCommandsIsNoEvidenceOfALossButEndsItsConnection() {
        for (List<String> shifted : List.of(
                List.of("+OK"), List.of("$5", "value"), List.of("$4", "9999"), List.of("$-1"), List.of("$1", "0"))) {
            Map<String, String> data = new ConcurrentHashMap<>();
            AtomicInteger questions = new AtomicInteger();
            RespPeer.Script script = (command, caller) -> {
                if (!PeerCluster.isCanary(command)) {
                    caller.lines("+OK");
                    return;
                }
                String before = data.put(command.get(1), command.get(2));
                if (questions.incrementAndGet() == 3) {
                    caller.lines(shifted.toArray(String[]::new));
                }
                caller.lines(before == null ? "$-1" : "$" + before.length() + "\r\n" + before);
            };
            try (PeerCluster peer = PeerCluster.withoutCanaries(script);
                    ClusterStore store = ClusterStore.of(peer.config())) {
                store.put("k", bytes("v"), TTL);
                Node node = store.session.topology.map().nodes().iterator().next();
                probe(store, node, questions);
                probe(store, node, questions);
                Link before = node.pool().control();
                probe(store, node, questions);
                probe(store, node, questions);

                assertFalse(store.session.topology.outages().takeLoss(), () -> shifted.toString());
                assertNotSame(before, node.pool().control(), () -> shifted.toString());
                data.clear();
                node.reset(new CloseReason(CloseReason.Kind.DISCARDED, null));
                probe(store, node, questions);
                assertTrue(store.session.topology.outages().takeLoss(), "what is really lost is still noticed");
            }
        }
    }

    @Test
    void aCanaryWhoseSlotIsOnItsWayElsewhereIsGivenUpForOneThatTheMasterTakes() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            RedisServer from = cluster.masters().get(0);
            RedisServer to = cluster.masters().get(1);
            String key = Shards.lastKeyOn(from);
            store.put(key, bytes("v"), TTL);
            assertTrue(store.probe(Duration.ofSeconds(5)).followsAll());
            String canary = canaryOn(from);
            Shards.migrating(String.valueOf(from.command("CLUSTER", "KEYSLOT", canary)), from, to);
            from.command("MIGRATE", to.host(), String.valueOf(to.port()), canary, "0", "5000");

            boolean followed = false;
            for (int i = 0; i < 5 && !followed; i++) {
                store.put(key, bytes("v" + i), TTL);
                ProbeResult result = store.probe(Duration.ofSeconds(5));
                assertFalse(result.wentBack(), "what moved is not lost");
                followed = result.followsAll();
            }

            assertTrue(followed, "no canary follows what is written there, for as long as the slot is on its way");
            store.put(key, bytes("w"), TTL);
            assertTrue(store.probe(Duration.ofSeconds(5)).followsAll());
            from.command("SET", canaryOn(from), "1");
            store.put(key, bytes("w"), TTL);
            assertTrue(store.probe(Duration.ofSeconds(5)).wentBack(), "the one in its place tells of a loss");
        }
    }

    private static String canaryOn(RedisServer master) {
        List<?> keys = (List<?>) Objects.requireNonNull(master.command("KEYS", "*#canary:*"));
        assertEquals(1, keys.size(), () -> keys + "");
        return String.valueOf(keys.get(0));
    }

    @Test
    void aMasterThatIsPausedForAMomentHasLostNothing() {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .requireFullCoverage(false)
                        .start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            List<String> keys = cluster.masters().stream().map(Shards::keyOn).toList();
            AtomicInteger calls = new AtomicInteger();
            for (int round = 0; round < 4; round++) {
                for (RedisServer master : cluster.masters()) {
                    master.command("CLIENT", "PAUSE", String.valueOf(290 + 20 * round), "ALL");
                }
                long end = System.nanoTime() + 500_000_000L;
                while (System.nanoTime() - end < 0) {
                    keys.forEach(key -> put(store, key, calls));
                    LockSupport.parkNanos(5_000_000);
                }
            }
            assertTrue(calls.get() > 0);
            assertFalse(store.session.topology.outages().takeLoss());
        }
    }

    private static void put(ClusterStore store, String key, AtomicInteger calls) {
        try {
            store.put(key, bytes(key), TTL);
            calls.incrementAndGet();
        } catch (CacheException e) {
            // It is paused for about as long as a call may take.
        }
    }

    /** Has a question asked, if not by this probe since another has just asked for the same put, then by the next. */
    private static void probe(ClusterStore store, Node node, AtomicInteger questions) {
        int before = questions.get();
        while (questions.get() == before) {
            store.put("k", bytes("v"), TTL);
            Finding finding = node.prober().probe().finding().join();
            assertTrue(finding.failure() == null, () -> String.valueOf(finding.failure()));
        }
    }

    /** Answers as a Redis does, but executes one canary after the one that comes next. */
    private static final class Holding implements RespPeer.Script {
        final Map<String, String> data = new ConcurrentHashMap<>();
        final AtomicInteger questions = new AtomicInteger();
        private final boolean answersHeld;
        private final CountDownLatch next = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);
        private volatile int held = -1;

        Holding(boolean answersHeld) {
            this.answersHeld = answersHeld;
        }

        void holdNext() {
            held = questions.get() + 1;
        }

        boolean isReleased() {
            return released.getCount() == 0;
        }

        @Override
        public void answer(List<String> command, RespPeer.Caller caller) throws IOException {
            if (!PeerCluster.isCanary(command)) {
                caller.lines("+OK");
                return;
            }
            int question = questions.incrementAndGet();
            boolean isHeld = question == held;
            if (isHeld) {
                await(next);
            }
            String before = data.put(command.get(1), command.get(2));
            try {
                if (!isHeld || answersHeld) {
                    caller.lines(before == null ? "$-1" : "$" + before.length() + "\r\n" + before);
                } else {
                    // A server answers in order or not at all: what it does not answer is the last thing on that
                    // connection.
                    caller.reset();
                }
            } finally {
                // Also if nobody listens any more: a probe closes the connection on which it was not the first to
                // answer.
                if (isHeld) {
                    released.countDown();
                }
            }
            if (question == held + 1) {
                next.countDown();
                await(released);
            }
        }

        private static void await(CountDownLatch latch) {
            try {
                assertTrue(latch.await(10, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
