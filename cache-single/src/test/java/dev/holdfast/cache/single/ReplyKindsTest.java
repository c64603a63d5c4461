package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A reply of another kind than a command can have is another command's: it is no answer, and its connection goes. */
class ReplyKindsTest {

    @ParameterizedTest
    @ValueSource(strings = {"+OK", "+PONG", ":1", "*0"})
    void whatIsNoValueIsNotTakenForOne(String shifted) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Set<Object> connections = ConcurrentHashMap.newKeySet();
        try (RespPeer peer = RespPeer.start((command, caller) -> {
                    switch (command.get(0)) {
                        case "GET" -> {
                            connections.add(caller);
                            if (asked.incrementAndGet() == 1) {
                                caller.lines(shifted);
                            } else {
                                caller.lines("$1", "v");
                            }
                        }
                        case "PING" -> {
                            if (command.size() > 1) {
                                caller.lines("$" + command.get(1).length(), command.get(1));
                            } else {
                                caller.lines("+PONG");
                            }
                        }
                        default -> caller.lines("+OK");
                    }
                });
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertArrayEquals("v".getBytes(StandardCharsets.US_ASCII), store.get("k"));
            assertEquals(2, connections.size(), "the connection went");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {":1", "*0"})
    void whatIsNoStatusIsNotTakenForOne(String shifted) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Set<Object> connections = ConcurrentHashMap.newKeySet();
        try (RespPeer peer = RespPeer.start((command, caller) -> {
                    if (command.get(0).equals("SET")) {
                        connections.add(caller);
                        caller.lines(asked.incrementAndGet() == 1 ? shifted : "+OK");
                    } else if (command.get(0).equals("PING") && command.size() > 1) {
                        caller.lines("$" + command.get(1).length(), command.get(1));
                    } else {
                        caller.lines(command.get(0).equals("PING") ? "+PONG" : "+OK");
                    }
                });
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            assertThrows(CacheUnavailableException.class, () -> store.put("k", new byte[] {1}, Duration.ofMinutes(1)));
            store.put("k", new byte[] {1}, Duration.ofMinutes(1));
            assertEquals(2, connections.size(), "the connection went");
        }
    }
}
