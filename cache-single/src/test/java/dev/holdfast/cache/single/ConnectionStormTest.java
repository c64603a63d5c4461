package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

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

    private static int refused(RedisServer server) {
        return info(server, "rejected_connections");
    }

    @Test
    void aServerWithRoomForOneConnectionIsAskedForAnotherTenTimesASecondAtMost() throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.parse(server.url()))) {
            store.put("k", new byte[1], TTL);
            // This one, and the testkit's own.
            int clients = info(server, "connected_clients");
            server.command("CONFIG", "SET", "maxclients", Integer.toString(clients));
            int before = refused(server);
            long start = System.nanoTime();
            AtomicInteger failed = new AtomicInteger();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                Thread caller = new Thread(() -> {
                    while (System.nanoTime() - start < TimeUnit.MILLISECONDS.toNanos(1500)) {
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
            int dials = refused(server) - before;
            assertEquals(0, failed.get());
            assertTrue(dials > 0, "it was asked");
            assertTrue(dials <= 15, () -> "refused " + dials + " in a second and a half");
            assertTrue(store.health().pool().failedDials() >= dials);
            assertEquals(1, store.health().pool().total());
        }
    }

    @Test
    void whoHasNoConnectionAtAllIsToldTheReasonOfTheLastAttempt() throws Exception {
        try (RedisServer server = RedisServer.builder().line("maxclients 1").start();
                SingleStore first = SingleStore.of(SingleConfig.parse(server.url()));
                SingleStore store = SingleStore.of(SingleConfig.parse(server.url()))) {
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
