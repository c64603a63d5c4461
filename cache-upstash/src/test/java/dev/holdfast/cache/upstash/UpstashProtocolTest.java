package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.GatewayRequest;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What goes over the wire beside the commands, and what becomes of calls that share, are cut up, or are given up. */
class UpstashProtocolTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final Duration PROBE = Duration.ofSeconds(4);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

    private static RedisServer redis;
    private static UpstashGateway gateway;
    private static final BlockingQueue<GatewayRequest> REQUESTS = new LinkedBlockingQueue<>();

    private UpstashStore store;

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        gateway = UpstashGateway.builder("127.0.0.1:" + redis.port(), "t")
                .onRequest(REQUESTS::add)
                .start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
        redis.close();
    }

    private static UpstashConfig config() {
        return UpstashConfig.of(gateway.url(), Secret.of("t")).withKeyPrefix(KeyPrefix.of("protocol"));
    }

    @BeforeEach
    void open() {
        store = UpstashStore.create(config().withMaxConnections(2));
        store.put("k", VALUE, TTL);
        REQUESTS.clear();
    }

    @AfterEach
    void close() {
        gateway.faults().clear();
        store.close();
    }

    private static GatewayRequest request() throws InterruptedException {
        GatewayRequest request = REQUESTS.poll(10, TimeUnit.SECONDS);
        return Objects.requireNonNull(request, "no request came");
    }

    @Test
    void theTokenOfTheLastAnswerGoesOutWithTheNextRequestAndNoneIfThatIsNotWanted() throws Exception {
        gateway.faults().next(Fault.result("1").withHeader("upstash-sync-token", "t0ken-1"));
        store.increment("n", 1, TTL);
        request();
        store.get("k");
        assertEquals("t0ken-1", request().headers().get("upstash-sync-token"));
        store.get("k");
        assertFalse(request().headers().get("upstash-sync-token").equals("t0ken-1"), "the gateway gave a newer one");
        try (UpstashStore without = UpstashStore.create(config().withReadYourWrites(false))) {
            without.put("k", VALUE, TTL);
            without.get("k");
            request();
            assertNull(request().headers().get("upstash-sync-token"));
            assertFalse(without.health().readYourWrites());
        }
    }

    @Test
    void aCanaryThatIsThereButOlderMeansThatTheDatabaseWentBack() {
        redis.command("FLUSHALL");
        for (int i = 0; i < 3; i++) {
            assertEquals(ProbeResult.OK, store.probe(PROBE));
        }
        List<String> canaries = canaries();
        assertEquals(2, canaries.size());
        for (String canary : canaries) {
            redis.command("SET", canary, "1");
            assertTrue(store.probe(PROBE).wentBack());
            assertEquals(ProbeResult.OK, store.probe(PROBE));
            assertEquals(ProbeResult.OK, store.probe(PROBE));
        }
        canaries.forEach(canary -> redis.command("DEL", canary));
        assertTrue(store.probe(PROBE).wentBack());
        assertEquals(ProbeResult.OK, store.probe(PROBE));
    }

    /** At the start, and after a loss, there is one canary only. */
    @Test
    void aLossIsNoticedAtEachProbe() {
        store.probe(PROBE);
        for (int i = 0; i < 4; i++) {
            redis.command("FLUSHALL");
            assertTrue(store.probe(PROBE).wentBack(), "loss " + i);
        }
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        assertEquals(ProbeResult.OK, store.probe(PROBE));
    }

    @Test
    void aCallThatIsCutOffByADisconnectionMayHaveBeenDone() throws Exception {
        gateway.faults().next(Fault.delay(Duration.ofSeconds(2)));
        AtomicReference<CacheUnavailableException> end = new AtomicReference<>();
        Thread caller = new Thread(
                () -> end.set(assertThrows(CacheUnavailableException.class, () -> store.increment("cut", 1, TTL))));
        long before = gateway.requests();
        caller.start();
        while (gateway.requests() == before) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        store.disconnect(new IllegalStateException("a test"));
        caller.join();
        assertEquals(Reason.DISCONNECTED, end.get().reason());
        assertTrue(end.get().outcomeUnknown());
    }

    @Test
    void aCanaryThatIsGoneWhileTheOtherIsThereWasEvicted() {
        redis.command("FLUSHALL");
        for (int i = 0; i < 20; i++) {
            assertEquals(ProbeResult.OK, store.probe(PROBE), "after " + i);
            List<String> canaries = canaries();
            if (canaries.size() == 2) {
                redis.command("DEL", canaries.get(i % 2));
            }
        }
    }

    private List<String> canaries() {
        return ((List<?>) redis.command("KEYS", "protocol:#canary:*"))
                .stream()
                        .map(key -> key instanceof byte[] bytes ? new String(bytes, UTF_8) : String.valueOf(key))
                        .sorted()
                        .toList();
    }

    @Test
    void everyCallerOfARequestThatFailedIsToldWithAStackOfItsOwn() throws Exception {
        gateway.faults().next(2, Fault.delay(Duration.ofMillis(600)));
        gateway.faults().next(1, "/pipeline", Fault.empty(503));
        ExecutorService callers = Executors.newFixedThreadPool(8);
        try {
            List<Future<CacheUnavailableException>> ends = IntStream.range(0, 8)
                    .mapToObj(i -> callers.submit(() -> {
                        try {
                            store.get("k");
                            return null;
                        } catch (CacheUnavailableException e) {
                            return e;
                        }
                    }))
                    .toList();
            int failed = 0;
            Set<CacheUnavailableException> distinct = new HashSet<>();
            for (Future<CacheUnavailableException> end : ends) {
                CacheUnavailableException e = end.get(10, TimeUnit.SECONDS);
                if (e != null) {
                    failed++;
                    distinct.add(e);
                    assertEquals(Reason.SERVER_STATE, e.reason());
                    assertTrue(e.outcomeUnknown());
                }
            }
            assertTrue(failed >= 2, failed + " callers of the request that failed");
            assertEquals(failed, distinct.size());
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void ofSeveralEntriesThoseThatTheDatabaseDidNotTakeAreNamed() {
        gateway.faults()
                .next(Fault.status(200, "[{\"result\":\"OK\"},{\"error\":\"READONLY upgrade\"},{\"result\":null}]"));
        Map<String, byte[]> entries = new LinkedHashMap<>();
        List.of("a", "b", "c").forEach(key -> entries.put(key, VALUE));
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.putAll(entries, TTL));
        assertEquals(Set.of("b", "c"), e.failedKeys());
        gateway.faults().next(Fault.status(200, "[{\"result\":\"OK\"},{\"error\":\"ERR odd\"},{\"result\":\"OK\"}]"));
        assertThrows(CacheRejectedException.class, () -> store.putAll(entries, TTL));
    }

    @Test
    void ofManyKeysThoseWhoseRequestFailedAreNamedAndTheOthersWereServed() {
        Map<String, byte[]> entries = new HashMap<>();
        IntStream.range(0, 3_500).forEach(i -> entries.put("many" + i, VALUE));
        try (UpstashStore wide = UpstashStore.create(config().withMaxConnections(8))) {
            wide.putAll(entries, TTL);
            assertEquals(entries.keySet(), wide.getAll(entries.keySet()).keySet());
            gateway.faults().next(Fault.empty(503));
            CacheUnavailableException e =
                    assertThrows(CacheUnavailableException.class, () -> wide.getAll(entries.keySet()));
            assertTrue(e.failedKeys().size() >= 500, e.failedKeys().size() + " keys failed");
            Set<String> all = new HashSet<>(e.failedKeys());
            all.addAll(e.partialResult().keySet());
            assertEquals(entries.keySet(), all);
            assertEquals(3_500, e.failedKeys().size() + e.partialResult().size());
            wide.removeAll(entries.keySet());
            assertEquals(Map.of(), wide.getAll(entries.keySet()));
        }
    }

    @Test
    void callsWithManyKeysAskInParallel() {
        List<String> keys = IntStream.range(0, 4_000).mapToObj(i -> "p" + i).toList();
        gateway.faults().next(4, Fault.delay(Duration.ofMillis(400)));
        try (UpstashStore wide = UpstashStore.create(config().withMaxConnections(8))) {
            long start = System.nanoTime();
            wide.getAll(keys);
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(gateway.faults().isUsedUp());
            assertTrue(millis < 1_500, "four requests of 400 ms took " + millis);
        }
    }

    @Test
    void callsWithManyKeysTakeMemoryInProportion() {
        List<String> some = IntStream.range(0, 20_000).mapToObj(i -> "q" + i).toList();
        store.removeAll(some);
        long before = ThreadMemory.allocated();
        store.removeAll(some);
        long bytes = ThreadMemory.allocated() - before;
        assertTrue(bytes / some.size() < 1_500, bytes / some.size() + " bytes for each key");
    }

    @Test
    void encodingManyValuesCountsAgainstTheCallsTime() {
        byte[] large = new byte[200_000];
        Arrays.fill(large, (byte) -1);
        Map<String, byte[]> entries = new HashMap<>();
        IntStream.range(0, 300).forEach(i -> entries.put("large" + i, large));
        CacheTimeoutException e = assertThrows(CacheTimeoutException.class, () -> store.within(Duration.ofMillis(5))
                .putAll(entries, TTL));
        assertFalse(e.outcomeUnknown());
        assertTrue(REQUESTS.isEmpty());
    }

    @Test
    void aTimeToComeBackMayBeADate() {
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(
                ZonedDateTime.now(ZoneOffset.UTC).plusSeconds(3));
        gateway.faults().next(Fault.empty(429).withHeader("Retry-After", date));
        assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertTrue(e.getMessage().contains("Retry-After"), e.getMessage());
        assertEquals(1, REQUESTS.size());
    }

    @Test
    void aTimeToComeBackThatCannotBeReadIsNone() {
        for (String text : List.of("soon", "-5", "99999999999999999999", "\u0663")) {
            gateway.faults().next(Fault.empty(503).withHeader("Retry-After", text));
            assertThrows(CacheUnavailableException.class, () -> store.get("k"), text);
            assertArrayEquals(VALUE, store.get("k"), text);
        }
    }

    @Test
    void anInterruptedWaiterGoesAndItsCommandIsNotSent() throws Exception {
        gateway.faults().next(2, Fault.delay(Duration.ofMillis(700)));
        ExecutorService callers = Executors.newFixedThreadPool(2);
        try {
            List<Future<Boolean>> slow = IntStream.range(0, 2)
                    .mapToObj(i -> callers.submit(() -> store.putIfAbsent("k", VALUE, TTL)))
                    .toList();
            eventually(() -> store.health().pool().active() == 2);
            CacheInterruptedException[] seen = new CacheInterruptedException[1];
            Thread waiter = new Thread(() -> {
                seen[0] = assertThrows(CacheInterruptedException.class, () -> store.put("gone", VALUE, TTL));
                assertTrue(Thread.currentThread().isInterrupted());
            });
            waiter.start();
            eventually(() -> store.health().pool().waiting() == 1);
            waiter.interrupt();
            waiter.join(10_000);
            assertFalse(waiter.isAlive());
            assertTrue(seen[0] != null);
            for (Future<Boolean> stored : slow) {
                assertFalse(stored.get(10, TimeUnit.SECONDS));
            }
            eventually(() -> store.health().pool().active() == 0);
            assertNull(store.get("gone"));
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void aValueBeyondTheLimitIsNeitherStoredNorRead() {
        try (UpstashStore small = UpstashStore.create(config().withMaxValueBytes(2_000))) {
            CacheRejectedException e =
                    assertThrows(CacheRejectedException.class, () -> small.put("v", new byte[2_001], TTL));
            assertTrue(e.getMessage().contains("withMaxValueBytes"), e.getMessage());
            assertTrue(REQUESTS.isEmpty());
            small.put("v", new byte[2_000], TTL);
            assertArrayEquals(new byte[2_000], small.get("v"));
            store.put("v", new byte[9_000], TTL);
            assertThrows(CacheUnavailableException.class, () -> small.get("v"));
            assertThrows(CacheUnavailableException.class, () -> small.getAll(List.of("v")));
        }
    }

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "waited 10 s in vain");
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }
}
