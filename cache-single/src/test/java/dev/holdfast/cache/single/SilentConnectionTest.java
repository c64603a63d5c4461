package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Connections that somebody in between has forgotten, while the server is well: no reset, no answer. */
class SilentConnectionTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final Duration BOUND = Duration.ofMillis(500);

    /** What a busy machine may add. */
    private static final Duration ROOM = Duration.ofSeconds(1);

    private RedisServer server;
    private TcpProxy proxy;
    private SingleStore store;

    @BeforeEach
    void start() {
        server = RedisServer.start();
        proxy = TcpProxy.to(server.host(), server.port());
        store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()));
        store.put("k", new byte[] {'v'}, TTL);
    }

    @AfterEach
    void stop() {
        store.close();
        proxy.close();
        server.close();
    }

    private void swallowAllFlows() {
        proxy.clientPorts().forEach(proxy::swallow);
    }

    /** Opens all connections. */
    private void useAll() throws InterruptedException {
        atOnce(16, () -> {
            for (int i = 0; i < 50; i++) {
                store.get("k");
            }
        });
    }

    private static void atOnce(int callers, Runnable task) throws InterruptedException {
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            Thread thread = new Thread(() -> {
                try {
                    task.run();
                } catch (Throwable t) {
                    thrown.set(t);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (thrown.get() != null) {
            throw new AssertionError("a caller failed", thrown.get());
        }
    }

    @Test
    void readsOnForgottenConnectionsAreAnsweredElsewhereWithinHalfASecond() throws Exception {
        store.probe(Duration.ofSeconds(5));
        useAll();
        swallowAllFlows();
        AtomicLong longest = new AtomicLong();
        atOnce(8, () -> {
            long start = System.nanoTime();
            assertEquals('v', store.get("k")[0]);
            longest.accumulateAndGet(System.nanoTime() - start, Math::max);
        });
        assertTrue(
                longest.get() < BOUND.plus(ROOM).toNanos(),
                () -> "took " + TimeUnit.NANOSECONDS.toMillis(longest.get()) + " ms");
        assertEquals(0, store.health().operations().failed());
    }

    /** Each that is tried by itself costs another pause. */
    @Test
    void manyForgottenConnectionsCostACallerNoMoreThanOne() throws Exception {
        store.probe(Duration.ofSeconds(5));
        long shortest = Long.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            useAll();
            swallowAllFlows();
            long start = System.nanoTime();
            assertEquals('v', store.get("k")[0]);
            assertEquals('v', store.get("k")[0]);
            shortest = Math.min(shortest, System.nanoTime() - start);
        }
        long took = TimeUnit.NANOSECONDS.toMillis(shortest);
        assertTrue(took < BOUND.toMillis(), () -> "took " + took + " ms at the least");
        assertEquals(0, store.health().operations().failed());
    }

    /** What hangs is the attempt to connect, and not the server. */
    @ParameterizedTest
    @CsvSource({"1, 1", "5, 1", "1, 2", "5, 4"})
    void anAttemptToConnectThatHangsIsMadeUpForByAnother(int poolSize, int hanging) throws Exception {
        Set<RespPeer.Caller> met = ConcurrentHashMap.newKeySet();
        Set<RespPeer.Caller> mute = ConcurrentHashMap.newKeySet();
        AtomicInteger left = new AtomicInteger(hanging);
        RespPeer.Script script = (command, caller) -> {
            if (met.add(caller) && left.getAndDecrement() > 0) {
                mute.add(caller);
            }
            if (!mute.contains(caller)) {
                caller.lines(command.get(0).equals("GET") ? "$-1" : "+OK");
            }
        };
        try (RespPeer peer = RespPeer.start(script);
                SingleStore own =
                        SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()).withPoolSize(poolSize))) {
            AtomicLong longest = new AtomicLong();
            atOnce(4, () -> {
                long start = System.nanoTime();
                assertNull(own.get("k"));
                longest.accumulateAndGet(System.nanoTime() - start, Math::max);
            });
            long took = TimeUnit.NANOSECONDS.toMillis(longest.get());
            assertTrue(took < hanging * BOUND.toMillis() + ROOM.toMillis(), () -> "took " + took + " ms");
            assertTrue(own.health().pool().total() <= poolSize);
        }
    }

    @Test
    void whatMustNotBeDoneTwiceEndsWithAnUnknownOutcomeLongBeforeItsTimeout() throws Exception {
        swallowAllFlows();
        long start = System.nanoTime();
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.increment("n", 1, TTL));
        assertTrue(System.nanoTime() - start < BOUND.plus(ROOM).toNanos());
        assertTrue(e.outcomeUnknown());
        assertEquals(1, store.increment("n", 1, TTL));
    }

    @Test
    void aProbeSeesTheServerAndNotItsConnection() throws Exception {
        store.probe(Duration.ofSeconds(5));
        swallowAllFlows();
        assertTrue(store.probe(Duration.ofSeconds(2)).writable());
    }

    @Test
    void aSlowCommandOfAHealthyServerKeepsItsConnection() throws Exception {
        long before = proxy.connections();
        Thread slow = new Thread(() -> server.command("EVAL", busy(700), "0"));
        slow.start();
        Thread.sleep(100);
        assertEquals('v', store.get("k")[0]);
        slow.join();
        assertEquals('v', store.get("k")[0]);
        assertEquals(1, store.health().pool().total());
        assertTrue(proxy.connections() - before <= 1, "none but the one that asked");
    }

    private static String busy(int millis) {
        return "local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end"
                + " local e = now() + " + millis + " while now() < e do end";
    }

    @Test
    void writesThatAServerLetsWaitKeepTheirConnection() throws Exception {
        server.command("CLIENT", "PAUSE", "700", "WRITE");
        store.increment("n", 1, TTL);
        assertEquals(1, store.health().pool().total());
        assertEquals("1", server.command("GET", "n"));
    }

    @Test
    void aConnectionThatWasIdleProvesItselfBeforeItCarriesACall() throws Exception {
        JedisErrors errors = new JedisErrors(SingleConfig.of("127.0.0.1", proxy.port()));
        Connector connector = new Connector(SingleConfig.of("127.0.0.1", proxy.port()), errors);
        try {
            Pipeline pipeline = new Pipeline(
                    connector.dial().opened().get(), connector, errors, new RoundTrip(), (same, byOthers) -> {});
            long now = System.nanoTime();
            assertEquals(false, pipeline.needsProof(now));
            assertEquals(true, pipeline.needsProof(now + TimeUnit.SECONDS.toNanos(16)));
            assertTrue(pipeline.prove(System.nanoTime() + TimeUnit.SECONDS.toNanos(5)));
            proxy.swallow(pipeline.link().localPort());
            assertEquals(false, pipeline.prove(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(50)));
        } finally {
            connector.close();
        }
    }
}
