package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Frozen and killed servers: what bounds a call, and what ends it before that. */
@Execution(ExecutionMode.CONCURRENT)
class SingleStoreDisconnectTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private final RuntimeException cause = new RuntimeException("said so");

    /** A call in a thread of its own. */
    private static final class Caller {
        final AtomicReference<Throwable> thrown = new AtomicReference<>();
        final CountDownLatch ended = new CountDownLatch(1);
        final Thread thread;
        volatile long endedAt;

        Caller(Runnable call) {
            thread = new Thread(() -> {
                try {
                    call.run();
                } catch (RuntimeException e) {
                    thrown.set(e);
                }
                endedAt = System.nanoTime();
                ended.countDown();
            });
            thread.setDaemon(true);
            thread.start();
        }

        boolean isIn(Class<?> type) {
            return Arrays.stream(thread.getStackTrace())
                    .anyMatch(frame -> frame.getClassName().equals(type.getName()));
        }

        CacheUnavailableException failure() throws InterruptedException {
            if (!ended.await(20, TimeUnit.SECONDS)) {
                AssertionError hangs = new AssertionError("the call does not end");
                hangs.setStackTrace(thread.getStackTrace());
                throw hangs;
            }
            return assertInstanceOf(CacheUnavailableException.class, thrown.get());
        }
    }

    private void twentyThreadsAreFreed(RedisServer server, SingleConfig config, Consumer<SingleStore> call)
            throws InterruptedException {
        try (SingleStore store = SingleStore.of(config)) {
            store.put("k", new byte[100], TTL);
            store.probe(Duration.ofSeconds(5));
            server.freeze();
            List<Caller> callers = new ArrayList<>();
            callers.add(new Caller(() -> call.accept(store)));
            Eventually.until("one reads", () -> store.health().pool().active() == 1);
            for (int i = 1; i < 20; i++) {
                callers.add(new Caller(() -> call.accept(store)));
            }
            Caller probe = new Caller(() -> store.probe(Duration.ofSeconds(30)));
            Eventually.until(
                    "one reads, nineteen wait, the probe reads",
                    () -> store.health().pool().active() >= 1
                            && store.health().pool().waiting()
                                            + store.health().pool().active()
                                    == 20
                            && probe.isIn(Reserve.class));
            long start = System.nanoTime();
            store.disconnect(cause);
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(5), "disconnecting does not wait");
            int unknown = 0;
            for (Caller caller : callers) {
                CacheUnavailableException e = caller.failure();
                assertEquals(Reason.DISCONNECTED, e.reason(), e.getMessage());
                assertSame(cause, e.getCause());
                unknown += e.outcomeUnknown() ? 1 : 0;
                assertTrue(caller.endedAt - start < TimeUnit.SECONDS.toNanos(5), "not by a timeout");
            }
            assertEquals(1, unknown, "one had been sent");
            assertEquals(Reason.DISCONNECTED, probe.failure().reason());
            server.thaw();
            assertEquals(100, store.get("k").length);
            assertTrue(store.probe(Duration.ofSeconds(5)).writable());
        }
    }

    private static SingleConfig patient(SingleConfig config) {
        return config.withCommandTimeout(Duration.ofMinutes(2))
                .withConnectTimeout(Duration.ofMinutes(2))
                .withPoolSize(1);
    }

    @Test
    void disconnectFreesEveryThreadOfAFrozenServerAtOnce() throws InterruptedException {
        try (RedisServer server = RedisServer.start()) {
            twentyThreadsAreFreed(server, patient(SingleConfig.of(server.url())), s -> s.get("k"));
        }
    }

    @Test
    void disconnectFreesThreadsInAWriteThatDoesNotEnd() throws InterruptedException {
        byte[] large = new byte[16 << 20];
        try (RedisServer server = RedisServer.start()) {
            twentyThreadsAreFreed(server, patient(SingleConfig.of(server.url())), s -> s.put("big", large, TTL));
        }
    }

    @Test
    void disconnectFreesEveryThreadBeneathTls() throws InterruptedException {
        try (RedisServer server = RedisServer.builder().tls().start()) {
            SingleConfig config = SingleConfig.of("localhost", server.port())
                    .withTls(
                            server.certificates().trustStore(),
                            Secret.of(server.certificates().trustStorePassword()));
            twentyThreadsAreFreed(server, patient(config), s -> s.get("k"));
        }
    }

    @Test
    void whatAFrozenServerHadNotReadIsGoneAfterADisconnect() throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(patient(SingleConfig.of(server.url())))) {
            store.put("k", new byte[1], TTL);
            server.freeze();
            Caller late = new Caller(() -> store.put("k", new byte[16 << 20], TTL));
            Eventually.until("it is being written", () -> store.health().pool().active() == 1);
            store.disconnect(cause);
            assertTrue(late.failure().outcomeUnknown());
            server.thaw();
            assertTrue(store.remove("k"));
            assertFalse(store.contains("k"));
        }
    }

    @Test
    void disconnectFreesThreadsThatAreConnecting() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                SingleStore store = SingleStore.of(patient(SingleConfig.of("127.0.0.1", silent.getLocalPort())))) {
            Caller caller = new Caller(() -> store.get("k"));
            Caller probe = new Caller(() -> store.probe(Duration.ofMinutes(1)));
            silent.accept();
            silent.accept();
            store.disconnect(cause);
            CacheUnavailableException e = caller.failure();
            assertEquals(Reason.DISCONNECTED, e.reason(), e.getMessage());
            assertFalse(e.outcomeUnknown());
            assertEquals(Reason.DISCONNECTED, probe.failure().reason());
        }
    }

    @Test
    void closingFailsCallsThatAreUnderWay() throws InterruptedException {
        try (RedisServer server = RedisServer.start()) {
            SingleStore store = SingleStore.of(patient(SingleConfig.of(server.url())));
            store.get("k");
            server.freeze();
            Caller caller = new Caller(() -> store.get("k"));
            Eventually.until("one reads", () -> store.health().pool().active() == 1);
            Caller waiter = new Caller(() -> store.get("k"));
            Eventually.until("one waits", () -> store.health().pool().waiting() == 1);
            store.close();
            assertEquals(Reason.DISCONNECTED, caller.failure().reason());
            assertEquals(Reason.DISCONNECTED, waiter.failure().reason());
            assertThrows(IllegalStateException.class, () -> store.get("k"));
        }
    }

    @Test
    void whoHadLessTimeThanACommandMayTakeIsToldSo() {
        assertLeftTooLittle(store -> store.get("k"));
        assertLeftTooLittle(store -> store.put("k", new byte[2], TTL));
    }

    private static void assertLeftTooLittle(Consumer<CacheStore> call) {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[1], TTL);
            server.freeze();
            CacheStore hasty = store.within(Duration.ofMillis(100));
            CacheTimeoutException e = assertThrows(CacheTimeoutException.class, () -> call.accept(hasty));
            assertTrue(e.getMessage().contains(" in what the caller had left"), e.getMessage());
            server.thaw();
        }
    }

    @Test
    void aFrozenServerCostsTheCommandTimeoutAndTheOutcomeIsUnknown() {
        try (RedisServer server = RedisServer.start();
                SingleStore store =
                        SingleStore.of(SingleConfig.of(server.url()).withCommandTimeout(Duration.ofMillis(150)))) {
            store.put("k", new byte[1], TTL);
            server.freeze();
            CacheUnavailableException e =
                    assertThrows(CacheTimeoutException.class, () -> store.put("k", new byte[2], TTL));
            assertTrue(e.outcomeUnknown());
            assertTrue(e.getMessage().endsWith(" in time (withCommandTimeout, 150 ms)"), e.getMessage());
            assertThrows(CacheTimeoutException.class, () -> store.put("k", new byte[16 << 20], TTL), "a blocked write");
            assertThrows(CacheTimeoutException.class, () -> store.probe(Duration.ofMillis(100)));
            assertThrows(CacheTimeoutException.class, () -> store.within(Duration.ofMillis(20))
                    .get("k"));
            server.thaw();
            assertTrue(store.contains("k"));
        }
    }

    @Test
    void aReplyThatDripsEndsWithTheCallsTime() throws IOException {
        CountDownLatch over = new CountDownLatch(1);
        try (ScriptedServer server = new ScriptedServer((command, out) -> {
                    if (!command.get(0).equals("GET")) {
                        out.write("+OK\r\n".getBytes(StandardCharsets.US_ASCII));
                        return;
                    }
                    out.write("$1000\r\n".getBytes(StandardCharsets.US_ASCII));
                    while (!over.await(10, TimeUnit.MILLISECONDS)) {
                        out.write('x');
                        out.flush();
                    }
                });
                SingleStore store = SingleStore.of(server.config()
                        .withCommandTimeout(Duration.ofMillis(300))
                        .withConnectTimeout(Duration.ofSeconds(2)))) {
            store.put("k", new byte[1], TTL);
            CacheUnavailableException e = assertThrows(CacheTimeoutException.class, () -> store.get("k"));
            assertTrue(e.outcomeUnknown());
            over.countDown();
        }
    }

    @Test
    void aRestartedServerIsFoundByTheNextCalls() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[1], TTL);
            server.kill();
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(Reason.CONNECTION, e.reason());
            assertFalse(e.outcomeUnknown(), "it was not even connected");
            server.restart(RedisServer.Data.KEEP);
            assertEquals(1, store.get("k").length);
            assertTrue(store.health().available());
        }
    }

    @Test
    void aProbeIsNotMisledByItsOwnConnectionThatDiedMeanwhile() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
            server.restart(RedisServer.Data.KEEP);
            assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
            server.restart(RedisServer.Data.EMPTY);
            assertTrue(store.probe(Duration.ofSeconds(5)).wentBack());
            assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
        }
    }

    @Test
    void removingEverythingUnderThePrefixIsNotTakenForLostWrites() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.url()).withKeyPrefix(dev.holdfast.cache.spi.KeyPrefix.of("app")))) {
            store.probe(Duration.ofSeconds(5));
            store.put("a", new byte[1], TTL);
            assertEquals(1, store.removeByPrefix(""));
            assertFalse(store.probe(Duration.ofSeconds(5)).wentBack());
        }
    }
}
