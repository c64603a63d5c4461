package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.TcpProxy.Direction;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whatever happens to connections, no caller gets another's answer: each value names its key. */
class PairingTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int CALLERS = 8;
    private static final int CALLS_EACH = 4_200;
    private static final int KEYS = 64;

    /** Nothing that could be told from a reply by its content only. */
    private static final List<String> GARBAGE =
            List.of("\0", "x\r\n", "$5x\r\n", "*1\r\n%", ":1", "HTTP/1.1 502\r\n\r\n");

    private static byte[] value(int key) {
        // Of sizes from some bytes to some buffers.
        return ("value of " + key + ' ' + "x".repeat(key == 7 ? 40_000 : 8 * key)).getBytes(StandardCharsets.US_ASCII);
    }

    private static void check(int key, byte @Nullable [] found) {
        String text = found == null ? "nothing" : new String(found, StandardCharsets.US_ASCII);
        assertTrue(
                text.startsWith("value of " + key + ' ') && text.length() == value(key).length,
                () -> "key " + key + ": " + text.substring(0, Math.min(40, text.length())));
    }

    @Test
    void noCallerGetsTheAnswerOfAnother() throws Exception {
        long seed = ThreadLocalRandom.current().nextLong();
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port())
                        .withPoolSize(3)
                        .withCommandTimeout(Duration.ofSeconds(2)))) {
            for (int key = 0; key < KEYS; key++) {
                store.put("k" + key, value(key), TTL);
            }
            AtomicInteger running = new AtomicInteger(CALLERS);
            AtomicInteger answered = new AtomicInteger();
            AtomicReference<@Nullable Throwable> wrong = new AtomicReference<>();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                SplittableRandom random = new SplittableRandom(seed + i);
                Thread thread = new Thread(() -> {
                    try {
                        for (int n = 0; n < CALLS_EACH; n++) {
                            answered.addAndGet(called(store, random) ? 1 : 0);
                        }
                    } catch (Throwable t) {
                        wrong.compareAndSet(null, t);
                    } finally {
                        running.decrementAndGet();
                    }
                });
                threads.add(thread);
                thread.start();
            }
            disturb(server, proxy, store, running, new SplittableRandom(seed));
            for (Thread thread : threads) {
                thread.join();
            }
            if (wrong.get() != null) {
                throw new AssertionError("seed " + seed, wrong.get());
            }
            assertTrue(answered.get() > CALLERS * CALLS_EACH / 2, () -> answered + " answered, seed " + seed);
            assertEquals(0, store.health().pool().waiting());
        }
    }

    private static void disturb(
            RedisServer server, TcpProxy proxy, SingleStore store, AtomicInteger running, SplittableRandom random)
            throws InterruptedException {
        while (running.get() > 0) {
            switch (random.nextInt(7)) {
                case 0 -> proxy.reset();
                case 1 -> proxy.cutAfter(Direction.TO_CLIENT, random.nextInt(1, 60_000));
                case 2 -> proxy.cutAfter(Direction.TO_SERVER, random.nextInt(1, 60_000));
                case 3 -> proxy.clientPorts().stream().limit(1).forEach(proxy::swallow);
                case 4 -> store.disconnect(new IllegalStateException("on purpose"));
                case 5 -> server.command("CLIENT", "PAUSE", "20");
                default ->
                    proxy.garbage(GARBAGE.get(random.nextInt(GARBAGE.size())).getBytes(StandardCharsets.US_ASCII));
            }
            Thread.sleep(random.nextInt(5, 40));
            proxy.pass();
            Thread.sleep(random.nextInt(20, 120));
        }
    }

    private static boolean called(SingleStore store, SplittableRandom random) {
        int key = random.nextInt(KEYS);
        try {
            switch (random.nextInt(6)) {
                case 0 -> store.put("k" + key, value(key), TTL);
                case 1 -> {
                    int other = random.nextInt(KEYS);
                    Map<String, byte[]> found = store.getAll(List.of("k" + key, "k" + other));
                    check(key, found.get("k" + key));
                    check(other, found.get("k" + other));
                }
                case 2 -> check(key, store.within(Duration.ofMillis(3)).get("k" + key));
                default -> check(key, store.get("k" + key));
            }
            return true;
        } catch (CacheException e) {
            return false;
        }
    }
}
