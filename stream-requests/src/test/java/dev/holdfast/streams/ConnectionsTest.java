package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** How many connections a worker has, and a Redis that has fewer to give. */
class ConnectionsTest extends Fixture {
    private static final Pattern TAKING = Pattern.compile("(?m) addr=(\\S+) .*cmd=xreadgroup ");

    @Test
    void aWorkerGoesOnThatMayHaveFewerConnectionsThanTerminals() throws Exception {
        int terminals = 40;
        try (RedisServer own = RedisServer.builder()
                        .persistence(RedisServer.Persistence.NONE)
                        .line("maxclients 20")
                        .start();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", own.port())) {
            StreamsConfig config = config(own).withClaimIdle(Duration.ofSeconds(5));
            StreamsConfig proxied = StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                    .withName(name)
                    .withGrace(Duration.ZERO)
                    .withClaimIdle(Duration.ofSeconds(5));
            try (RequestClient client = RequestClient.connect(config);
                    RequestServer server = RequestServer.start(proxied, terminals, request -> {
                        Thread.sleep(50);
                        return request.payload();
                    })) {
                assertEquals("x", text(client.callAndWait("first", bytes("x"), LIMIT)));
                AtomicInteger ids = new AtomicInteger();
                // What is lost here is answered to whoever asks again.
                calls(client, ids, terminals, 2);
                for (int i = 0; i < 6; i++) {
                    killTaker(own);
                    calls(client, ids, terminals, 2);
                }
                until(
                        "the worker to take requests again",
                        () -> server.health().trouble().isEmpty());
                for (int i = 0; i < 20; i++) {
                    assertEquals("x", text(client.callAndWait("then" + i, bytes("x"), LIMIT)));
                }
                assertTrue(proxy.openConnections() <= 20, "open: " + proxy.openConnections());
            }
        }
    }

    @Test
    void connectionsThatAreNotNeededAnyMoreAreClosed() throws Exception {
        int terminals = 20;
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port())) {
            StreamsConfig config = StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                    .withName(name)
                    .withGrace(Duration.ZERO)
                    .withClaimIdle(Duration.ofSeconds(3));
            Gate gate = new Gate();
            try (RequestServer server = RequestServer.start(config, terminals, gate);
                    RequestClient client = RequestClient.connect(config())) {
                List<CompletableFuture<byte[]>> calls = new ArrayList<>();
                for (int i = 0; i < terminals; i++) {
                    calls.add(client.call("id" + i, bytes("x"), LIMIT));
                }
                until("all to be under way", () -> gate.begun.get() == terminals);
                proxy.delay(Duration.ofMillis(200));
                gate.open.countDown();
                until("many connections", () -> proxy.openConnections() >= 10);
                proxy.pass();
                calls.forEach(CompletableFuture::join);
                until("few connections", () -> proxy.openConnections() <= 3);
                assertEquals(terminals, server.health().answered());
            }
        }
    }

    @Test
    void aPoolHasFewerForAWhileAfterItsServerHadNoneLeft() throws Exception {
        try (RedisServer own = RedisServer.builder()
                        .persistence(RedisServer.Persistence.NONE)
                        .line("maxclients 10")
                        .start();
                Redis others = new Redis(config(own), 12, Duration.ZERO);
                Redis first = new Redis(config(own), 1, Duration.ZERO, others)) {
            List<CompletableFuture<Object>> blocked = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                blocked.add(CompletableFuture.supplyAsync(
                        () -> others.call(Command.read(bytes(requests()), 1, 300)), task -> new Thread(task).start()));
            }
            for (CompletableFuture<Object> each : blocked) {
                // Some are refused.
                var unused = each.handle((reply, failure) -> failure).join();
            }
            until("the first to be served", () -> {
                try {
                    first.call(Command.of(redis.clients.jedis.Protocol.Command.XLEN, bytes(requests())));
                    return true;
                } catch (RuntimeException refused) {
                    assertTrue(Trouble.isTooManyClients(refused), refused.toString());
                    return false;
                }
            });
        }
    }

    private static void killTaker(RedisServer server) {
        Matcher taking = TAKING.matcher(String.valueOf(server.command("CLIENT", "LIST")));
        if (taking.find()) {
            server.command("CLIENT", "KILL", "ADDR", taking.group(1));
        }
    }

    /** As many calls at once, so often; how they end does not matter. */
    private static void calls(RequestClient client, AtomicInteger ids, int callers, int rounds) {
        for (int round = 0; round < rounds; round++) {
            List<CompletableFuture<byte[]>> calls = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                try {
                    calls.add(client.call("id" + ids.incrementAndGet(), bytes("x"), Duration.ofSeconds(1)));
                } catch (RequestRejectedException full) {
                    // Its connections are few, too.
                }
            }
            calls.forEach(each -> each.handle((answer, failure) -> failure).join());
        }
    }
}
