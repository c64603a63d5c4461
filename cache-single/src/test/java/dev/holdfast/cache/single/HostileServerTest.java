package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replies that are malformed, too many or too large: they belong to nobody, and harm nobody. */
class HostileServerTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private static final List<Consumer<CacheStore>> CALLS = List.of(
            store -> store.get("k"),
            store -> store.getAll(List.of("a", "b")),
            store -> store.put("k", new byte[1], TTL),
            store -> store.putAll(Map.of("k", new byte[1]), TTL),
            store -> store.putIfAbsent("k", new byte[1], TTL),
            store -> store.replace("k", new byte[1], new byte[1], TTL),
            store -> store.remove("k"),
            store -> store.remove("k", new byte[1]),
            store -> store.removeAll(List.of("a", "b")),
            store -> store.contains("k"),
            store -> store.ttl("k"),
            store -> store.expire("k", TTL),
            store -> store.increment("k", 1, TTL),
            store -> store.incrementOnce("k", 1, TTL, "id"),
            store -> store.removeByPrefix("p"),
            store -> store.probe(Duration.ofSeconds(5)));

    /** A call may be answered by luck; what it throws must be of the kind that a caller can count on. */
    private static void nothingElseGetsOut(String reply) throws IOException {
        try (ScriptedServer server = ScriptedServer.saying(reply);
                SingleStore store = SingleStore.of(server.config()
                        .withCommandTimeout(Duration.ofMillis(100))
                        .withConnectTimeout(Duration.ofMillis(200)))) {
            for (int i = 0; i < CALLS.size(); i++) {
                Consumer<CacheStore> call = CALLS.get(i);
                int index = i;
                try {
                    call.accept(store);
                } catch (CacheUnavailableException | CacheRejectedException e) {
                    assertFalse(String.valueOf(e.getMessage()).contains("\n"), "no line break of the server's");
                    assertTrue(String.valueOf(e.getMessage()).length() < 600, e::getMessage);
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("call " + index + " after " + reply, e);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "$-1\r\n",
                ":7\r\n",
                "+what\r\n",
                "*0\r\n",
                "*-1\r\n",
                "*1\r\n$1\r\nx\r\n",
                "*3\r\n$1\r\nx\r\n$-1\r\n:1\r\n",
                "*2\r\n$1\r\nx\r\n*1\r\n:1\r\n",
                "*2\r\n$1\r\n0\r\n$1\r\nx\r\n",
                "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n",
                "$3\r\nabc\r\n",
                "$3\r\nabcdef\r\n",
                "$2147483647\r\n",
                "$-7\r\n",
                "$99999999999999999999\r\n",
                "*1000000000\r\n",
                "*2147483647\r\n",
                "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
                ":\r\n",
                ":12x\r\n",
                ":9999999999999999999\r\n",
                "%1\r\n+a\r\n+b\r\n",
                ">1\r\n+a\r\n",
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "-\r\n",
                "-ERR line\u001b[31m one\r\n",
                "-MOVED x y z\r\n",
                "-NOSCRIPT No matching script\r\n",
                "-ERR Error running script (call to f_x): @user_script:1: -NOSCRIPT No matching script\r\n",
                "-EXECABORT Transaction discarded\r\n",
                "-UNKILLABLE Sorry\r\n",
                "+OK\r\n+OK\r\n",
                "\r\n"
            })
    void whateverTheServerAnswersACallEndsAsItsContractSays(String reply) throws IOException {
        nothingElseGetsOut(reply);
    }

    @Test
    void whateverBytesComeACallEndsAsItsContractSays() throws IOException {
        long seed = ThreadLocalRandom.current().nextLong();
        Random random = new Random(seed);
        String alphabet = "$*:+-0123456789\r\n\r\n\r\nab";
        for (int i = 0; i < 6; i++) {
            StringBuilder reply = new StringBuilder();
            for (int n = random.nextInt(1, 40); n > 0; n--) {
                reply.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            nothingElseGetsOut(reply + "\r\n");
        }
    }

    /** Sends one reply too many at the third GET. */
    private static void rogue(List<String> command, OutputStream out, AtomicInteger gets) throws IOException {
        String value = "value of " + command.get(command.size() - 1);
        String reply = "$" + value.length() + "\r\n" + value + "\r\n";
        String superfluous = gets.incrementAndGet() == 3 ? "$5\r\nrogue\r\n" : "";
        out.write((reply + superfluous).getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void aReplyThatNobodyAskedForEndsItsConnectionAndShiftsNoOther() throws Exception {
        AtomicInteger gets = new AtomicInteger();
        try (ScriptedServer server = new ScriptedServer((command, out) -> rogue(command, out, gets));
                SingleStore store = SingleStore.of(server.config().withPoolSize(1))) {
            for (int i = 0; i < 20; i++) {
                String key = "k" + i;
                assertArrayEquals(("value of " + key).getBytes(StandardCharsets.US_ASCII), store.get(key));
            }
        }
    }

    @Test
    void aValueBeyondTheLimitIsRefusedBeforeAnythingIsAllocatedAndOthersAreRead() throws Exception {
        try (ScriptedServer server = new ScriptedServer(
                        (command, out) -> out.write((command.contains("large") ? "$2000000000\r\n" : "$1\r\nv\r\n")
                                .getBytes(StandardCharsets.US_ASCII)));
                SingleStore store = SingleStore.of(server.config().withMaxValueBytes(4096))) {
            CacheRejectedException e = assertThrows(CacheRejectedException.class, () -> store.get("large"));
            assertTrue(String.valueOf(e.getMessage()).contains("withMaxValueBytes"), e.getMessage());
            assertEquals('v', store.get("k")[0]);
            assertThrows(CacheRejectedException.class, () -> store.put("k", new byte[4097], TTL));
        }
    }

    /** As many callers as the heap has no room for, if each allocated what is claimed. */
    @Test
    void aClaimedSizeCostsNoMoreThanWhatArrives() throws Exception {
        CountDownLatch all = new CountDownLatch((int) (Runtime.getRuntime().maxMemory() >> 31) + 2);
        try (ScriptedServer server = new ScriptedServer((command, out) -> {
                    if (command.get(0).equals("GET")) {
                        out.write("$2147482000\r\n".getBytes(StandardCharsets.US_ASCII));
                        out.flush();
                        all.countDown();
                        all.await();
                        throw new IOException("closed");
                    }
                    out.write("+PONG\r\n".getBytes(StandardCharsets.US_ASCII));
                });
                SingleStore store = SingleStore.of(
                        server.config().withMaxValueBytes((1L << 31) - 1024).withPoolSize((int) all.getCount()))) {
            Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
            List<Thread> callers = new ArrayList<>();
            for (long i = all.getCount(); i > 0; i--) {
                Thread caller = new Thread(() -> {
                    try {
                        store.get("k");
                    } catch (Throwable t) {
                        thrown.add(t);
                    }
                });
                callers.add(caller);
                caller.start();
            }
            for (Thread caller : callers) {
                caller.join();
            }
            assertEquals(callers.size(), thrown.size());
            assertTrue(thrown.stream().allMatch(CacheException.class::isInstance), thrown::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-ERR unknown command 'HELLO'\r\n",
                "-ERR unsupported command\r\n",
                "-ERR invalid request\r\n",
                "-NOPERM this user has no permissions to run the 'client|setname' command\r\n"
            })
    void aProxyThatKnowsGetAndLittleElseIsUsed(String refusal) throws Exception {
        try (RespPeer proxy = RespPeer.start((command, caller) -> {
                    if (command.get(0).equals("GET")) {
                        caller.lines("$1", "v");
                    } else {
                        caller.lines(refusal.strip());
                    }
                });
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            assertEquals('v', store.get("k")[0]);
        }
    }

    @Test
    void aLogInThatIsRefusedForAnotherReasonIsNotBlamedOnThePassword() throws Exception {
        try (ScriptedServer proxy = ScriptedServer.saying("-ERR unsupported command\r\n");
                SingleStore store = SingleStore.of(proxy.config().withPassword(Secret.of("right")))) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(Reason.REFUSED, e.reason());
            assertFalse(String.valueOf(e.getMessage()).contains("REDIS_PASSWORD"), e.getMessage());
        }
    }
}
