package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.Dns;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a caller is told whose command was sent more than once. */
class UpstashRepetitionTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    private static final byte[] LARGE = "x".repeat(100_000).getBytes(UTF_8);

    private static GatewayUnderTest server;

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
                        .withKeyPrefix(KeyPrefix.of("repetition"))
                        .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(5)),
                Dns.SYSTEM,
                Duration.ofMinutes(1));
        store.put("k", VALUE, TTL);
    }

    @AfterEach
    void close() {
        server.gateway.faults().clear();
        store.close();
        proxy.close();
    }

    /** The next request is executed and its answer lost; then nobody can connect any more. */
    private AtomicInteger loseTheNextAnswerAndRefuseWhoComesThen() {
        AtomicInteger executed = new AtomicInteger();
        server.gateway.faults().clear();
        server.gateway
                .faults()
                .always(
                        request -> {
                            proxy.refuse();
                            executed.incrementAndGet();
                            return true;
                        },
                        Fault.resetAfter());
        return executed;
    }

    @Test
    void aFailedRepetitionThatWasNotSentSaysThatTheFirstAttemptMayHaveBeenExecuted() {
        Map<String, Runnable> writes = new LinkedHashMap<>();
        writes.put("put", () -> store.put("k", VALUE, TTL));
        writes.put("remove", () -> store.remove("k"));
        writes.put("putAll", () -> store.putAll(Map.of("a", VALUE, "b", VALUE), TTL));
        writes.put("removeAll", () -> store.removeAll(List.of("a", "b")));
        writes.put("incrementOnce", () -> store.incrementOnce("n", 1, TTL, "id"));
        writes.forEach((name, write) -> {
            AtomicInteger executed = loseTheNextAnswerAndRefuseWhoComesThen();
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, write::run, name);
            assertEquals(1, executed.get(), name + " arrived once");
            assertEquals(Reason.CONNECTION, e.reason(), name);
            assertTrue(e.outcomeUnknown(), () -> name + ": " + e);
            settle();
        });
    }

    @Test
    void aFailedRepetitionOfAReadLeavesNothingUnknown() {
        Map<String, Runnable> reads = new LinkedHashMap<>();
        reads.put("get", () -> store.get("k"));
        reads.put("contains", () -> store.contains("k"));
        reads.put("getAll", () -> store.getAll(List.of("k", "absent")));
        reads.forEach((name, read) -> {
            AtomicInteger executed = loseTheNextAnswerAndRefuseWhoComesThen();
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, read::run, name);
            assertEquals(1, executed.get(), name + " arrived once");
            assertFalse(e.outcomeUnknown(), () -> name + ": " + e);
            settle();
        });
    }

    /** Lets everybody in again, and waits for the pause between dials to end. */
    private void settle() {
        server.gateway.faults().clear();
        proxy.pass();
        store.probe(Duration.ofSeconds(5));
        store.put("k", VALUE, TTL);
    }

    private long requestsOf(Runnable call) {
        long before = server.gateway.requests();
        call.run();
        return server.gateway.requests() - before;
    }

    @Test
    void aSmallRequestIsRejectedOnceItHasBrokenFourConnectionsAndNoOtherHasBrokenOne() {
        server.gateway.faults().always(request -> request.body().contains("poison"), Fault.resetBefore());
        CacheRejectedException[] rejected = new CacheRejectedException[1];
        long requests = requestsOf(
                () -> rejected[0] = assertThrows(CacheRejectedException.class, () -> store.put("poison1", VALUE, TTL)));
        assertTrue(requests == 4 || requests == 5, requests + " requests, one of them a PING at most");
        assertTrue(rejected[0].getMessage().contains("4 connections"), rejected[0].getMessage());
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.put("poison2", VALUE, TTL));
        assertTrue(e.outcomeUnknown(), "since another broke connections too, it is not this one's fault");
        assertArrayEquals(VALUE, store.get("k"));
    }

    @Test
    void aRequestIsNotToBlameIfOthersLoseTheirConnectionsMeanwhile() {
        AtomicBoolean other = new AtomicBoolean();
        AtomicInteger arrived = new AtomicInteger();
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (request.body().contains("poison") && arrived.incrementAndGet() == 2) {
                                other.set(isBroken("other"));
                            }
                            return request.body().contains("poison")
                                    || request.body().contains("other");
                        },
                        Fault.resetBefore());
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.put("poison", LARGE, TTL));
        assertTrue(other.get(), "a connection broke under another");
        assertEquals(Reason.CONNECTION, e.reason());
    }

    /** Sent once only. */
    private boolean isBroken(String key) {
        try {
            store.putIfAbsent(key, VALUE, TTL);
            return false;
        } catch (CacheUnavailableException e) {
            return e.outcomeUnknown();
        }
    }

    @Test
    void whatIsLikeARequestThatWasRejectedAndIsNotSentIsNotRejected() throws Exception {
        server.gateway.faults().always(request -> request.body().length() > 90_000, Fault.resetBefore());
        assertThrows(CacheRejectedException.class, () -> store.put("large1", LARGE, TTL));
        CountDownLatch arrived = new CountDownLatch(1);
        CountDownLatch held = new CountDownLatch(1);
        server.gateway.faults().clear();
        server.gateway
                .faults()
                .always(
                        request -> {
                            if (request.body().contains("large2")) {
                                arrived.countDown();
                                await(held);
                            }
                            return false;
                        },
                        Fault.resetBefore());
        CompletableFuture<Void> before = CompletableFuture.runAsync(() -> store.put("large2", LARGE, TTL));
        await(arrived);
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> store.put("large3", LARGE, TTL));
        held.countDown();
        assertEquals(Reason.SATURATED, e.reason());
        assertFalse(e.outcomeUnknown());
        before.get(10, TimeUnit.SECONDS);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(10, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void whatIsLikeARequestThatWasRejectedBreaksNoMoreThanAConnectionOfItsOwn() {
        server.gateway.faults().always(request -> request.body().length() > 90_000, Fault.resetBefore());
        assertThrows(CacheRejectedException.class, () -> store.put("large1", LARGE, TTL));
        assertArrayEquals(VALUE, store.get("k"));
        long connections = proxy.connections();
        long requests = requestsOf(() -> {
            CacheRejectedException e =
                    assertThrows(CacheRejectedException.class, () -> store.put("large2", LARGE, TTL));
            assertInstanceOf(CacheUnavailableException.class, e.getCause());
        });
        assertTrue(requests == 1 || requests == 2, requests + " requests, one of them a PING at most");
        assertEquals(connections + requests, proxy.connections());
        assertArrayEquals(VALUE, store.get("k"));
        assertEquals(connections + requests, proxy.connections(), "the connection of others is as it was");
        server.gateway.faults().clear();
        store.put("large2", LARGE, TTL);
        assertArrayEquals(LARGE, store.get("large2"));
    }
}
