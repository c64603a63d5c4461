package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol;

/** How many connections a worker has, and a Redis that has fewer to give. */
class ConnectionsTest extends Fixture {
    private static final Pattern TAKING = Pattern.compile("(?m) addr=(\\S+) .*cmd=xreadgroup ");

    @Test
    void aWorkerWhoseOwnIdleConnectionsAreTheLastOnesTakesRequestsAgain() throws Exception {
        int terminals = 40;
        List<Socket> strangers = new ArrayList<>();
        try (RedisServer own = RedisServer.builder()
                        .persistence(RedisServer.Persistence.NONE)
                        .line("maxclients 60")
                        .start();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", own.port())) {
            StreamsConfig proxied = StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                    .withName(name)
                    .withGrace(Duration.ZERO);
            Gate gate = new Gate();
            try (RequestClient client = RequestClient.connect(config(own));
                    RequestServer server = RequestServer.start(proxied, terminals, gate)) {
                openMany(client, terminals, gate, proxy);
                boolean full = false;
                while (!full) {
                    full = !isServed(own, strangers);
                }
                until("a stranger to have the connection that takes requests", () -> {
                    killTaker(own);
                    return isServed(own, strangers);
                });
                assertEquals("x", text(client.callAndWait("then", bytes("x"), LIMIT)));
            }
        } finally {
            for (Socket each : strangers) {
                each.close();
            }
        }
    }

    /** Whether the server has a connection left for a stranger, who keeps it. */
    private static boolean isServed(RedisServer server, List<Socket> strangers) throws IOException {
        Socket stranger = new Socket(InetAddress.getLoopbackAddress(), server.port());
        strangers.add(stranger);
        try {
            stranger.getOutputStream().write(bytes("PING\r\n"));
            return stranger.getInputStream().read() == '+';
        } catch (SocketException refused) {
            return false;
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
                openMany(client, terminals, gate, proxy);
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
                    first.call(Command.of(Protocol.Command.XLEN, bytes(requests())));
                    return true;
                } catch (RuntimeException refused) {
                    assertTrue(Trouble.isTooManyClients(refused), refused.toString());
                    return false;
                }
            });
        }
    }

    /** Has all terminals end their work at the same time, each on a connection of its own. */
    private static void openMany(RequestClient client, int terminals, Gate gate, TcpProxy proxy) throws Exception {
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
    }

    private static void killTaker(RedisServer server) {
        Matcher taking = TAKING.matcher(String.valueOf(server.command("CLIENT", "LIST")));
        if (taking.find()) {
            server.command("CLIENT", "KILL", "ADDR", taking.group(1));
        }
    }
}
