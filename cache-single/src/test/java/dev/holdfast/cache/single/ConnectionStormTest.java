package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that refuses connections is not asked for another by every call. */
class ConnectionStormTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private static int info(RedisServer server, String field) {
        return ((String) server.command("INFO", "everything"))
                .lines()
                .filter(line -> line.startsWith(field + ':'))
                .mapToInt(line ->
                        Integer.parseInt(line.substring(field.length() + 1).strip()))
                .sum();
    }

    /** Has so many callers call for so long; returns how many calls failed. */
    private static int failedOf(SingleStore store, int count, long millis) throws InterruptedException {
        long start = System.nanoTime();
        AtomicInteger failed = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Thread caller = new Thread(() -> {
                while (System.nanoTime() - start < TimeUnit.MILLISECONDS.toNanos(millis)) {
                    try {
                        store.get("k");
                    } catch (CacheUnavailableException e) {
                        failed.incrementAndGet();
                    }
                }
            });
            callers.add(caller);
            caller.start();
        }
        for (Thread caller : callers) {
            caller.join();
        }
        return failed.get();
    }

    /** A Redis that answers GET, unless it is broken. */
    private static RespPeer breaking(Set<String> broken, String how) {
        Map<String, String> kept = new ConcurrentHashMap<>(Map.of("k", "v"));
        return RespPeer.start((command, caller) -> {
            if (broken.contains(command.get(0))) {
                if (how.isEmpty()) {
                    caller.close();
                } else {
                    caller.lines(how);
                }
                return;
            }
            switch (command.get(0)) {
                case "GET" -> {
                    String value = kept.get(command.get(1));
                    caller.lines(value == null ? "$-1" : "$" + value.length() + "\r\n" + value);
                }
                case "SET" -> {
                    kept.put(command.get(1), command.get(2));
                    caller.lines("+OK");
                }
                default -> caller.lines("+OK");
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "garbage"})
    void aServerThatLetsClientsInAndBreaksTheirFirstCallIsAskedForAnotherTenTimesASecondAtMost(String how)
            throws Exception {
        Set<String> broken = ConcurrentHashMap.newKeySet();
        try (RespPeer peer = breaking(broken, how);
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            failedOf(store, 16, 200);
            broken.add("GET");
            long before = peer.connections();
            long start = System.nanoTime();
            assertTrue(failedOf(store, 16, 1000) > 0);
            long dials = peer.connections() - before;
            long tenths = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start) / 100;
            // And those of a pool of five that were dialled together, before the first of them broke; and one that
            // probes.
            assertTrue(
                    dials > 0 && dials <= tenths * 4 / 3 + 5 + 1,
                    () -> dials + " in " + tenths + " tenths of a second");
            assertTrue(store.health().pool().failedDials() > 0);

            broken.clear();
            store.probe(Duration.ofSeconds(5));
            assertEquals(0, failedOf(store, 16, 100), "a probe that is answered lets the next attempt begin");
            for (int i = 0; i < 100 && store.health().pool().total() <= 1; i++) {
                assertEquals(0, failedOf(store, 16, 50));
            }
            assertTrue(store.health().pool().total() > 1, "no pause is left");
        }
    }

    /** What happens to a healthy server's clients now and then must not slow down the next connection. */
    @Test
    void aConnectionThatServedIsNoFailedDialWhenItClosesNorIsOneThatAPoisonousRequestBreaks() throws Exception {
        Set<RespPeer.Caller> callers = ConcurrentHashMap.newKeySet();
        try (RespPeer peer = RespPeer.start((command, caller) -> {
                    callers.add(caller);
                    if (command.contains("poison")) {
                        caller.close();
                    } else if (command.get(0).equals("GET")) {
                        caller.lines("$1", "v");
                    } else {
                        caller.lines("+OK");
                    }
                });
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            store.get("k");
            for (int i = 0; i < 3; i++) {
                // As a restart, or a time limit for idle connections.
                callers.forEach(RespPeer.Caller::close);
                store.get("k");
                assertThrows(CacheRejectedException.class, () -> store.get("poison"));
                store.get("k");
            }
            assertEquals(0, store.health().pool().failedDials());
        }
    }

    private static int refused(RedisServer server) {
        return info(server, "rejected_connections");
    }

    @Test
    void aServerWithRoomForOneConnectionIsAskedForAnotherTenTimesASecondAtMost() throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[1], TTL);
            // This one, and the testkit's own.
            int clients = info(server, "connected_clients");
            server.command("CONFIG", "SET", "maxclients", Integer.toString(clients));
            int before = refused(server);
            int failed = failedOf(store, 16, 1500);
            int dials = refused(server) - before;
            assertEquals(0, failed);
            assertTrue(dials > 0, "it was asked");
            assertTrue(dials <= 15, () -> "refused " + dials + " in a second and a half");
            assertTrue(store.health().pool().failedDials() >= dials);
            assertEquals(1, store.health().pool().total());
        }
    }

    @Test
    void whoHasNoConnectionAtAllIsToldTheReasonOfTheLastAttempt() throws Exception {
        try (RedisServer server = RedisServer.builder().line("maxclients 1").start();
                SingleStore first = SingleStore.of(SingleConfig.of(server.url()));
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            Eventually.until("it has the only place, or the testkit", () -> {
                try {
                    first.get("k");
                    return true;
                } catch (CacheUnavailableException e) {
                    return String.valueOf(e.getMessage()).contains("max number of clients");
                }
            });
            for (int i = 0; i < 50; i++) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(String.valueOf(e.getMessage()).contains("max number of clients"), e.getMessage());
            }
            assertTrue(
                    store.health().pool().failedDials() < 15,
                    () -> "" + store.health().pool());
        }
    }
}
