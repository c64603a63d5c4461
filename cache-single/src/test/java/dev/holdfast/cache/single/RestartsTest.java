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

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** What the composite's own probe finds is said with the outage that it is told of before, and only there. */
    @Test
    void aLossIsSaidWithTheOutageWhoeverFindsIt() {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port()))) {
            assertNull(store.outage());
            store.probe(Duration.ofSeconds(10));
            Path older = server.saveSnapshot();
            store.probe(Duration.ofSeconds(10));
            server.kill();
            server.restart(older);

            assertFalse(store.probe(Duration.ofSeconds(10)).wentBack());
            assertTrue(outageOf(store).wentBack());
        }
    }

    /** Those that by their user's rights can't ask for names are told apart by the numbers of connections. */
    @Test
    void aNewProcessIsMetByItsNumbersWhereItMayNotBeAskedForItsName() throws IOException {
        try (RedisServer server = RedisServer.builder().line("save 3600 100000").start()) {
            for (int i = 0; i < 30; i++) {
                new Socket(server.host(), server.port()).close();
            }
            server.command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all", "-info");
            try (SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port()))) {
                assertNull(store.outage());
                store.put("k", VALUE, CacheStore.FOREVER);
                store.probe(Duration.ofSeconds(10));
                server.command("SAVE");
                server.kill();
                server.restart(RedisServer.Data.KEEP);
                server.command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all", "-info");

                assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                Eventually.until("an outage is said", () -> store.outage() != null);
            }
        }
    }

    /** An address that leads to several servers in turn says nothing about any of them. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void serversThatAlternateAreNoRestartsForLong(boolean named) {
        Restarts restarts = restarts(told -> told.compared(null, new ProbeResult(true, false)));
        assertNull(restarts.ask());
        for (int i = 0; i < 30; i++) {
            if (named) {
                meet(restarts, List.of("a", "b", "c").get(i % 3));
            } else {
                restarts.met(i % 2 == 0 ? 1_000L + i : 10L + i, new Refusal("NOPERM"), restarts.seen());
            }
            if (i > 20) {
                assertFalse(restarts.holds(), "at " + i);
            } else if (restarts.holds()) {
                settle(restarts);
            }
        }
        assertNull(restarts.ask());
    }

    /** A server that was in the place of another for a while is compared like any that is new. */
    @Test
    void aServerThatIsBackIsMetAnew() {
        Restarts restarts = restarts(told -> told.compared(null, new ProbeResult(true, false)));
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");
        settle(restarts);
        meet(restarts, "a");

        assertTrue(restarts.holds());
    }

    /** Two attempts beside a failover end in any order. */
    @Test
    void anAnswerFromBeforeThePresentProcessSaysNothing() {
        Restarts restarts = restarts(told -> told.compared(null, new ProbeResult(true, false)));
        assertNull(restarts.ask());
        meet(restarts, "a");
        Restarts.Seen before = restarts.seen();
        meet(restarts, "b");
        settle(restarts);

        assertEquals("a".repeat(40), restarts.met(1L, info("a"), before));
        assertFalse(restarts.holds());
        assertFalse(restarts.isPresent("a".repeat(40)));
    }

    /** As while a script keeps the server busy. */
    @Test
    void aRefusalThatWillPassIsNoEndOfNames() {
        Restarts restarts = restarts(told -> told.compared(null, new ProbeResult(true, false)));
        assertNull(restarts.ask());
        meet(restarts, "a");
        assertNull(restarts.met(new Refusal("BUSY script"), new Refusal("BUSY script"), restarts.seen()));
        assertTrue(restarts.mayAskForNames());
        assertEquals("start 0", restarts.met(12L, new Refusal("NOPERM no"), restarts.seen()));
        assertFalse(restarts.holds(), "another way to tell is no other process");
    }

    /** What the server says of itself may be larger than the values that are taken. */
    @Test
    void theAnswerToALogInIsNoValue() throws IOException {
        String info = "# Server\r\n" + "x".repeat(3_000) + "\r\n";
        try (ScriptedServer server = new ScriptedServer(
                        "$" + info.length() + "\r\n" + info + "\r\n",
                        (command, out) -> out.write("$1\r\nv\r\n".getBytes(StandardCharsets.US_ASCII)));
                SingleStore store = SingleStore.of(server.config().withMaxValueBytes(1_024))) {
            assertArrayEquals(VALUE, store.get("k"));
        }
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

    /** What it is held for is evidence about the server, as long as that does not show whether it lacks anything. */
    @Test
    void aServerThatCanNotBeComparedIsSaidToBeIll() {
        Restarts restarts = restarts(told -> {
            throw new CacheTimeoutException("LOADING", null, false);
        });
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");

        assertEquals(Reason.SERVER_STATE, restarts.refused().reason());
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
                throw new UnexpectedError();
            }
            told.compared("b".repeat(40), new ProbeResult(true, false));
        });
        assertNull(restarts.ask());
        meet(restarts, "a");
        meet(restarts, "b");

        Eventually.until("it is compared", () -> {
            try {
                assertTrue(Set.of(Reason.SERVER_STATE, Reason.PARTIAL)
                        .contains(restarts.refused().reason()));
            } catch (UnexpectedError e) {
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
        Restarts.Seen first = restarts.seen();
        String name = restarts.met(12L, new Refusal("NOPERM"), first);
        assertEquals(name, restarts.met(11L, null, first));
        assertEquals(name, restarts.met(13L, null, restarts.seen()));
        assertFalse(restarts.holds());

        Restarts.Seen before = restarts.seen();
        String anew = restarts.met(5L, null, before);
        assertNotEquals(name, anew);
        assertEquals(anew, restarts.met(4L, null, before));
        assertEquals(anew, restarts.met(6L, null, restarts.seen()));
        assertTrue(restarts.holds());
    }

    @Test
    void aServerThatSaysNothingOfItselfIsServedAsItWas() {
        Restarts restarts = restarts(told -> {});
        assertNull(restarts.ask());
        assertTrue(restarts.mayAskForNames());
        assertNull(
                restarts.met(new Refusal("ERR unknown command"), new Refusal("ERR unknown command"), restarts.seen()));
        assertFalse(restarts.mayAskForNames());
        assertNull(restarts.met("+OK", null, restarts.seen()));
        assertFalse(restarts.holds());
    }

    private static void meet(Restarts restarts, String name) {
        assertEquals(name.repeat(40), restarts.met(1L, info(name), restarts.seen()));
    }

    private static byte[] info(String name) {
        return ("# Server\r\nrun_id:" + name.repeat(40) + "\r\nport:1\r\n").getBytes(StandardCharsets.US_ASCII);
    }

    private static final class UnexpectedError extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static Restarts restarts(Consumer<Canary.Told> comparison) {
        Restarts restarts = new Restarts(new JedisErrors(SingleConfig.of("127.0.0.1", 1)), Runnable::run);
        restarts.compareBy(
                told -> {
                    comparison.accept(told);
                    return ProbeResult.OK;
                },
                () -> {});
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
