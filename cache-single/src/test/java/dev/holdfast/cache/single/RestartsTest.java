package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What a store says of a server that was started anew, and whom it keeps waiting for that. */
class RestartsTest {
    private static final byte[] VALUE = {'v'};

    @Test
    void aServerThatWasStartedAnewServesNobodyBeforeThatIsSettled() {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port()))) {
            assertNull(store.outage());
            store.put("k", VALUE, CacheStore.FOREVER);
            store.probe(Duration.ofSeconds(10));
            server.saveSnapshot();
            server.kill();
            server.restart(RedisServer.Data.KEEP);

            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            Eventually.until("an outage is said", () -> store.outage() != null);
            PartialOutage outage = outageOf(store);
            assertTrue(outage.keys().test("k"));
            assertFalse(outage.wentBack());
            assertEquals(
                    Reason.PARTIAL,
                    assertThrows(CacheUnavailableException.class, () -> store.get("k"))
                            .reason());
            outage.settled().run();

            assertNull(store.outage());
            assertArrayEquals(VALUE, store.get("k"));
        }
    }

    @Test
    void aCanaryThatIsOlderSaysThatTheServerWentBack() {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port()))) {
            assertNull(store.outage());
            store.probe(Duration.ofSeconds(10));
            Path older = server.saveSnapshot();
            store.put("k", VALUE, CacheStore.FOREVER);
            store.probe(Duration.ofSeconds(10));
            server.kill();
            server.restart(older);

            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            Eventually.until("an outage is said", () -> store.outage() != null);
            assertTrue(outageOf(store).wentBack());
        }
    }

    @Test
    void nobodyWaitsWhereNobodyAsksForOutages() {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port()))) {
            store.put("k", VALUE, CacheStore.FOREVER);
            server.saveSnapshot();
            server.kill();
            server.restart(RedisServer.Data.KEEP);

            assertArrayEquals(VALUE, store.get("k"));
        }
    }

    @Test
    void aUserWhoMayNotAskWhichProcessItIsIsServed() {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start()) {
            server.command("ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-@admin", "-@dangerous");
            SingleConfig config = SingleConfig.of(server.host(), server.port())
                    .withUsername("few")
                    .withPassword(Secret.of("pw"));
            try (SingleStore store = SingleStore.of(config)) {
                assertNull(store.outage());
                store.put("k", VALUE, CacheStore.FOREVER);
                store.probe(Duration.ofSeconds(10));

                assertArrayEquals(VALUE, store.get("k"));
                assertNull(store.outage());
            }
        }
    }

    /** An address that leads to several servers in turn says nothing about any of them. */
    @Test
    void serversThatAlternateAreNoRestarts() {
        Restarts restarts = restarts(told -> told.compared("b".repeat(40), new ProbeResult(true, false)));
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");
        settle(restarts);
        meet(restarts, "a");
        meet(restarts, "b");
        meet(restarts, "c");

        assertNull(restarts.ask());
        assertFalse(restarts.holds());
    }

    @Test
    void serversThatAlternateBeforeAnythingIsSettledHoldNobodyForEver() {
        List<Canary.Told> comparisons = new ArrayList<>();
        Restarts restarts = restarts(comparisons::add);
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");
        meet(restarts, "a");
        settle(restarts);

        assertFalse(restarts.holds());
    }

    @Test
    void aComparisonOfTheProcessBeforeIsNone() {
        List<Canary.Told> comparisons = new ArrayList<>();
        Restarts restarts = restarts(comparisons::add);
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");
        comparisons.get(0).compared("a".repeat(40), new ProbeResult(true, false));

        assertNull(restarts.ask());
        assertTrue(restarts.holds());
    }

    @Test
    void anotherStartThatNobodyKnewOfIsNotSettledWithTheOneBefore() {
        List<Canary.Told> comparisons = new ArrayList<>();
        Restarts restarts = restarts(comparisons::add);
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");
        restarts.compared("b".repeat(40), false);
        PartialOutage first = outageOf(restarts);
        assertSame(first, outageOf(restarts));
        meet(restarts, "c");
        first.settled().run();

        assertTrue(restarts.holds());
        restarts.compared("c".repeat(40), true);
        assertTrue(outageOf(restarts).wentBack());
        settle(restarts);
        assertFalse(restarts.holds());
    }

    @Test
    void aComparisonThatFailsIsBegunAgain() {
        List<Canary.Told> comparisons = new ArrayList<>();
        Restarts restarts = restarts(told -> {
            comparisons.add(told);
            if (comparisons.size() == 1) {
                throw new CacheTimeoutException("no answer", null, false);
            }
            if (comparisons.size() == 2) {
                throw new AssertionError("nobody expected this");
            }
            told.compared("b".repeat(40), new ProbeResult(true, false));
        });
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");

        Eventually.until("it is compared", () -> {
            try {
                assertEquals(Reason.PARTIAL, restarts.refused().reason());
            } catch (AssertionError e) {
                // from the comparison, on this thread
            }
            return restarts.ask() != null;
        });
        assertEquals(3, comparisons.size());
    }

    /** Concurrent attempts end in any order; what began after one had ended has a higher number, from the same process. */
    @Test
    void numbersThatBeginAnewAreAnotherProcess() {
        Restarts restarts = restarts(told -> {});
        assertNull(restarts.ask());
        Restarts.Numbers first = restarts.numbers();
        String name = restarts.met(12L, null, first);
        assertEquals(name, restarts.met(11L, null, first));
        assertEquals(name, restarts.met(13L, null, restarts.numbers()));
        assertFalse(restarts.holds());

        Restarts.Numbers before = restarts.numbers();
        String anew = restarts.met(5L, null, before);
        assertNotEquals(name, anew);
        assertEquals(anew, restarts.met(4L, null, before));
        assertEquals(anew, restarts.met(6L, null, restarts.numbers()));
        assertTrue(restarts.holds());
    }

    @Test
    void aServerThatSaysNothingOfItselfIsServedAsItWas() {
        Restarts restarts = restarts(told -> {});
        assertNull(restarts.ask());
        assertTrue(restarts.mayAskForNames());
        assertNull(restarts.met(new Refusal("ERR unknown command"), new Refusal("NOPERM"), restarts.numbers()));
        assertFalse(restarts.mayAskForNames());
        assertNull(restarts.met("+OK", null, restarts.numbers()));
        assertFalse(restarts.holds());
    }

    private static void meet(Restarts restarts, String name) {
        byte[] info = ("# Server\r\nrun_id:" + name.repeat(40) + "\r\nport:1\r\n").getBytes(StandardCharsets.US_ASCII);
        assertEquals(name.repeat(40), restarts.met(1L, info, restarts.numbers()));
    }

    private static Restarts restarts(Consumer<Canary.Told> comparison) {
        Restarts restarts = new Restarts(new JedisErrors(SingleConfig.of("127.0.0.1", 1)), Runnable::run);
        restarts.compareBy(comparison);
        return restarts;
    }

    private static PartialOutage outageOf(Restarts restarts) {
        PartialOutage outage = restarts.ask();
        assertNotNull(outage);
        return outage;
    }

    private static PartialOutage outageOf(CacheStore store) {
        PartialOutage outage = store.outage();
        assertNotNull(outage);
        return outage;
    }

    private static void settle(Restarts restarts) {
        outageOf(restarts).settled().run();
    }
}
