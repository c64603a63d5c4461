package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an HTTP peer can do to a client, and what the client makes of it. */
class UpstashFaultsTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

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
        server.gateway.faults().clear();
        store = UpstashStore.create(
                server.config("faults").withTimeouts(Duration.ofMillis(700), Duration.ofMillis(800)));
        store.put("k", VALUE, TTL);
    }

    @AfterEach
    void close() {
        server.gateway.faults().clear();
        store.close();
    }

    private CacheUnavailableException unavailable(Reason reason, boolean unknown) {
        // Not harmless to repeat, so that one fault is seen as it is.
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.putIfAbsent("k", VALUE, TTL));
        assertEquals(reason, e.reason(), e.getMessage());
        assertEquals(unknown, e.outcomeUnknown(), e.getMessage());
        assertTrue(e.getMessage().contains("127.0.0.1"), e.getMessage());
        assertFalse(e.toString().contains(GatewayUnderTest.TOKEN));
        assertArrayEquals(VALUE, store.get("k"), "the store works again after " + e);
        return e;
    }

    private void fault(Fault fault) {
        server.gateway.faults().next(fault);
    }

    @Test
    void anErrorPageOfABalancerIsUnavailable() {
        fault(Fault.html(502));
        assertTrue(unavailable(Reason.SERVER_STATE, true).getMessage().contains("HTTP 502"));
    }

    @Test
    void anErrorWithoutABodyIsUnavailable() {
        fault(Fault.empty(500));
        unavailable(Reason.SERVER_STATE, true);
    }

    @Test
    void tooManyRequestsIsUnavailableAndWasNotExecuted() {
        fault(Fault.status(429, "{\"error\":\"slow down\"}"));
        unavailable(Reason.SERVER_STATE, false);
    }

    @Test
    void aHtmlPageWithStatus200IsNoAnswer() {
        fault(Fault.html(200));
        unavailable(Reason.CONNECTION, true);
    }

    @Test
    void anEmptyBodyWithStatus200IsNoAnswer() {
        fault(Fault.empty(200));
        unavailable(Reason.CONNECTION, true);
    }

    @Test
    void aServerThatNamesATimeIsNotCalledBeforeIt() {
        fault(Fault.status(503, "{\"error\":\"Server is stopping\"}").withHeader("Retry-After", "1"));
        assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        long before = server.gateway.requests();
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertEquals(Reason.SERVER_STATE, e.reason());
        assertFalse(e.outcomeUnknown());
        assertEquals(before, server.gateway.requests());
    }

    @Test
    void aQuotaErrorOpensTheTier() {
        fault(Fault.status(400, "{\"error\":\"ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.\"}"));
        unavailable(Reason.SERVER_STATE, false);
    }

    @Test
    void anErrorInA200IsNeverAMiss() {
        fault(Fault.error("ERR max requests limit exceeded. Limit: 500000, Usage: 500000."));
        unavailable(Reason.SERVER_STATE, false);
        fault(Fault.error("ERR something new"));
        assertThrows(CacheRejectedException.class, () -> store.get("k"));
    }

    @Test
    void aConnectionResetBeforeExecutionIsUnavailable() {
        fault(Fault.resetBefore());
        unavailable(Reason.CONNECTION, true);
    }

    @Test
    void anIncrementWhoseAnswerIsLostIsExecutedOnce() {
        store.remove("counter");
        long before = server.gateway.executed("EVALSHA") + server.gateway.executed("EVAL");
        store.increment("counter", 1, TTL);
        fault(Fault.resetAfter());
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.increment("counter", 1, TTL));
        assertTrue(e.outcomeUnknown());
        assertEquals("2", new String(store.get("counter"), UTF_8));
        long after = server.gateway.executed("EVALSHA") + server.gateway.executed("EVAL");
        assertTrue(after - before <= 3, "executed " + (after - before) + " scripts for two increments");
    }

    @Test
    void aServiceUnavailableIsNotRepeatedByTheHttpClient() {
        long before = server.gateway.requests();
        fault(Fault.status(503, "").withHeader("Retry-After", "0"));
        assertThrows(CacheUnavailableException.class, () -> store.increment("counter", 1, TTL));
        assertEquals(before + 1, server.gateway.requests());
    }

    @Test
    void aTruncatedBodyIsUnavailable() {
        fault(Fault.truncatedBody());
        unavailable(Reason.CONNECTION, true);
    }

    @Test
    void anArrayOfTheWrongLengthIsUnavailableAndNamesTheKeys() {
        for (int by : new int[] {-1, 1}) {
            fault(Fault.wrongArrayLength(by));
            CacheUnavailableException e = assertThrows(
                    CacheUnavailableException.class, () -> store.putAll(Map.of("a", VALUE, "b", VALUE), TTL));
            assertEquals(Set.of("a", "b"), e.failedKeys());
            fault(Fault.wrongArrayLength(by));
            e = assertThrows(CacheUnavailableException.class, () -> store.getAll(List.of("a", "b")));
            assertEquals(Set.of("a", "b"), e.failedKeys());
        }
    }

    @Test
    void textThatIsNotBase64IsUnavailable() {
        fault(Fault.garbageBase64());
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertEquals(Reason.CONNECTION, e.reason());
    }

    @Test
    void jsonOfTheWrongShapeIsUnavailable() {
        for (String body : List.of(
                "{\"result\":{\"a\":1}}",
                "{\"result\":true}",
                "{}",
                "[]",
                "{\"result\":\"dg==\",\"result\":\"dg==\"}",
                "{\"result\":\"dg==\"} {}",
                "{\"result\":",
                "{\"result\":7}",
                "null",
                "{\"result\":" + "[".repeat(500))) {
            fault(Fault.status(200, body));
            unavailable(Reason.CONNECTION, true);
        }
    }

    @Test
    void integersKeepAllTheirDigits() {
        store.remove("big");
        assertEquals(9_007_199_254_740_993L, store.increment("big", 9_007_199_254_740_993L, TTL));
        fault(Fault.result("9007199254740993"));
        assertEquals(9_007_199_254_740_993L, store.increment("big", 0, TTL));
        fault(Fault.result("92233720368547758070"));
        assertThrows(CacheUnavailableException.class, () -> store.increment("big", 0, TTL));
    }

    @Test
    void anAnswerThatDripsEndsWithinTheBound() {
        fault(Fault.slowDrip(Duration.ofMillis(150)));
        long start = System.nanoTime();
        assertThrows(CacheTimeoutException.class, () -> store.get("k"));
        long took = System.nanoTime() - start;
        assertTrue(
                took < store.callBound().plusSeconds(2).toNanos(),
                "took " + TimeUnit.NANOSECONDS.toMillis(took) + " ms");
    }

    @Test
    void anAnswerWithoutAnEndIsCutOff() {
        UpstashStore small = UpstashStore.create(server.config("faults").withMaxCommandBytes(1 << 16));
        try (small) {
            fault(Fault.endlessBody());
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> small.get("k"));
            assertTrue(e.getMessage().contains("more than"), e.getMessage());
        }
    }

    @Test
    void aGzipBombIsCutOff() {
        fault(Fault.gzipBomb(1L << 30));
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertTrue(e instanceof CacheTimeoutException || e.getMessage().contains("more than"), e.getMessage());
    }

    @Test
    void aRedirectIsNotFollowed() {
        long before = server.gateway.requests();
        fault(Fault.redirect(server.gateway.url() + "/elsewhere"));
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertEquals(Reason.REFUSED, e.reason());
        assertTrue(e.getMessage().contains("HTTP 302"), e.getMessage());
        assertEquals(before + 1, server.gateway.requests());
    }

    @Test
    void aWrongTokenIsRefusedAndNamed() {
        try (UpstashStore stranger =
                UpstashStore.create(UpstashConfig.of(server.gateway.url(), Secret.of("wrong-token")))) {
            CacheUnavailableException e =
                    assertThrows(CacheUnavailableException.class, () -> stranger.probe(Duration.ofSeconds(5)));
            assertEquals(Reason.REFUSED, e.reason());
            assertTrue(e.getMessage().endsWith("(does the token belong to this database?)"), e.getMessage());
            assertFalse(e.toString().contains("wrong-token"));
        }
    }

    @Test
    void aClosedPortIsUnavailableAndNothingWasSent() {
        UpstashGateway gone = UpstashGateway.start("127.0.0.1:" + server.redis.port(), "t");
        String url = gone.url();
        gone.close();
        try (UpstashStore dead = UpstashStore.create(UpstashConfig.of(url, Secret.of("t")))) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> dead.get("k"));
            assertEquals(Reason.CONNECTION, e.reason());
            assertFalse(e.outcomeUnknown());
        }
    }

    @Test
    void aReadOnlyTokenIsPingedAndItsWritesAreRejected() {
        try (UpstashGateway readOnly = UpstashGateway.builder("127.0.0.1:" + server.redis.port(), "t")
                        .readOnlyToken("reader")
                        .start();
                UpstashStore reader = UpstashStore.create(UpstashConfig.of(readOnly.url(), Secret.of("reader")))) {
            assertFalse(reader.probe(Duration.ofSeconds(5)).writable());
            assertThrows(CacheRejectedException.class, () -> reader.put("k", VALUE, TTL));
        }
    }

    @Test
    void aServerThatForgotTheCanaryWentBack() {
        assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
        assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
        server.redis.command("FLUSHALL");
        assertTrue(store.probe(Duration.ofSeconds(5)).wentBack());
        assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
    }

    @Test
    void aValueBeyondTheLimitIsRejectedBeforeItIsSent() {
        try (UpstashStore small = UpstashStore.create(server.config("faults").withMaxCommandBytes(1_024))) {
            long before = server.gateway.requests();
            CacheRejectedException e =
                    assertThrows(CacheRejectedException.class, () -> small.put("k", new byte[1_000], TTL));
            assertTrue(e.getMessage().contains("1024"), e.getMessage());
            assertEquals(before, server.gateway.requests());
        }
    }

    @Test
    void readsOfManyLargeValuesAreCutToWhatTheDatabaseAnswers() {
        byte[] large = new byte[40_000];
        java.util.Arrays.fill(large, (byte) 'x');
        Map<String, byte[]> entries = new LinkedHashMap<>();
        IntStream.range(0, 200).forEach(i -> entries.put("large" + i, large));
        try (UpstashGateway limited = UpstashGateway.builder("127.0.0.1:" + server.redis.port(), "t")
                        .maxRequestBytes(100_000)
                        .start();
                UpstashStore limitedStore = UpstashStore.create(
                        UpstashConfig.of(limited.url(), Secret.of("t")).withMaxCommandBytes(100_000))) {
            limitedStore.putAll(entries, TTL);
            Map<String, byte[]> found = limitedStore.getAll(entries.keySet());
            assertEquals(List.copyOf(entries.keySet()), List.copyOf(found.keySet()));
            assertArrayEquals(large, found.get("large199"));
            limitedStore.removeAll(entries.keySet());
        }
    }

    @Test
    void textStandsInTheDatabaseAsItIsAndBytesBehindTheMarker() {
        store.put("text", "grüße ☂".getBytes(UTF_8), TTL);
        assertEquals("grüße ☂", text("faults:text"));
        byte[] binary = {0, -1, -2, (byte) 0x80};
        store.put("binary", binary, TTL);
        assertEquals("\0base64:AP/+gA==", text("faults:binary"));
        assertArrayEquals(binary, store.get("binary"));
        byte[] marker = "\0base64:AP/+gA==".getBytes(UTF_8);
        store.put("marker", marker, TTL);
        assertArrayEquals(marker, store.get("marker"));
    }

    private String text(String key) {
        Object reply = server.redis.command("GET", key);
        return reply instanceof byte[] bytes ? new String(bytes, UTF_8) : String.valueOf(reply);
    }

    @Test
    void disconnectFailsCallersThatWaitAndThoseThatHang() throws Exception {
        server.gateway.faults().always(Fault.delay(Duration.ofSeconds(30)));
        ExecutorService callers = Executors.newFixedThreadPool(20);
        UpstashStore slow = UpstashStore.create(server.config("faults").withTimeouts(TTL, TTL));
        try (slow) {
            CountDownLatch started = new CountDownLatch(20);
            List<Future<CacheException>> ends = IntStream.range(0, 20)
                    .mapToObj(i -> callers.submit(() -> {
                        started.countDown();
                        return assertThrows(CacheException.class, () -> slow.get("k"));
                    }))
                    .toList();
            assertTrue(started.await(10, TimeUnit.SECONDS));
            awaitRequests(slow);
            slow.disconnect(new IllegalStateException("frozen"));
            for (Future<CacheException> end : ends) {
                CacheUnavailableException e =
                        assertInstanceOf(CacheUnavailableException.class, end.get(10, TimeUnit.SECONDS));
                assertEquals(Reason.DISCONNECTED, e.reason(), e.getMessage());
            }
            server.gateway.faults().clear();
            assertNull(slow.get("absent"));
        } finally {
            callers.shutdownNow();
        }
    }

    private static void awaitRequests(CacheStore slow) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (slow.health().pool().waiting() < 12 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertEquals(12, slow.health().pool().waiting(), "callers beyond the connections wait");
    }

    @Test
    void manyCallersShareRequestsAndEachGetsItsOwnAnswer() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(32);
        try {
            IntStream.range(0, 32).forEach(i -> store.put("own" + i, ("v" + i).getBytes(UTF_8), TTL));
            List<Future<?>> ends = IntStream.range(0, 32)
                    .<Future<?>>mapToObj(i -> callers.submit(() -> {
                        for (int n = 0; n < 100; n++) {
                            assertEquals("v" + i, new String(store.get("own" + i), UTF_8));
                        }
                    }))
                    .toList();
            for (Future<?> end : ends) {
                end.get(60, TimeUnit.SECONDS);
            }
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void noThreadOfItsOwnIsLeftAfterClose() throws Exception {
        UpstashStore other = server.store("threads");
        ExecutorService callers = Executors.newFixedThreadPool(16);
        List<Future<?>> ends = IntStream.range(0, 200)
                .<Future<?>>mapToObj(i -> callers.submit(() -> other.get("k" + i)))
                .toList();
        for (Future<?> end : ends) {
            end.get(30, TimeUnit.SECONDS);
        }
        callers.shutdownNow();
        store.close();
        other.close();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (ours() > 0 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertEquals(0, ours());
    }

    private static long ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast-upstash"))
                .count();
    }
}
