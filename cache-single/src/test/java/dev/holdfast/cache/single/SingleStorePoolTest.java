package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections: how they are shared, bounded, trusted and given back. */
class SingleStorePoolTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private static RedisServer server;

    @BeforeAll
    static void startServer() {
        server = RedisServer.start();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    private static SingleConfig config() {
        return SingleConfig.of(server.url());
    }

    @Test
    void aPoolThatIsExhaustedSaysSoWithinHalfACommandTimeout() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        try (ScriptedServer slow = new ScriptedServer((command, out) -> {
                    over.await();
                    out.write('$');
                    out.write('-');
                    out.write('1');
                    out.write('\r');
                    out.write('\n');
                });
                SingleStore store =
                        SingleStore.of(slow.config().withPoolSize(2).withCommandTimeout(Duration.ofSeconds(2)))) {
            List<Thread> busy = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Thread thread =
                        new Thread(() -> store.within(Duration.ofSeconds(9)).get("slow"));
                thread.start();
                busy.add(thread);
                Eventually.until(
                        "it has a connection of its own",
                        () -> store.health().pool().active() == busy.size());
            }
            long start = System.nanoTime();
            CacheUnavailableException e =
                    assertThrows(CacheUnavailableException.class, () -> store.within(Duration.ofMillis(300))
                            .get("k"));
            assertTrue(System.nanoTime() - start >= TimeUnit.MILLISECONDS.toNanos(150), "half of what was left");
            assertEquals(Reason.SATURATED, e.reason(), e.getMessage());
            assertFalse(e.outcomeUnknown());
            assertTrue(e.getMessage().contains("withPoolSize"), e.getMessage());
            assertEquals(1, store.health().pool().exhausted());
            assertEquals(2, store.health().pool().max());
            assertNotEquals(
                    HealthState.DOWN, store.health().state(), "a healthy server is not blamed for its own load");
            over.countDown();
            for (Thread thread : busy) {
                thread.join();
            }
            assertEquals(0, store.health().pool().active());
            assertNull(store.get("k"));
        }
    }

    @Test
    void attemptsToConnectThatFailAreCounted() {
        try (TcpProxy dead = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", dead.port()))) {
            dead.refuse();
            assertEquals(0, store.health().pool().failedDials());
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertTrue(store.health().pool().failedDials() > 0);
        }
    }

    @Test
    void connectionsAreReusedAndNoMoreThanNeededAreOpened() {
        try (SingleStore store = SingleStore.of(config())) {
            assertEquals(0, store.health().pool().total(), "none before the first call");
            for (int i = 0; i < 100; i++) {
                store.get("k");
            }
            assertEquals(1, store.health().pool().total());
            assertEquals(1, store.health().pool().idle());
        }
    }

    @Test
    void aConnectionThatTheServerClosedWhileIdleIsNoticedBeforeItIsUsed() throws Exception {
        try (RedisServer own = RedisServer.builder().line("timeout 1").start();
                SingleStore store = SingleStore.of(SingleConfig.of(own.url()))) {
            store.increment("n", 1, TTL);
            Eventually.until("the server closes the idle connection", () -> ((String) own.command("CLIENT", "LIST"))
                    .lines()
                    .noneMatch(line -> line.contains("name=holdfast")));
            assertEquals(2, store.increment("n", 1, TTL));
        }
    }

    @Test
    void afterTheServerClosedAllConnectionsTheNextReadIsAnsweredAllTheSame() throws Exception {
        try (SingleStore store = SingleStore.of(config())) {
            runAtOnce(Thread::new, 5, i -> store.put("k" + i, new byte[1 << 20], TTL));
            Eventually.until("all are idle", () -> store.health().pool().active() == 0);
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            assertEquals(1 << 20, store.get("k0").length);
            assertEquals(0, store.health().operations().failed());
        }
    }

    @Test
    void eachThreadGetsItsOwnAnswers() throws Exception {
        try (SingleStore store = SingleStore.of(config().withPoolSize(3))) {
            runAtOnce(Thread::new, 16, i -> {
                Random random = new Random(i);
                for (int n = 0; n < 200; n++) {
                    byte[] value = ByteBuffer.allocate(8 + random.nextInt(20_000))
                            .putInt(i)
                            .putInt(n)
                            .array();
                    store.put("own" + i, value, TTL);
                    assertArrayEquals(value, store.get("own" + i));
                }
            });
            assertEquals(6400, store.health().operations().total());
            assertEquals(0, store.health().operations().failed());
            assertTrue(store.health().pool().total() <= 3);
        }
    }

    @Test
    void tenThousandVirtualThreadsShareFiveConnections() throws Exception {
        ThreadFactory virtual = virtualThreads();
        try (SingleStore store = SingleStore.of(config().withCommandTimeout(Duration.ofSeconds(60)))) {
            runAtOnce(virtual, 10_000, i -> {
                store.put("v" + i, new byte[] {(byte) i}, TTL);
                assertArrayEquals(new byte[] {(byte) i}, store.get("v" + i));
            });
            assertTrue(store.health().pool().total() <= 5);
        }
    }

    @Test
    void interruptedVirtualThreadsGiveUpAndTheConnectionsServeOn() throws Exception {
        ThreadFactory virtual = virtualThreads();
        try (RedisServer own = RedisServer.start();
                SingleStore store =
                        SingleStore.of(SingleConfig.of(own.url()).withCommandTimeout(Duration.ofSeconds(60)))) {
            store.put("k", new byte[1], TTL);
            own.freeze();
            AtomicInteger interrupted = new AtomicInteger();
            CountDownLatch ended = new CountDownLatch(1000);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                Thread thread = virtual.newThread(() -> {
                    try {
                        store.get("k");
                    } catch (CacheInterruptedException e) {
                        interrupted.addAndGet(Thread.currentThread().isInterrupted() ? 1 : 0);
                    } finally {
                        ended.countDown();
                    }
                });
                threads.add(thread);
                thread.start();
            }
            Eventually.until("all wait", () -> threads.stream().allMatch(SingleStorePoolTest::isParked));
            threads.forEach(Thread::interrupt);
            assertTrue(ended.await(20, TimeUnit.SECONDS));
            assertEquals(1000, interrupted.get());
            own.thaw();
            assertEquals(1, store.get("k").length);
        }
    }

    private static boolean isParked(Thread thread) {
        return thread.getState() == Thread.State.TIMED_WAITING || thread.getState() == Thread.State.WAITING;
    }

    @Test
    void aThreadThatIsInterruptedWhileItWaitsForAConnectionStopsWaiting() throws Exception {
        try (RedisServer own = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(own.url()).withPoolSize(1).withCommandTimeout(Duration.ofSeconds(60)))) {
            store.get("k");
            own.freeze();
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread reader = new Thread(() -> store.get("k"));
            Thread waiter =
                    new Thread(() -> thrown.set(assertThrows(CacheInterruptedException.class, () -> store.get("k"))));
            reader.start();
            Eventually.until("one reads", () -> store.health().pool().active() == 1);
            waiter.start();
            Eventually.until("the other waits", () -> store.health().pool().waiting() == 1);
            waiter.interrupt();
            waiter.join(20_000);
            assertTrue(thrown.get() instanceof CacheInterruptedException);
            assertEquals(0, store.health().pool().waiting());
            own.thaw();
            reader.join();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "garbage\r\n",
                ":1\r\n",
                "*1\r\n$1\r\na\r\n",
                "$x\r\n",
                "$-5\r\n",
                "$3\r\nabcXX$3\r\nabc\r\n",
                ">2\r\n+a\r\n+b\r\n",
                "HTTP/1.1 400 Bad Request\r\n\r\n"
            })
    void aReplyThatMakesNoSenseCostsTheConnectionAndIsNeverAnAnswer(String reply) throws IOException {
        try (ScriptedServer other = ScriptedServer.saying(reply);
                SingleStore store = SingleStore.of(other.config().withCommandTimeout(Duration.ofSeconds(10)))) {
            try {
                byte[] value = store.get("k");
                assertArrayEquals("abc".getBytes(StandardCharsets.US_ASCII), value);
            } catch (CacheUnavailableException e) {
                assertTrue(e.outcomeUnknown(), e.getMessage());
                Eventually.until(
                        "the connection is gone", () -> store.health().pool().total() == 0);
            }
        }
    }

    @Test
    void anIncrementIsAppliedOnceForItsIdAndSumsAreExactBeyond53Bits() {
        try (SingleStore store = SingleStore.of(config())) {
            assertEquals(OptionalLong.of(5), store.incrementOnce("once", 5, TTL, "id-1"));
            assertEquals(OptionalLong.of(5), store.incrementOnce("once", 5, TTL, "id-1"));
            assertEquals(OptionalLong.of(7), store.incrementOnce("once", 2, TTL, "id-2"));
            assertEquals(OptionalLong.of(5), store.incrementOnce("once", 5, TTL, "id-1"), "that of then");
            assertTrue(store.ttl("once").compareTo(TTL) <= 0);
            long large = (1L << 60) + 1;
            assertEquals(large, store.increment("large", large, TTL));
            assertEquals(large + 2, store.increment("large", 2, TTL));
            assertThrows(IllegalArgumentException.class, () -> store.incrementOnce("once", 1, TTL, "no blanks"));
        }
    }

    @Test
    void scriptsSurviveAFlushOfTheServersScripts() {
        try (SingleStore store = SingleStore.of(config())) {
            assertEquals(1, store.increment("flushed", 1, TTL));
            server.command("SCRIPT", "FLUSH");
            assertEquals(2, store.increment("flushed", 1, TTL));
        }
    }

    @Test
    @ResourceLock("threads and sockets of this JVM")
    void closingLeavesNoThreadAndNoSocket() throws Exception {
        long socketsBefore = sockets();
        for (int i = 0; i < 5; i++) {
            SingleStore store = SingleStore.of(config());
            runAtOnce(Thread::new, 8, n -> store.get("k" + n));
            store.probe(Duration.ofSeconds(5));
            store.close();
            store.close();
        }
        String name = "holdfast-" + config().address();
        Eventually.until("the stores' threads end", () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith(name)));
        if (socketsBefore >= 0) {
            Eventually.until("the sockets are closed", () -> sockets() <= socketsBefore);
        }
    }

    /** How many sockets this process has open; -1 where the system does not tell. */
    private static long sockets() {
        Path descriptors = Path.of("/proc/self/fd");
        if (!Files.isDirectory(descriptors)) {
            return -1;
        }
        try (Stream<Path> all = Files.list(descriptors)) {
            return all.filter(SingleStorePoolTest::isSocket).count();
        } catch (IOException e) {
            return -1;
        }
    }

    private static boolean isSocket(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (IOException e) {
            return false;
        }
    }

    private static ThreadFactory virtualThreads() throws ReflectiveOperationException {
        Object builder;
        try {
            builder = Thread.class.getMethod("ofVirtual").invoke(null);
        } catch (NoSuchMethodException e) {
            Assumptions.abort("this JVM has no virtual threads");
            throw e;
        }
        return (ThreadFactory)
                Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
    }

    private interface Task {
        void run(int index) throws Exception;
    }

    private static void runAtOnce(ThreadFactory threads, int count, Task task) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = i;
            Thread thread = threads.newThread(() -> {
                try {
                    task.run(index);
                } catch (Throwable t) {
                    thrown.compareAndSet(null, t);
                }
            });
            thread.start();
            all.add(thread);
        }
        for (Thread thread : all) {
            thread.join();
        }
        if (thrown.get() != null) {
            throw new AssertionError("a thread failed", thrown.get());
        }
    }
}
