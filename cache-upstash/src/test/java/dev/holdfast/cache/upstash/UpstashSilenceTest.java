package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A connection that is silent while the database answers others is broken; one that is only slow is not. */
class UpstashSilenceTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

    /** The promised 500 ms, and room for a machine that does other things too. */
    private static final long BOUND_MILLIS = 1_500;

    private static GatewayUnderTest server;

    private TcpProxy proxy;
    private int callsFlow;
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
        proxy = TcpProxy.to("127.0.0.1", server.gateway.port());
        store = UpstashStore.create(config());
        store.put("k", VALUE, TTL);
        callsFlow = proxy.clientPorts().get(0);
        assertEquals(ProbeResult.OK, store.probe(Duration.ofSeconds(4)));
    }

    private UpstashConfig config() {
        return UpstashConfig.of("http://127.0.0.1:" + proxy.port(), Secret.of(GatewayUnderTest.TOKEN))
                .withKeyPrefix(KeyPrefix.of("silence"))
                .withMaxConnections(4)
                .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(5));
    }

    @AfterEach
    void close() {
        server.gateway.faults().clear();
        store.close();
        proxy.close();
    }

    /** A NAT forgets every flow there is; new ones pass. */
    private void forget() {
        List<Integer> flows = proxy.clientPorts();
        assertTrue(!flows.isEmpty(), "there are flows to be forgotten");
        flows.forEach(proxy::swallow);
    }

    private static void inTime(Runnable call) {
        inTime(call, BOUND_MILLIS);
    }

    private static void inTime(Runnable call, long boundMillis) {
        long start = System.nanoTime();
        call.run();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(took < boundMillis, "it took " + took + " ms");
    }

    @Test
    void aFlowThatWasForgottenCostsNoCallThatMayBeRepeated() {
        Map<String, Runnable> calls = new LinkedHashMap<>();
        calls.put("get", () -> assertArrayEquals(VALUE, store.get("k")));
        calls.put(
                "getAll",
                () -> assertEquals(1, store.getAll(List.of("k", "absent")).size()));
        calls.put("contains", () -> assertTrue(store.contains("k")));
        calls.put("removeAll", () -> store.removeAll(List.of("a", "b")));
        calls.put("removeByPrefix", () -> store.removeByPrefix("none"));
        calls.put("incrementOnce", () -> assertEquals(OptionalLong.of(1), store.incrementOnce("n", 1, TTL, "id")));
        calls.forEach((name, call) -> {
            store.get("k");
            forget();
            // A SCAN looks at a thousand keys, and is given a second more for them.
            inTime(call, name.equals("removeByPrefix") ? BOUND_MILLIS + 1_000 : BOUND_MILLIS);
        });
    }

    @Test
    void aValueThatMayStillArriveIsNotStoredAnewButItsOutcomeIsUnknownSoon() {
        Map<String, Runnable> calls = new LinkedHashMap<>();
        calls.put("put", () -> store.put("k", VALUE, TTL));
        calls.put("putAll", () -> store.putAll(Map.of("a", VALUE, "b", VALUE), TTL));
        calls.values().forEach(call -> {
            store.get("k");
            forget();
            inTime(() -> assertTrue(
                    assertThrows(CacheUnavailableException.class, call::run).outcomeUnknown()));
        });
    }

    @Test
    void connectionsBesideOneThatIsBrokenCarryNothingMore() throws Exception {
        server.gateway.faults().next(4, Fault.delay(Duration.ofMillis(50)));
        ExecutorService callers = Executors.newFixedThreadPool(4);
        try {
            List<Future<byte[]>> values = IntStream.range(0, 4)
                    .mapToObj(i -> callers.submit(() -> store.get("k")))
                    .toList();
            for (Future<byte[]> value : values) {
                assertArrayEquals(VALUE, value.get(10, TimeUnit.SECONDS));
            }
            forget();
            inTime(() -> {
                for (int i = 0; i < 5; i++) {
                    assertArrayEquals(VALUE, store.get("k"));
                }
            });
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void flowsThatAreForgottenUnderLoadCostNoCall() throws Exception {
        AtomicBoolean end = new AtomicBoolean();
        AtomicLong longest = new AtomicLong();
        ExecutorService callers = Executors.newFixedThreadPool(24);
        try {
            List<Future<?>> loads = IntStream.range(0, 24)
                    .<Future<?>>mapToObj(i -> callers.submit(() -> load(i, end, longest)))
                    .toList();
            for (int i = 0; i < 4; i++) {
                TimeUnit.MILLISECONDS.sleep(300);
                List<Integer> flows = proxy.clientPorts();
                proxy.swallow(flows.get(i % flows.size()));
            }
            TimeUnit.MILLISECONDS.sleep(400);
            end.set(true);
            for (Future<?> load : loads) {
                load.get(20, TimeUnit.SECONDS);
            }
            assertTrue(longest.get() < BOUND_MILLIS, "the longest call took " + longest + " ms");
        } finally {
            callers.shutdownNow();
        }
    }

    /** False if its outcome is unknown. */
    private boolean isStored(String key, byte[] value) {
        try {
            store.put(key, value, TTL);
            return true;
        } catch (CacheUnavailableException e) {
            assertTrue(e.outcomeUnknown(), e::getMessage);
            return false;
        }
    }

    private void load(int caller, AtomicBoolean end, AtomicLong longest) {
        String key = "load" + caller;
        byte[] value = key.getBytes(UTF_8);
        while (!end.get()) {
            long start = System.nanoTime();
            boolean stored = isStored(key, value);
            long written = System.nanoTime();
            assertArrayEquals(value, stored ? store.get(key) : value);
            long took = Math.max(written - start, System.nanoTime() - written);
            longest.accumulateAndGet(TimeUnit.NANOSECONDS.toMillis(took), Math::max);
        }
    }

    @Test
    void aCallThatMayNotBeRepeatedEndsUnknownLongBeforeItsTime() {
        forget();
        long start = System.nanoTime();
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.increment("once", 1, TTL));
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(e.outcomeUnknown());
        assertEquals(Reason.CONNECTION, e.reason());
        assertTrue(e.getMessage().contains("other connection"), e.getMessage());
        assertTrue(took < 4_000, "it took " + took + " ms");
    }

    @Test
    void aCallThatMayNotBeRepeatedIsNotBrokenByBeingSlow() {
        server.gateway.faults().next(Fault.delay(Duration.ofSeconds(1)));
        assertEquals(1, store.increment("slow", 1, TTL));
        assertEquals(2, store.increment("slow", 1, TTL));
    }

    @Test
    void aFarDatabaseKeepsItsConnection() {
        proxy.delay(Duration.ofMillis(120));
        try (UpstashStore far = UpstashStore.create(config())) {
            long before = proxy.connections();
            for (int i = 0; i < 4; i++) {
                assertArrayEquals(VALUE, far.get("k"));
            }
            long made = proxy.connections() - before;
            assertTrue(made <= 3, "the calls' one, and at most two of the question's: " + made);
        }
    }

    @Test
    void whatWaitsWhileTheDatabaseAnswersNobodyKeepsItsConnection() {
        server.gateway.faults().always(Fault.delay(Duration.ofMillis(700)));
        assertArrayEquals(VALUE, store.get("k"));
        server.gateway.faults().clear();
        assertArrayEquals(VALUE, store.get("k"));
        assertTrue(proxy.clientPorts().contains(callsFlow), "the call's connection is still open");
    }

    @Test
    void whatWaitsToWriteKeepsItsConnectionWhereReadsAreAnsweredAndWritesAreNot() {
        server.redis.command("CLIENT", "PAUSE", "700", "WRITE");
        store.put("k", VALUE, TTL);
        assertTrue(proxy.clientPorts().contains(callsFlow), "the call's connection is still open");
    }

    @Test
    void aLargeRequestIsGivenTheTimeThatItsBytesTake() {
        byte[] large = "x".repeat(1 << 20).getBytes(UTF_8);
        server.gateway.faults().next(Fault.delay(Duration.ofMillis(700)));
        long before = proxy.connections();
        store.put("large", large, TTL);
        assertEquals(before, proxy.connections(), "it was neither broken nor asked about");
    }
}
