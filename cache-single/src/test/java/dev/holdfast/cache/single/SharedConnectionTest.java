package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redis.clients.jedis.Protocol.Command;

/** Callers that share a connection: each gets its own reply, its own time and its own failure. */
class SharedConnectionTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final Duration LONG = Duration.ofSeconds(60);

    private interface Task {
        void run(int index) throws Exception;
    }

    /** Callers at work; what one of them throws is thrown at the end. */
    private static final class Callers {
        private final List<Thread> threads = new ArrayList<>();
        private final AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        private final ThreadFactory factory;

        Callers(ThreadFactory factory) {
            this.factory = factory;
        }

        Thread start(int count, Task task) {
            Thread last = Thread.currentThread();
            for (int i = 0; i < count; i++) {
                int index = i;
                last = factory.newThread(() -> {
                    try {
                        task.run(index);
                    } catch (Throwable t) {
                        thrown.compareAndSet(null, t);
                    }
                });
                threads.add(last);
                last.start();
            }
            return last;
        }

        void end() throws InterruptedException {
            for (Thread thread : threads) {
                thread.join(LONG.toMillis() * 2);
                if (thread.isAlive()) {
                    AssertionError hangs = new AssertionError("a caller does not end");
                    hangs.setStackTrace(thread.getStackTrace());
                    throw hangs;
                }
            }
            if (thrown.get() != null) {
                throw new AssertionError("a caller failed", thrown.get());
            }
        }
    }

    static List<ThreadFactory> threads() throws ReflectiveOperationException {
        List<ThreadFactory> factories = new ArrayList<>(List.of(Thread::new));
        if (Runtime.version().feature() >= 21) {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            factories.add((ThreadFactory) Class.forName("java.lang.Thread$Builder")
                    .getMethod("factory")
                    .invoke(builder));
        }
        return factories;
    }

    @ParameterizedTest
    @MethodSource("threads")
    void eachGetsItsOwnReplyAndItsOwnRefusal(ThreadFactory threads) throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.url()).withPoolSize(1).withCommandTimeout(LONG))) {
            store.put("text", new byte[] {'x'}, TTL);
            Callers callers = new Callers(threads);
            callers.start(32, caller -> {
                SplittableRandom random = new SplittableRandom(caller);
                byte[] value = new byte[random.nextInt(1, 30_000)];
                Arrays.fill(value, (byte) caller);
                for (int i = 0; i < 100; i++) {
                    switch (caller % 4) {
                        case 0 -> assertThrows(CacheRejectedException.class, () -> store.increment("text", 1, TTL));
                        case 1 -> assertNull(store.get("absent" + caller));
                        case 2 -> {
                            store.putAll(Map.of("a" + caller, value, "b" + caller, new byte[0]), TTL);
                            assertArrayEquals(
                                    value,
                                    store.getAll(List.of("b" + caller, "a" + caller))
                                            .get("a" + caller));
                        }
                        default -> {
                            store.put("own" + caller, value, TTL);
                            assertArrayEquals(value, store.get("own" + caller));
                        }
                    }
                }
            });
            callers.end();
            assertEquals(1, store.health().pool().total());
        }
    }

    @Test
    void aCallThatTwoWantToSendIsSentByOneAndReadWhereItWasSent() {
        long now = System.nanoTime();
        Call call = Call.of(List.of(Request.reading(Command.PING)), false, now + 1_000);
        try (RedisServer server = RedisServer.start()) {
            SingleConfig config = SingleConfig.of(server.url());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            Pipeline first = pipeline(connector, errors);
            Pipeline second = pipeline(connector, errors);

            assertTrue(call.takeFor(first, now, 1_000));
            assertFalse(call.takeFor(second, now, 1_000));
            assertSame(first, call.pipeline());
            connector.close();
        }
    }

    private static Pipeline pipeline(Connector connector, JedisErrors errors) {
        Link link = connector.dial().opened().join();
        return new Pipeline(link, connector, errors, new RoundTrip(), (pipeline, byOthers) -> {});
    }

    @Test
    void largeCallsOfPlatformAndVirtualThreadsTogetherAllEnd() throws Exception {
        List<ThreadFactory> factories = threads();
        Assumptions.assumeTrue(factories.size() == 2, "this JVM has no virtual threads");
        byte[] value = new byte[300_000];
        // All end, however long a busy machine lets them wait for each other.
        try (RedisServer server = RedisServer.start();
                SingleStore store =
                        SingleStore.of(SingleConfig.of(server.url()).withCommandTimeout(Duration.ofSeconds(60)))) {
            for (int key = 0; key < 16; key++) {
                store.put("k" + key, value, TTL);
            }
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
            List<Callers> all = new ArrayList<>();
            for (ThreadFactory factory : factories) {
                Callers callers = new Callers(factory);
                all.add(callers);
                callers.start(8, caller -> {
                    SplittableRandom random = new SplittableRandom(caller);
                    while (System.nanoTime() - until < 0) {
                        String key = "k" + random.nextInt(16);
                        if (random.nextInt(5) < 3) {
                            store.put(key, value, TTL);
                        } else {
                            assertEquals(value.length, store.get(key).length);
                        }
                    }
                });
            }
            for (Callers callers : all) {
                callers.end();
            }
        }
    }

    /** Answers GET with its key, each answer when it is allowed to. */
    private static final class Doorkeeper implements ScriptedServer.Answer {
        final AtomicInteger asked = new AtomicInteger();
        final Semaphore allowed = new Semaphore(0);

        @Override
        public void to(List<String> command, OutputStream out) throws IOException, InterruptedException {
            boolean isMark = command.get(0).equals("PING") && command.size() > 1;
            if (!command.get(0).equals("GET") && !isMark) {
                // As a server that is busy: it does one thing after the other.
                new CountDownLatch(1).await();
            }
            if (!isMark) {
                asked.incrementAndGet();
                allowed.acquire();
            }
            String key = command.get(1);
            out.write(("$" + key.length() + "\r\n" + key + "\r\n").getBytes(StandardCharsets.US_ASCII));
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void whoHasLessTimeLeavesAndTheOthersGetTheirReplies(ThreadFactory threads) throws Exception {
        Doorkeeper keeper = new Doorkeeper();
        try (ScriptedServer server = new ScriptedServer(keeper);
                SingleStore store =
                        SingleStore.of(server.config().withPoolSize(1).withCommandTimeout(LONG))) {
            Callers callers = new Callers(threads);
            callers.start(1, i -> assertArrayEquals(bytes("first"), store.get("first")));
            Eventually.until("the first is asked for", () -> keeper.asked.get() == 1);
            CountDownLatch hurriedLeft = new CountDownLatch(4);
            callers.start(8, i -> {
                if (i % 2 == 0) {
                    assertArrayEquals(bytes("patient" + i), store.get("patient" + i));
                } else {
                    assertThrows(CacheTimeoutException.class, () -> store.within(Duration.ofSeconds(2))
                            .get("hurried" + i));
                    hurriedLeft.countDown();
                }
            });
            Eventually.until("the others wait", () -> store.health().pool().waiting() == 8);
            keeper.allowed.release();
            hurriedLeft.await();
            keeper.allowed.release(8);
            callers.end();
            assertEquals(1, store.health().pool().total(), "the connection is as good as before");
            keeper.allowed.release();
            assertArrayEquals(bytes("next"), store.get("next"));
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aConnectionWhoseOnlyCallerLeftServesTheNextOnceTheReplyHasCome(ThreadFactory threads) throws Exception {
        Doorkeeper keeper = new Doorkeeper();
        try (ScriptedServer server = new ScriptedServer(keeper);
                SingleStore store =
                        SingleStore.of(server.config().withPoolSize(1).withCommandTimeout(LONG))) {
            keeper.allowed.release();
            assertArrayEquals(bytes("first"), store.get("first"));
            Callers hurried = new Callers(threads);
            hurried.start(
                    1,
                    i -> assertThrows(CacheTimeoutException.class, () -> store.within(Duration.ofMillis(200))
                            .get("left")));
            hurried.end();
            Callers next = new Callers(threads);
            next.start(1, i -> assertArrayEquals(bytes("next"), store.get("next")));
            Eventually.until("it waits", () -> store.health().pool().waiting() == 1);
            assertEquals(1, store.health().pool().total());
            keeper.allowed.release(2);
            next.end();
            assertEquals(3, keeper.asked.get());
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void aWriterWithLittleTimeEndsInItAndItsConnectionWithIt(ThreadFactory threads) throws Exception {
        Doorkeeper keeper = new Doorkeeper();
        try (ScriptedServer server = new ScriptedServer(keeper);
                SingleStore store =
                        SingleStore.of(server.config().withPoolSize(1).withCommandTimeout(Duration.ofHours(1)))) {
            keeper.allowed.release();
            assertArrayEquals(bytes("first"), store.get("first"));
            Callers hurried = new Callers(threads);
            hurried.start(
                    1,
                    i -> assertTrue(assertThrows(CacheTimeoutException.class, () -> store.within(Duration.ofMillis(200))
                                    .put("late", new byte[1], TTL))
                            .outcomeUnknown()));
            hurried.end();
            assertEquals(0, store.health().pool().total());
            assertEquals(0, store.health().pool().active());
            keeper.allowed.release(2);
            assertArrayEquals(bytes("next"), store.get("next"));
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anInterruptedReaderLeavesAndAWriterGetsItsReplyFirst(ThreadFactory threads) throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.url()).withPoolSize(2).withCommandTimeout(LONG))) {
            store.put("k", new byte[1], TTL);
            server.freeze();
            Callers callers = new Callers(threads);
            Thread writer = callers.start(1, i -> {
                store.put("k", new byte[2], TTL);
                assertTrue(Thread.interrupted(), "the interruption is not lost");
            });
            Eventually.until("it is sent", () -> store.health().pool().active() == 1);
            writer.interrupt();
            server.thaw();
            callers.end();
            assertEquals(2, store.get("k").length);
        }
    }

    @ParameterizedTest
    @MethodSource("threads")
    void farAwayACallIsSentBeforeTheLastWasAnswered(ThreadFactory threads) throws Exception {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port())
                        .withPoolSize(1)
                        .withCommandTimeout(LONG))) {
            proxy.delay(Duration.ofMillis(100));
            long one = Long.MAX_VALUE; // without a mark, which some of them go with
            for (int i = 0; i < 10; i++) {
                long before = proxy.bytes(TcpProxy.Direction.TO_SERVER);
                assertNull(store.get("k"));
                one = Math.min(one, proxy.bytes(TcpProxy.Direction.TO_SERVER) - before);
            }
            long bytes = proxy.bytes(TcpProxy.Direction.TO_SERVER) + 10 * one;
            proxy.pass();
            server.freeze();
            Callers callers = new Callers(threads);
            callers.start(10, i -> assertNull(store.get("k")));
            Eventually.until(
                    "all are sent, though none is answered",
                    // More where a mark is sent between them.
                    () -> proxy.bytes(TcpProxy.Direction.TO_SERVER) >= bytes);
            assertEquals(1, store.health().pool().total());
            server.thaw();
            callers.end();
        }
    }

    /** A platform thread may send the calls of virtual ones on a connection that its own call is not on. */
    @Test
    void platformAndVirtualCallersTogetherAllGetTheirReplies() throws Exception {
        List<ThreadFactory> kinds = threads();
        Assumptions.assumeTrue(kinds.size() == 2, "this JVM has no virtual threads");
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.url()).withPoolSize(5).withCommandTimeout(Duration.ofSeconds(4)))) {
            store.put("k", new byte[100], TTL);
            List<Callers> all = new ArrayList<>();
            for (ThreadFactory kind : kinds) {
                Callers callers = new Callers(kind);
                all.add(callers);
                callers.start(8, i -> {
                    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
                    while (System.nanoTime() - end < 0) {
                        assertEquals(100, store.get("k").length);
                    }
                });
            }
            for (Callers callers : all) {
                callers.end();
            }
        }
    }

    /** A lost wake-up would leave a caller asleep for its command timeout, which is a minute. */
    @ParameterizedTest
    @MethodSource("threads")
    void everyCallEndsWhateverHappensToTheConnections(ThreadFactory threads) throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.url()).withPoolSize(2).withCommandTimeout(LONG))) {
            for (int i = 0; i < 24; i++) {
                store.put("key" + i, bytes("value" + i), TTL);
            }
            AtomicInteger running = new AtomicInteger(24);
            AtomicInteger answered = new AtomicInteger();
            Callers callers = new Callers(threads);
            callers.start(24, caller -> {
                try {
                    SplittableRandom random = new SplittableRandom(caller);
                    for (int i = 0; i < 400; i++) {
                        answered.addAndGet(calledOnce(store, caller, random) ? 1 : 0);
                    }
                } finally {
                    running.decrementAndGet();
                }
            });
            SplittableRandom random = new SplittableRandom(42);
            while (running.get() > 0) {
                switch (random.nextInt(3)) {
                    case 0 -> server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
                    case 1 -> store.disconnect(new IllegalStateException("on purpose"));
                    default -> server.command("CLIENT", "PAUSE", "3");
                }
                store.probe(Duration.ofSeconds(20));
                int before = answered.get();
                Eventually.until("a call to be answered", () -> answered.get() > before || running.get() == 0);
            }
            callers.end();
            Eventually.until("nothing is under way", () -> store.health().pool().active() == 0);
            assertEquals(0, store.health().pool().waiting());
            // The last thing that happened may have been that the server closed them all, which nobody has noticed yet.
            store.disconnect(new IllegalStateException("over"));
            assertArrayEquals(bytes("value3"), store.get("key3"));
        }
    }

    private static boolean calledOnce(SingleStore store, int caller, SplittableRandom random) {
        String key = "key" + caller;
        byte[] value = bytes("value" + caller);
        try {
            switch (random.nextInt(5)) {
                case 0 -> store.put(key, value, TTL);
                case 1 ->
                    assertArrayEquals(value, store.within(Duration.ofMillis(5)).get(key));
                case 2 -> {
                    Thread.currentThread().interrupt();
                    store.get(key);
                }
                case 3 -> assertArrayEquals(value, store.getAll(List.of(key)).get(key));
                default -> assertArrayEquals(value, store.get(key));
            }
            return true;
        } catch (CacheException e) {
            return false;
        } finally {
            Thread.interrupted();
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
