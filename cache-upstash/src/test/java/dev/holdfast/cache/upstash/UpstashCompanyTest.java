package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.GatewayRequest;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** With whom commands share a request under load, and what way they go again when it broke. Counted, not timed. */
class UpstashCompanyTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    private static final byte[] LARGE = "x".repeat(100_000).getBytes(UTF_8);
    private static final int CONNECTIONS = 8;
    private static final long BOUND_SECONDS = 20;

    private static GatewayUnderTest server;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final TcpProxy proxy = TcpProxy.to("127.0.0.1", server.gateway.port());
    private final CountDownLatch held = new CountDownLatch(1);
    private UpstashStore store;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @AfterEach
    void close() {
        held.countDown();
        threads.shutdownNow();
        server.gateway.faults().clear();
        store.close();
        proxy.close();
    }

    private void open(int connections) {
        store = UpstashStore.create(
                UpstashConfig.of("http://127.0.0.1:" + proxy.port(), Secret.of(GatewayUnderTest.TOKEN))
                        .withKeyPrefix(KeyPrefix.of("company"))
                        .withMaxConnections(connections)
                        .withTimeouts(Duration.ofSeconds(BOUND_SECONDS), Duration.ofSeconds(BOUND_SECONDS)));
        store.put("k", VALUE, TTL);
    }

    private void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOUND_SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> what + "; " + store.health());
            Thread.onSpinWait();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(BOUND_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static int commands(GatewayRequest request, String key) {
        return request.body().split(key, -1).length - 1;
    }

    private List<Future<?>> callers(int count, CallOf call) {
        return IntStream.range(0, count)
                .<Future<?>>mapToObj(i -> threads.submit(() -> call.run(i)))
                .toList();
    }

    private interface CallOf {
        void run(int caller);
    }

    private static void await(List<Future<?>> callers) throws Exception {
        for (Future<?> caller : callers) {
            caller.get(BOUND_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Test
    void valuesOfAHundredKilobytesShareRequestsWhileAllConnectionsAreBusy() throws Exception {
        open(1);
        AtomicInteger requests = new AtomicInteger();
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (commands(request, "first") > 0) {
                                await(held);
                            }
                            requests.addAndGet(commands(request, "shared") > 0 ? 1 : 0);
                            return false;
                        },
                        Fault.resetBefore());
        List<Future<?>> calls = new ArrayList<>(callers(1, i -> store.putIfAbsent("first", VALUE, TTL)));
        await("the connection is in use", () -> store.health().pool().active() == 1);
        calls.addAll(callers(20, i -> store.put("shared" + i, LARGE, TTL)));
        await("all wait to share", () -> store.health().pool().waiting() == 20);
        held.countDown();
        await(calls);
        // Of a mebibyte each.
        assertTrue(requests.get() <= 4, requests + " requests for 20 values");
    }

    @Test
    void callsWhoseConnectionsBrokeTogetherAreRepeatedTogether() throws Exception {
        assertRepeatedTogether(i -> store.put("held" + i, VALUE, TTL));
    }

    @Test
    void largeCallsWhoseConnectionsBrokeTogetherAreRepeatedTogether() throws Exception {
        assertRepeatedTogether(i -> store.put("held" + i, LARGE, TTL));
    }

    private void assertRepeatedTogether(CallOf call) throws Exception {
        open(CONNECTIONS);
        AtomicInteger arrived = new AtomicInteger();
        CountDownLatch repeated = new CountDownLatch(CONNECTIONS);
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (commands(request, "held") > 0) {
                                if (arrived.incrementAndGet() <= CONNECTIONS) {
                                    await(held);
                                    return true;
                                }
                                repeated.countDown();
                                await(repeated);
                            }
                            return false;
                        },
                        Fault.resetBefore());
        List<Future<?>> calls = callers(CONNECTIONS, call);
        await("all are under way", () -> arrived.get() == CONNECTIONS);
        held.countDown();
        await("all are repeated at the same time", () -> repeated.getCount() == 0);
        await(calls);
        assertEquals(2 * CONNECTIONS, arrived.get(), "each was sent twice");
    }

    @Test
    void aSharedRequestThatBrokeIsRepeatedInCompany() throws Exception {
        int callers = 40;
        open(1);
        Queue<Integer> sizes = new ConcurrentLinkedQueue<>();
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (commands(request, "first") > 0) {
                                await(held);
                            }
                            int size = commands(request, "shared");
                            if (size == 0) {
                                return false;
                            }
                            sizes.add(size);
                            if (sizes.size() == 2) {
                                await(
                                        "the others wait",
                                        () -> store.health().pool().waiting() == callers - size);
                            }
                            return sizes.size() == 1;
                        },
                        Fault.resetBefore());
        List<Future<?>> calls = new ArrayList<>(callers(1, i -> store.putIfAbsent("first", VALUE, TTL)));
        await("the connection is in use", () -> store.health().pool().active() == 1);
        calls.addAll(callers(callers, i -> store.put("shared" + i, VALUE, TTL)));
        await("all wait to share", () -> store.health().pool().waiting() == callers);
        held.countDown();
        await(calls);
        List<Integer> all = List.copyOf(sizes);
        assertEquals(callers, all.get(0));
        // Whoever came first, and the others in halves.
        assertTrue(all.size() <= 4, () -> "requests of " + all);
        assertTrue(all.stream().skip(1).allMatch(size -> size <= callers / 2), () -> "requests of " + all);
    }
}
