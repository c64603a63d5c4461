package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whether a request is to blame for the connections that are closed under it, or the node. */
class BlameTest {
    private static final Duration TTL = Duration.ofHours(1);

    private static final Map<String, Consumer<CacheStore>> CALLS = Map.of(
            "GET", store -> store.get("k"),
            "EXISTS", store -> store.contains("k"),
            "SET", store -> store.put("k", new byte[1], TTL),
            "PEXPIRE", store -> store.expire("k", TTL),
            "EVALSHA", store -> store.expire("k", CacheStore.FOREVER));

    /** A node that bears its probes. */
    private static PeerCluster closing(Predicate<List<String>> poison) {
        Map<String, String> canaries = new ConcurrentHashMap<>();
        return PeerCluster.withoutCanaries((command, caller) -> {
            boolean probe = command.get(0).equals("SET") && command.contains("GET");
            if (!probe && poison.test(command)) {
                caller.close();
                return;
            }
            switch (command.get(0)) {
                case "GET" -> caller.lines("$-1");
                case "SET" -> {
                    String before = canaries.put(command.get(1), command.get(2));
                    caller.lines(!probe ? "+OK" : before == null ? "$-1" : "$" + before.length() + "\r\n" + before);
                }
                default -> caller.lines(":0");
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "SET", "EVALSHA"})
    void aNodeThatClosesTheConnectionAtEveryRequestOfAKindIsIllThoughItAnswersOthers(String kind) {
        try (PeerCluster cluster = closing(command -> command.get(0).equals(kind));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            CacheUnavailableException e = assertThrows(
                    CacheUnavailableException.class, () -> CALLS.get(kind).accept(store));
            assertTrue(e.reason().counts(), () -> e.reason() + ": " + e.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "EXISTS", "SET", "PEXPIRE"})
    void aRequestThatIsClosedOnWhileOthersOfItsKindGetThroughIsRefused(String kind) {
        try (PeerCluster cluster = closing(
                        command -> command.get(0).equals(kind) && command.get(1).equals("k"));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            assertThrows(CacheRejectedException.class, () -> CALLS.get(kind).accept(store));
        }
    }

    @Test
    void callersWhoseConnectionsAllBreakAreNotToBlameForOneAnother() throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        // The witness would get through, since it is another key.
        try (PeerCluster cluster = closing(command ->
                        command.get(0).equals("GET") && command.get(1).startsWith("caller"));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            List<Thread> callers = new ArrayList<>();
            CountDownLatch ended = new CountDownLatch(4);
            for (int i = 0; i < 4; i++) {
                String key = "caller" + i;
                Thread caller = new Thread(() -> {
                    for (int call = 0; call < 3; call++) {
                        thrown.add(assertThrows(RuntimeException.class, () -> store.get(key)));
                    }
                    ended.countDown();
                    // As long as others call, so that none of them is alone.
                    while (ended.getCount() > 0) {
                        assertThrows(RuntimeException.class, () -> store.get(key));
                    }
                });
                callers.add(caller);
                caller.start();
            }
            for (Thread caller : callers) {
                caller.join();
            }
        }
        long unavailable = thrown.stream()
                .filter(CacheUnavailableException.class::isInstance)
                .count();
        // Whoever begins first may be alone for a moment.
        assertTrue(unavailable >= 8, thrown::toString);
        assertEquals(12, thrown.size());
    }
}
