package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What connections that break, and requests that break them, cost the front and other callers. */
class UpstashMannersTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    private static final byte[] LARGE = "x".repeat(100_000).getBytes(UTF_8);
    private static final int CALLERS = 16;
    private static final int CONNECTIONS = 8;

    private static GatewayUnderTest server;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final LongAdder answered = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder rejected = new LongAdder();
    private TcpProxy proxy;
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
        store = UpstashStore.create(
                UpstashConfig.of("http://127.0.0.1:" + proxy.port(), Secret.of(GatewayUnderTest.TOKEN))
                        .withKeyPrefix(KeyPrefix.of("manners"))
                        .withMaxConnections(CONNECTIONS)
                        .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(5)));
        store.put("k", VALUE, TTL);
    }

    @AfterEach
    void close() {
        threads.shutdownNow();
        server.gateway.faults().clear();
        store.close();
        proxy.close();
    }

    /** Callers that go on until a time. */
    private List<Future<?>> callers(int count, long end, CallOf call) {
        return IntStream.range(0, count)
                .<Future<?>>mapToObj(i -> threads.submit(() -> {
                    for (int n = 0; System.nanoTime() - end < 0; n++) {
                        call(call, i, n);
                    }
                }))
                .toList();
    }

    private interface CallOf {
        void run(int caller, int number);
    }

    private void call(CallOf call, int caller, int number) {
        try {
            call.run(caller, number);
            answered.increment();
        } catch (CacheUnavailableException e) {
            failed.increment();
        } catch (CacheRejectedException e) {
            rejected.increment();
        }
    }

    private static void await(List<Future<?>> callers)
            throws ExecutionException, InterruptedException, TimeoutException {
        for (Future<?> caller : callers) {
            caller.get(1, TimeUnit.MINUTES);
        }
    }

    /** As many calls at the same time, each on a connection: none is answered before all have arrived. Of a kind that is not asked about when it is slow. */
    private void occupy(int connections) throws Exception {
        CountDownLatch all = new CountDownLatch(connections);
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (request.body().contains("occupied")) {
                                all.countDown();
                                awaitAll(all);
                            }
                            return false;
                        },
                        Fault.resetBefore());
        List<Future<?>> calls = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            calls.add(threads.submit(() -> store.putIfAbsent("occupied", VALUE, TTL)));
        }
        await(calls);
    }

    private static void awaitAll(CountDownLatch latch) {
        try {
            if (!latch.await(1, TimeUnit.MINUTES)) {
                throw new IllegalStateException("calls that were to be under way together were not");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static long seconds(int count) {
        return System.nanoTime() + TimeUnit.SECONDS.toNanos(count);
    }

    @Test
    void aFrontThatBreaksOneRequestInTenIsAskedForAFewConnectionsOnly() throws Exception {
        IntStream.range(0, CALLERS).forEach(i -> store.put("k" + i, ("v" + i).getBytes(UTF_8), TTL));
        Random random = new Random(42);
        server.gateway.faults().always(request -> random.nextInt(10) == 0, Fault.resetBefore());
        long start = System.nanoTime();
        await(callers(CALLERS, seconds(4), (caller, number) -> {
            if (number % 4 == 0) {
                store.put("k" + caller, ("v" + caller).getBytes(UTF_8), TTL);
            } else {
                assertArrayEquals(("v" + caller).getBytes(UTF_8), store.get("k" + caller));
            }
        }));
        double took = (System.nanoTime() - start) / 1e9;
        String counts = proxy.connections() + " connections in " + took + " s; " + answered + " calls answered, "
                + failed + " unavailable, " + rejected + " rejected";
        // The first of all, as many at once again, and those of a pace.
        assertTrue(proxy.connections() <= 2 * CONNECTIONS + 20 * took, counts);
        assertTrue(answered.sum() >= 100 * took, counts);
        assertTrue(failed.sum() <= answered.sum() / 100, counts);
        assertEquals(0, rejected.sum(), counts);
        assertEquals(0, store.health().pool().failedDials(), counts);
    }

    @Test
    void aFrontThatBreaksOneRequestInTenServesManyCallers() throws Exception {
        int callers = 200;
        Random random = new Random(42);
        server.gateway.faults().always(request -> random.nextInt(10) == 0, Fault.resetBefore());
        await(callers(callers, seconds(4), (caller, number) -> {
            if (number % 4 == 0) {
                store.put("k" + caller, VALUE, TTL);
            } else {
                store.get("k" + caller);
            }
        }));
        String counts = answered + " calls answered, " + failed + " unavailable, " + rejected + " rejected; "
                + proxy.connections() + " connections";
        assertTrue(answered.sum() >= 10L * callers, counts);
        assertTrue(failed.sum() <= answered.sum() / 100, counts);
        assertEquals(0, rejected.sum(), counts);
    }

    @Test
    void callersWhoGiveUpSoonDoNotMakeAFrontDialledWithoutEnd() throws Exception {
        server.gateway.faults().always(Fault.delay(Duration.ofMillis(30)));
        long start = System.nanoTime();
        var hasty = store.within(Duration.ofMillis(10));
        await(callers(CALLERS, seconds(3), (caller, number) -> hasty.get("k")));
        double took = (System.nanoTime() - start) / 1e9;
        String counts = proxy.connections() + " connections in " + took + " s; " + failed + " calls were given up";
        assertTrue(failed.sum() >= CALLERS, counts);
        assertTrue(proxy.connections() <= 2 * CONNECTIONS + 20 * took, counts);
    }

    @Test
    void aConnectionThatBreaksCostsNoneThatWasHeardMeanwhile() throws Exception {
        occupy(4);
        long before = proxy.connections();
        // Neither repeated nor asked about before it breaks.
        server.gateway.faults().next(Fault.resetBefore().after(Duration.ofSeconds(1)));
        Future<?> broken = threads.submit(
                () -> assertThrows(CacheUnavailableException.class, () -> store.putIfAbsent("new", VALUE, TTL)));
        while (!server.gateway.faults().isUsedUp()) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        // The other three, while the first waits to be broken.
        occupy(3);
        broken.get(10, TimeUnit.SECONDS);
        occupy(4);
        assertEquals(before + 1, proxy.connections(), "the one that broke was replaced");
    }

    @Test
    void connectionsThatIdledWhenAnotherBrokeCarryNothingMore() throws Exception {
        occupy(4);
        proxy.reset();
        assertArrayEquals(VALUE, store.get("k"), "found broken, and repeated");
        long before = proxy.connections();
        // Not repeated: each would fail on a connection that is dead.
        for (int i = 1; i <= 4; i++) {
            assertEquals(i, store.increment("n", 1, TTL));
        }
        occupy(4);
        assertEquals(before + 3, proxy.connections());
    }

    @Test
    void callersBesidePoisonousRequestsAreServed() throws Exception {
        assertSparedBy((caller, number) -> store.put("poison" + caller + "-" + number, LARGE, TTL));
        assertTrue(rejected.sum() > 0, rejected + " were told that it is their request");
    }

    @Test
    void callersBesideSmallPoisonousRequestsAreServed() throws Exception {
        assertSparedBy((caller, number) -> store.put("poison" + caller + "-" + number, VALUE, TTL));
    }

    @Test
    void callersBesidePoisonousPipelinesAreServed() throws Exception {
        assertSparedBy((caller, number) -> store.putAll(Map.of("poison" + caller, VALUE, "b" + number, VALUE), TTL));
    }

    private void assertSparedBy(CallOf poison) throws Exception {
        server.gateway.faults().always(request -> request.body().contains("poison"), Fault.resetBefore());
        CallOf healthy = (caller, number) -> assertArrayEquals(VALUE, store.get("k"));
        await(callers(4, seconds(1), healthy));
        long alone = answered.sumThenReset();
        long end = seconds(3);
        LongAdder harmed = new LongAdder();
        LongAdder served = new LongAdder();
        List<Future<?>> healthyCallers = IntStream.range(0, 4)
                .<Future<?>>mapToObj(i -> threads.submit(() -> {
                    while (System.nanoTime() - end < 0) {
                        try {
                            healthy.run(i, 0);
                            served.increment();
                        } catch (CacheUnavailableException | CacheRejectedException e) {
                            harmed.increment();
                        }
                    }
                }))
                .toList();
        List<Future<?>> poisonous = callers(CALLERS, end, poison);
        await(healthyCallers);
        await(poisonous);
        String counts = served + " calls answered in 3 s beside the poison, " + alone + " in 1 s before, " + harmed
                + " harmed; poison: " + failed + " unavailable, " + rejected + " rejected; " + proxy.connections()
                + " connections";
        assertEquals(0, answered.sum(), "no poison is taken");
        assertEquals(0, harmed.sum(), counts);
        // An eighth of what they had without it, in a second: there is one machine for both.
        assertTrue(8 * served.sum() >= 3 * alone, counts);
        assertTrue(proxy.connections() <= 2 * CONNECTIONS + 20 * 4, counts);
    }
}
