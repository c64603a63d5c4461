package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.GatewayRequest;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What one connection, one request or one name does is no verdict on the database. */
class UpstashEvidenceTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final Duration PROBE = Duration.ofSeconds(4);
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
        store = UpstashStore.create(server.config("evidence").withMaxConnections(2));
        store.put("k", VALUE, TTL);
    }

    @AfterEach
    void close() {
        server.gateway.faults().clear();
        store.close();
    }

    @Test
    void aConnectionThatBreaksCostsNothingThatIsHarmlessToRepeat() {
        for (Fault fault : List.of(Fault.resetBefore(), Fault.resetAfter(), Fault.truncatedBody())) {
            server.gateway.faults().next(fault);
            assertArrayEquals(VALUE, store.get("k"));
            server.gateway.faults().next(fault);
            store.put("k", VALUE, TTL);
            server.gateway.faults().next(fault);
            assertEquals(Map.of(), store.getAll(List.of("absent")));
        }
    }

    @Test
    void aRequestThatBreaksEveryConnectionIsRejectedWhileTheDatabaseAnswers() {
        server.gateway.faults().next(2, Fault.resetBefore());
        CacheRejectedException e = assertThrows(
                CacheRejectedException.class,
                () -> store.put("k", "x".repeat(90_000).getBytes(UTF_8), TTL));
        assertTrue(e.getMessage().matches(".*has 9[0-9]{4} bytes.*limit.*"), e.getMessage());
        assertTrue(store.health().available());
    }

    @Test
    void requestsThatBreakWhileTheDatabaseAnswersNobodyAreAVerdictOnIt() {
        server.gateway.faults().always(Fault.resetBefore());
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertEquals(Reason.CONNECTION, e.reason());
    }

    @Test
    void aRequestThatIsTooLargeForAProxyIsRejectedWithItsSize() {
        server.gateway.faults().next(Fault.html(413));
        CacheRejectedException e = assertThrows(
                CacheRejectedException.class,
                () -> store.put("k", "x".repeat(40_000).getBytes(UTF_8), TTL));
        assertTrue(e.getMessage().matches(".*HTTP 413.*sent 4[0-9]{4} bytes.*"), e.getMessage());
    }

    @Test
    void callersWhoseSharedRequestIsRefusedOrBreaksAreServedAlone() throws Exception {
        for (Fault fault : List.of(Fault.html(413), Fault.resetBefore())) {
            server.gateway.faults().next(2, Fault.delay(Duration.ofMillis(500)));
            ExecutorService callers = Executors.newFixedThreadPool(10);
            try {
                List<Future<byte[]>> values = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    values.add(callers.submit(() -> store.get("k")));
                }
                // One of those may be a pipeline too, of one.
                for (int i = 0; i < 1_000 && !server.gateway.faults().isUsedUp(); i++) {
                    LockSupport.parkNanos(1_000_000);
                }
                AtomicBoolean spoilt = new AtomicBoolean();
                server.gateway.faults().always(request -> isShared(request) && !spoilt.getAndSet(true), fault);
                for (int i = 0; i < 8; i++) {
                    values.add(callers.submit(() -> store.get("k")));
                }
                for (Future<byte[]> value : values) {
                    assertArrayEquals(VALUE, value.get(10, TimeUnit.SECONDS));
                }
                assertTrue(spoilt.get(), "a request was shared");
            } finally {
                server.gateway.faults().clear();
                callers.shutdownNow();
            }
        }
    }

    private static boolean isShared(GatewayRequest request) {
        return request.body().split("\"GET\"", -1).length > 2;
    }

    @Test
    void aProbeWhoseConnectionHangsIsAnsweredOnANewOne() {
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        server.gateway.faults().next(Fault.delay(Duration.ofSeconds(30)));
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        assertEquals(ProbeResult.OK, store.probe(PROBE));
    }

    @Test
    void aProbeWhoseConnectionBrokeIsAnsweredOnANewOne() {
        for (Fault fault : List.of(Fault.resetBefore(), Fault.resetAfter(), Fault.truncatedBody(), Fault.html(200))) {
            server.gateway.faults().next(fault);
            assertEquals(ProbeResult.OK, store.probe(PROBE));
        }
    }

    @Test
    void aProbeThatFailsOnANewConnectionTooFails() {
        server.gateway.faults().next(2, Fault.resetBefore());
        assertThrows(CacheUnavailableException.class, () -> store.probe(PROBE));
        server.gateway.faults().always(Fault.delay(Duration.ofSeconds(30)));
        assertThrows(CacheTimeoutException.class, () -> store.probe(Duration.ofMillis(600)));
        assertFalse(store.health().available());
    }

    @Test
    void aNumberThatWasWrittenLateIsNoSignOfADatabaseThatWentBack() throws Exception {
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        long before = server.gateway.executed("SET");
        server.gateway.faults().next(Fault.delay(Duration.ofMillis(700)));
        assertEquals(ProbeResult.OK, store.probe(Duration.ofMillis(800)));
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (server.gateway.executed("SET") < before + 3 && System.nanoTime() < deadline) {
            TimeUnit.MILLISECONDS.sleep(10);
        }
        assertEquals(before + 3, server.gateway.executed("SET"), "the first attempt was executed after all");
        assertEquals(ProbeResult.OK, store.probe(PROBE));
    }

    @Test
    void aPortThatRefusesIsNotStormed() throws Exception {
        UpstashGateway gone = UpstashGateway.start("127.0.0.1:" + server.redis.port(), "t");
        String url = gone.url();
        gone.close();
        try (UpstashStore dead = UpstashStore.create(UpstashConfig.of(url, Secret.of("t")))) {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(700);
            while (System.nanoTime() < end) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> dead.get("k"));
                assertEquals(Reason.CONNECTION, e.reason());
                assertFalse(e.outcomeUnknown());
                assertTrue(e.getMessage().contains("127.0.0.1"), e.getMessage());
                TimeUnit.MILLISECONDS.sleep(1);
            }
            long dials = dead.health().pool().failedDials();
            assertTrue(dials >= 2 && dials <= 8, dials + " dials in 700 ms");
        }
    }

    /** A peer that lets everybody in and breaks every connection under its first request. */
    @Test
    void connectionsThatBreakUnderTheirFirstRequestAreNotStormed() throws Exception {
        AtomicInteger accepted = new AtomicInteger();
        try (ServerSocket peer = new ServerSocket(0, 64, InetAddress.getLoopbackAddress())) {
            Thread breaking = new Thread(() -> {
                while (!peer.isClosed()) {
                    try (Socket caller = peer.accept()) {
                        accepted.incrementAndGet();
                        int unused = caller.getInputStream().read();
                    } catch (IOException e) {
                        // The next, or the end.
                    }
                }
            });
            breaking.start();
            String url = "http://127.0.0.1:" + peer.getLocalPort();
            try (UpstashStore broken = UpstashStore.create(UpstashConfig.of(url, Secret.of("t")))) {
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1_500);
                List<Thread> callers = new ArrayList<>();
                AtomicInteger answered = new AtomicInteger();
                AtomicInteger failed = new AtomicInteger();
                for (int i = 0; i < 8; i++) {
                    callers.add(new Thread(() -> {
                        while (System.nanoTime() < end) {
                            try {
                                broken.get("k");
                                answered.incrementAndGet();
                            } catch (CacheUnavailableException e) {
                                failed.incrementAndGet();
                            }
                        }
                    }));
                }
                callers.forEach(Thread::start);
                for (Thread caller : callers) {
                    caller.join();
                }
                // A first round of eight callers, and eight connections until it counts; then ten a second.
                assertTrue(accepted.get() <= 45, accepted + " connections in 1.5 s");
                assertTrue(broken.health().pool().failedDials() > 0);
                assertEquals(0, answered.get());
                assertTrue(failed.get() >= 8, failed + " calls");
            }
            peer.close();
            breaking.join();
        }
    }

    @Test
    void aServerThatComesBackIsFoundAgainByAProbeWithoutAPause() {
        UpstashGateway gone = UpstashGateway.start("127.0.0.1:" + server.redis.port(), "t");
        int port = gone.port();
        UpstashConfig config = UpstashConfig.of(gone.url(), Secret.of("t"));
        gone.close();
        try (UpstashStore dead = UpstashStore.create(config)) {
            for (int i = 0; i < 6; i++) {
                assertThrows(CacheUnavailableException.class, () -> dead.probe(PROBE));
            }
            UpstashGateway back = UpstashGateway.builder("127.0.0.1:" + server.redis.port(), "t")
                    .port(port)
                    .start();
            try (back) {
                assertEquals(ProbeResult.OK, dead.probe(PROBE));
                assertEquals(null, dead.get("absent"));
            }
        }
    }

    @Test
    void aNameServerThatHangsHoldsNobodyBeyondTheBound() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger questions = new AtomicInteger();
        UpstashConfig config = UpstashConfig.of("https://db.example.test", Secret.of("t"))
                .withTimeouts(Duration.ofMillis(300), Duration.ofMillis(300));
        try (UpstashStore lost = UpstashStore.create(config, host -> {
            questions.incrementAndGet();
            awaitWhateverHappens(end);
            throw new UnknownHostException(host);
        })) {
            long start = System.nanoTime();
            CacheTimeoutException e = assertThrows(CacheTimeoutException.class, () -> lost.get("k"));
            assertFalse(e.outcomeUnknown());
            assertThrows(CacheTimeoutException.class, () -> lost.within(Duration.ofMillis(50))
                    .get("k"));
            assertThrows(CacheTimeoutException.class, () -> lost.probe(Duration.ofMillis(100)));
            long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(took < 3_000, "three calls of at most 600, 50 and 100 ms took " + took);
            assertEquals(1, questions.get(), "questions that wait for the same answer");
        } finally {
            end.countDown();
        }
    }

    private static void awaitWhateverHappens(CountDownLatch end) {
        boolean ended = false;
        while (!ended) {
            try {
                ended = end.await(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                // A resolver of the system's can't be interrupted either.
            }
        }
    }

    @Test
    void aNameThatIsUnknownForAMomentIsAskedForAgain() throws Exception {
        AtomicInteger questions = new AtomicInteger();
        String url = server.gateway.url().replace("127.0.0.1", "localhost");
        UpstashConfig config = UpstashConfig.of(url, Secret.of(GatewayUnderTest.TOKEN));
        try (UpstashStore found = UpstashStore.create(config, host -> {
            if (questions.incrementAndGet() < 3) {
                throw new UnknownHostException(host);
            }
            return List.of(InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1}));
        })) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> found.get("k"));
            assertEquals(Reason.CONNECTION, e.reason());
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            ProbeResult result = null;
            while (result == null && System.nanoTime() < deadline) {
                try {
                    result = found.probe(PROBE);
                } catch (CacheUnavailableException again) {
                    TimeUnit.MILLISECONDS.sleep(20);
                }
            }
            assertEquals(ProbeResult.OK, result);
            assertEquals(3, questions.get());
        }
    }

    @Test
    void aTierWhoseCallsFindNoConnectionIsNotAvailableThoughItsProbesAreWell() throws Exception {
        server.gateway.faults().next(2, Fault.delay(Duration.ofMillis(1_500)));
        ExecutorService callers = Executors.newFixedThreadPool(2);
        try {
            List<Future<Boolean>> slow = IntStream.range(0, 2)
                    .mapToObj(i -> callers.submit(() -> store.putIfAbsent("k", VALUE, TTL)))
                    .toList();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (store.health().pool().active() < 2 && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
            CacheStore hasty = store.within(Duration.ofMillis(20));
            for (int i = 0; i < 8; i++) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> hasty.get("k"));
                assertEquals(Reason.SATURATED, e.reason());
            }
            assertEquals(ProbeResult.OK, store.probe(PROBE));
            assertFalse(store.health().available());
            assertEquals(8, store.health().pool().exhausted());
            for (Future<Boolean> stored : slow) {
                assertFalse(stored.get(10, TimeUnit.SECONDS));
            }
            assertTrue(store.health().available());
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void aRemovalByPrefixSparesCanariesAndOneThatIsHalfDoneIsUnknown() {
        assertEquals(ProbeResult.OK, store.probe(PROBE));
        try (UpstashStore other = server.store("evidence")) {
            assertEquals(ProbeResult.OK, other.probe(PROBE));
            store.removeByPrefix("");
            store.removeByPrefix("#");
            assertEquals(ProbeResult.OK, store.probe(PROBE));
            assertEquals(ProbeResult.OK, other.probe(PROBE));
        }
        IntStream.range(0, 3_000).forEach(i -> server.redis.command("SET", "evidence:half" + i, "v"));
        server.gateway.faults().next(2, Fault.delay(Duration.ZERO));
        server.gateway.faults().next(Fault.status(429, ""));
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.removeByPrefix("half"));
        assertTrue(e.outcomeUnknown());
        assertTrue(store.removeByPrefix("half") < 3_000);
    }
}
