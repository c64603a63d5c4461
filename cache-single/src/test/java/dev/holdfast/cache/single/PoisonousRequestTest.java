package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A request that breaks its connection each time is its own failure, and nobody else's. */
class PoisonousRequestTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    @Test
    void aValueThatTheServerWillNotTakeIsRefusedAndReadersBesideItAreAnswered() throws Exception {
        try (RedisServer server =
                        RedisServer.builder().line("proto-max-bulk-len 1mb").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[] {'v'}, TTL);
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger answered = new AtomicInteger();
            AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
            List<Thread> readers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                Thread reader = new Thread(() -> {
                    try {
                        while (!over.get()) {
                            assertEquals('v', store.get("k")[0]);
                            answered.incrementAndGet();
                        }
                    } catch (Throwable t) {
                        thrown.set(t);
                    }
                });
                readers.add(reader);
                reader.start();
            }
            for (int i = 0; i < 8; i++) {
                assertThrows(CacheRejectedException.class, () -> store.put("large", new byte[8 << 20], TTL));
                int before = answered.get();
                Eventually.until("readers go on", () -> answered.get() > before + 10 || thrown.get() != null);
            }
            over.set(true);
            for (Thread reader : readers) {
                reader.join();
            }
            if (thrown.get() != null) {
                throw new AssertionError("a reader failed", thrown.get());
            }
        }
    }

    @Test
    void aValueThatTheServerWillNotSendIsRefusedWithTheLikelyReason() {
        try (RedisServer server = RedisServer.builder()
                        .line("client-output-buffer-limit normal 1mb 1mb 0")
                        .start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[] {'v'}, TTL);
            store.put("large", new byte[8 << 20], TTL);
            CacheRejectedException e = assertThrows(CacheRejectedException.class, () -> store.get("large"));
            assertTrue(String.valueOf(e.getMessage()).contains("client-output-buffer-limit"), e.getMessage());
            assertEquals('v', store.get("k")[0]);
        }
    }

    /** As a proxy: closes the connection at a command that it does not bear. */
    private static ScriptedServer.Answer closingAt(String poison, AtomicInteger closed) {
        return (command, out) -> {
            if (command.contains(poison)) {
                closed.incrementAndGet();
                throw new IOException("closed");
            }
            answer(command, out);
        };
    }

    private static void answer(List<String> command, OutputStream out) throws IOException {
        String reply = command.get(0).equals("GET") ? "$1\r\nv\r\n" : "+OK\r\n";
        out.write(reply.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void whatMustNotBeDoneTwiceIsNotRepeatedThoughItsConnectionBroke() throws Exception {
        AtomicInteger closed = new AtomicInteger();
        try (ScriptedServer proxy = new ScriptedServer(closingAt("poison", closed));
                SingleStore store = SingleStore.of(proxy.config())) {
            CacheUnavailableException e =
                    assertThrows(CacheUnavailableException.class, () -> store.putIfAbsent("poison", new byte[1], TTL));
            assertTrue(e.outcomeUnknown());
            assertEquals(1, closed.get());
            assertThrows(CacheRejectedException.class, () -> store.put("poison", new byte[1], TTL));
            assertEquals(1 + 4, closed.get());
        }
    }

    private static final Map<String, Consumer<CacheStore>> CALLS = Map.of(
            "GET", store -> store.get("poison"),
            "MGET", store -> store.getAll(List.of("poison")),
            "SET", store -> store.put("poison", new byte[1], TTL),
            "UNLINK", store -> store.remove("poison"),
            "PEXPIRE", store -> store.expire("poison", TTL),
            "SCAN", store -> store.removeByPrefix("poison"));

    private static ScriptedServer closing(String kind, Predicate<List<String>> poison) throws IOException {
        return new ScriptedServer((command, out) -> {
            if (command.get(0).equals(kind) && poison.test(command)) {
                throw new IOException("closed");
            }
            String reply =
                    switch (command.get(0)) {
                        case "GET" -> "$-1\r\n";
                        case "MGET" -> "*1\r\n$-1\r\n";
                        case "SET" -> "+OK\r\n";
                        case "PING" -> "+PONG\r\n";
                        default -> ":0\r\n";
                    };
            out.write(reply.getBytes(StandardCharsets.US_ASCII));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "SET", "UNLINK", "SCAN"})
    void aServerThatClosesTheConnectionAtEveryRequestOfAKindIsIllThoughItAnswersOthers(String kind) throws IOException {
        try (ScriptedServer server = closing(kind, command -> true);
                SingleStore store = SingleStore.of(server.config())) {
            CacheUnavailableException e = assertThrows(
                    CacheUnavailableException.class, () -> CALLS.get(kind).accept(store));
            assertTrue(e.reason().counts(), () -> e.reason() + ": " + e.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "MGET", "SET", "PEXPIRE"})
    void aRequestThatIsClosedOnWhileOthersOfItsKindGetThroughIsRefused(String kind) throws IOException {
        try (ScriptedServer server = closing(kind, command -> command.get(1).equals("poison"));
                SingleStore store = SingleStore.of(server.config())) {
            assertThrows(CacheRejectedException.class, () -> CALLS.get(kind).accept(store));
        }
    }

    @Test
    void oneOfManyEntriesThatCannotBePutDoesNotTakeTheOthersWithIt() {
        try (RedisServer server =
                        RedisServer.builder().line("proto-max-bulk-len 1mb").start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            Map<String, byte[]> entries = Map.of("a", new byte[1], "large", new byte[8 << 20], "b", new byte[2]);
            assertThrows(CacheRejectedException.class, () -> store.putAll(entries, TTL));
            assertArrayEquals(new byte[1], store.get("a"));
            assertArrayEquals(new byte[2], store.get("b"));
        }
    }
}
