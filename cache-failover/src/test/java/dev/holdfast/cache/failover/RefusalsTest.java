package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Calls that are refused, by a server, by what stands in its place, or before they are sent. */
class RefusalsTest {
    private static final Duration TTL = Duration.ofMinutes(5);

    private static FailoverStore over(String host, int port) {
        FailoverStore store = FailoverStore.builder()
                .tier("single", SingleStore.of(SingleConfig.of(host, port)))
                .memoryTier("memory", () -> MemoryStore.builder().build())
                .build();
        store.start(Duration.ofSeconds(5));
        return store;
    }

    @Test
    void aProxyThatRefusesEverythingForAServerThatIsGoneIsFollowedByTheNextTier() {
        AtomicBoolean gone = new AtomicBoolean();
        try (RedisServer server = RedisServer.start();
                RespPeer proxy = RespPeer.start((command, caller) -> {
                    if (command.get(0).equalsIgnoreCase("PING")) {
                        caller.lines("+PONG");
                    } else if (gone.get()) {
                        caller.lines("-ERR Connection refused");
                    } else {
                        answerFrom(server, command, caller);
                    }
                });
                FailoverStore store = over("127.0.0.1", proxy.port())) {
            store.put("k", new byte[] {1}, TTL);
            assertEquals("single", store.tierName());
            gone.set(true);
            int refused = 0;
            boolean answered = false;
            while (!answered && refused < 4_000) {
                try {
                    assertNull(store.get("k"), "memory has nothing yet");
                    answered = true;
                } catch (CacheRejectedException e) {
                    refused++;
                    LockSupport.parkNanos(5_000_000);
                }
            }
            assertTrue(refused > 0);

            assertEquals("memory", store.tierName());
            store.put("k", new byte[] {2}, TTL);
            assertArrayEquals(new byte[] {2}, store.get("k"));
        }
    }

    private static void answerFrom(RedisServer server, java.util.List<String> command, RespPeer.Caller caller)
            throws IOException {
        Object reply = server.command(command.toArray(String[]::new));
        if (reply instanceof Long number) {
            caller.lines(":" + number);
        } else if (reply == null) {
            caller.lines("$-1");
        } else if (command.get(0).equals("SET")) {
            caller.lines("+OK");
        } else {
            String text = String.valueOf(reply);
            caller.lines("$" + text.length(), text);
        }
    }

    @Test
    void callsThatAreWrongThemselvesOpenNothing() {
        try (RedisServer server = RedisServer.start();
                FailoverStore store = over(server.host(), server.port())) {
            store.put("text", new byte[] {'x'}, TTL);
            for (int i = 0; i < 300; i++) {
                assertThrows(CacheRejectedException.class, () -> store.increment("text", 1, TTL));
                LockSupport.parkNanos(5_000_000);
            }

            assertEquals("single", store.tierName());
        }
    }

    @Test
    void whatIsPutRightAfterAStartWithoutServersIsKept() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        for (int i = 0; i < 10; i++) {
            try (FailoverStore store = over("127.0.0.1", port)) {
                store.put("k", new byte[] {1}, TTL);
                assertArrayEquals(new byte[] {1}, store.get("k"), "client " + i);
            }
        }
    }

    @Test
    void aCallWhoseCallerWasInterruptedBeforeItWasSentHidesNoKey() {
        try (RedisServer server = RedisServer.start();
                FailoverStore store = over(server.host(), server.port())) {
            store.put("k", new byte[] {1}, TTL);
            for (int i = 0; i < 50; i++) {
                Thread.currentThread().interrupt();
                CacheInterruptedException e =
                        assertThrows(CacheInterruptedException.class, () -> store.put("k", new byte[] {2}, TTL));
                assertTrue(Thread.interrupted());
                assertEquals(false, e.outcomeUnknown());
                assertArrayEquals(new byte[] {1}, store.get("k"));
            }
        }
    }
}
