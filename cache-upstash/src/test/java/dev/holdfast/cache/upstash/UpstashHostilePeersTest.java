package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.Fault;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Peers that answer too often, without an end, with more than was asked for, or with what can't be kept. */
class UpstashHostilePeersTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    private static final String ROGUE = "{\"result\":\"cm9ndWU=\"}"; // "rogue"

    private static GatewayUnderTest server;

    private UpstashStore store;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @BeforeEach
    void open() {
        store = UpstashStore.create(server.config("hostile"));
        store.put("k", VALUE, TTL);
    }

    @AfterEach
    void close() {
        server.gateway.faults().clear();
        store.close();
    }

    private void fault(Fault fault) {
        server.gateway.faults().next(fault);
    }

    @Test
    void aSuperfluousAnswerThatCameWithAnotherIsHandedToNobody() {
        for (int i = 0; i < 20; i++) {
            fault(Fault.superfluousAnswer(Duration.ZERO, ROGUE));
            assertArrayEquals(VALUE, store.get("k"));
            assertNull(store.get("absent"));
        }
    }

    @Test
    void aSuperfluousAnswerThatCameWhileNobodyAskedIsHandedToNobody() throws Exception {
        for (int i = 0; i < 5; i++) {
            fault(Fault.superfluousAnswer(Duration.ofMillis(20), ROGUE));
            assertArrayEquals(VALUE, store.get("k"));
            TimeUnit.MILLISECONDS.sleep(100); // the connection idles meanwhile
            assertNull(store.get("absent"));
        }
    }

    @Test
    void aTokenThatNoRequestCanCarryEndsItsAnswerAndNoLaterOne() {
        for (String token : List.of("a\tb", "t\u00f6ken", "x".repeat(5_000), "two tokens")) {
            fault(Fault.result("\"dg==\"").withHeader("upstash-sync-token", token));
            assertThrows(CacheUnavailableException.class, () -> store.increment("n", 1, TTL), token);
            assertArrayEquals(VALUE, store.get("k"), "the store works again");
        }
    }

    @Test
    void aCursorThatNoServerGivesEndsTheRemoval() {
        for (String page :
                List.of("[\"eA==\",[]]", "[null,[]]", "[\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM=\",[]]", "[\"MA==\",{}]")) {
            fault(Fault.status(200, "{\"result\":" + page + "}"));
            assertThrows(CacheUnavailableException.class, () -> store.removeByPrefix("x"), page);
        }
    }

    @Test
    void aKeyOfOthersInAPageIsNotRemoved() {
        server.redis.command("SET", "foreign", "v");
        fault(Fault.status(200, "{\"result\":[\"MA==\",[\"Zm9yZWlnbg==\"]]}"));
        assertThrows(CacheUnavailableException.class, () -> store.removeByPrefix("x"));
        assertEquals(1L, server.redis.command("DEL", "foreign"));
    }

    @Test
    void countsAndTimesThatCannotBeAreNoAnswers() {
        for (String count : List.of("-1", "2", "\"LTE=\"", "null", "[]")) {
            fault(Fault.result(String.valueOf(count)));
            assertThrows(CacheUnavailableException.class, () -> store.remove("absent"), count);
        }
        fault(Fault.result("-3"));
        assertThrows(CacheUnavailableException.class, () -> store.ttl("k"));
    }

    @Test
    void anEndlessChunkExtensionIsCutOffBeforeItTakesMemory() {
        fault(Fault.endlessChunkExtension());
        long before = allocated();
        CacheException e = assertThrows(CacheUnavailableException.class, () -> store.increment("n", 1, TTL));
        long bytes = allocated() - before;
        assertTrue(bytes < 8 << 20, bytes + " bytes were allocated until " + e);
    }

    @Test
    void aLargeAnswerToASmallQuestionIsCutOff() {
        for (String body : List.of(
                "{\"result\":[" + "[],".repeat(6_000_000) + "[]]}",
                "{\"result\":\"" + "QUFB".repeat(5 << 20) + "\"}",
                "{\"a\":[" + "{},".repeat(6_000_000) + "{}],\"result\":\"T0s=\"}")) {
            fault(Fault.status(200, body));
            long before = allocated();
            assertThrows(CacheUnavailableException.class, () -> store.put("k", VALUE, TTL));
            long bytes = allocated() - before;
            assertTrue(bytes < 4 << 20, bytes + " bytes were allocated for an answer to a SET");
        }
    }

    @Test
    void aLargeAnswerOfTheWrongShapeTakesNoMoreThanItsBytes() {
        for (String body : List.of(
                "{\"result\":[" + "[],".repeat(6_000_000) + "[]]}",
                names(1_000_000),
                "{\"result\":" + "[".repeat(60) + "]".repeat(60) + "}")) {
            fault(Fault.status(200, body));
            long before = allocated();
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            long bytes = allocated() - before;
            assertTrue(bytes < 8 * 10L * (1 << 20), bytes + " bytes were allocated for " + body.length());
        }
    }

    private static String names(int count) {
        StringBuilder body = new StringBuilder("{");
        for (int i = 0; i < count; i++) {
            body.append("\"name").append(i).append("\":0,");
        }
        return body.append("\"result\":\"dg==\"}").toString();
    }

    private static long allocated() {
        return ThreadMemory.allocated();
    }

    @Test
    void textOfAPeerForgesNoLine() {
        fault(Fault.status(500, "{\"error\":\"a\\n2026-01-01 ERROR \\u001b[31mforged " + "x".repeat(10_000) + "\"}"));
        CacheException e = assertThrows(CacheUnavailableException.class, () -> store.increment("n", 1, TTL));
        assertFalse(e.getMessage().contains("\n") || e.getMessage().contains("\u001b"), e.getMessage());
        assertTrue(e.getMessage().length() < 500, e.getMessage());
    }
}
