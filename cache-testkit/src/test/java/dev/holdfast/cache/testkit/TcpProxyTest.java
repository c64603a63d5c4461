package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer.Data;
import dev.holdfast.cache.testkit.TcpProxy.Direction;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TcpProxyTest {
    private static final Duration SECONDS = Duration.ofSeconds(20);
    private static final Duration MOMENT = Duration.ofMillis(100);

    private static RedisServer redis;
    private TcpProxy proxy;

    @BeforeAll
    static void startServer() {
        redis = RedisServer.start();
    }

    @AfterAll
    static void stopServer() {
        redis.close();
    }

    @BeforeEach
    void startProxy() {
        proxy = TcpProxy.to(redis.host(), redis.port());
    }

    @AfterEach
    void stopProxy() throws Exception {
        proxy.close();
        assertEquals(0, proxy.openConnections());
        String name = "tcp-proxy-" + proxy.port() + "-";
        Eventually.until("the end of the proxy's threads", () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(t -> t.getName().startsWith(name)));
    }

    @Test
    void passesEverythingAndCounts() throws Exception {
        byte[] big = new byte[3_000_000];
        new Random(1).nextBytes(big);
        try (RespConnection client = connect()) {
            client.call("SET".getBytes(UTF_8), "big".getBytes(UTF_8), big);
            assertArrayEquals(big, (byte[]) client.call("GET", "big"));
            assertEquals(1, proxy.connections());
            assertEquals(1, proxy.openConnections());
            assertTrue(proxy.bytes(Direction.TO_SERVER) > big.length);
            assertTrue(proxy.bytes(Direction.TO_CLIENT) > big.length);
        }
        Eventually.until("the end of the connection", () -> proxy.openConnections() == 0);
    }

    @Test
    void refusesNewConnectionsAndKeepsTheOpenOnes() throws Exception {
        try (RespConnection client = connect()) {
            client.call("PING");
            proxy.refuse();
            assertThrows(ConnectException.class, this::connect);
            assertEquals("PONG", client.call("PING"));
            proxy.pass();
            try (RespConnection another = connect()) {
                assertEquals("PONG", another.call("PING"));
            }
        }
    }

    @Test
    void resetsOpenConnectionsAndAcceptsNewOnes() throws Exception {
        try (RespConnection client = connect();
                RespConnection idle = connect()) {
            client.call("PING");
            idle.call("PING");
            proxy.reset();
            assertTrue(assertThrows(SocketException.class, client::receive)
                    .getMessage()
                    .contains("reset"));
            assertThrows(SocketException.class, idle::receive);
            try (RespConnection another = connect()) {
                assertEquals("PONG", another.call("PING"));
            }
        }
    }

    @Test
    void halfOpenNothingArrivesAndNothingIsClosed() throws Exception {
        try (RespConnection before = connect()) {
            before.call("SET", "half", "before");
            proxy.halfOpen();
            before.timeout(MOMENT);
            assertThrows(SocketTimeoutException.class, () -> before.call("SET", "half", "during"));
            try (RespConnection during = connect()) {
                during.timeout(MOMENT);
                assertThrows(SocketTimeoutException.class, () -> during.call("PING"));
                proxy.pass();
                during.timeout(SECONDS);
                assertThrows(IOException.class, during::receive);
            }
            before.timeout(SECONDS);
            assertThrows(IOException.class, before::receive);
            assertEquals("before", redis.command("GET", "half"));
        }
    }

    @Test
    void forgetsFlowsThatWereIdleAndPassesTheOthers() throws Exception {
        try (RespConnection idle = connect()) {
            idle.call("SET", "forgotten", "no");
            proxy.dropIdle(MOMENT.multipliedBy(4));
            Thread.sleep(MOMENT.multipliedBy(5).toMillis());
            idle.timeout(MOMENT);
            assertThrows(SocketTimeoutException.class, () -> idle.call("SET", "forgotten", "yes"));
            try (RespConnection fresh = connect()) {
                assertArrayEquals("no".getBytes(UTF_8), (byte[]) fresh.call("GET", "forgotten"));
            }
            // The proxy hears a little later that the fresh one was closed by its client.
            for (int i = 0; i < 200 && proxy.openConnections() > 1; i++) {
                Thread.sleep(10);
            }
            assertEquals(1, proxy.openConnections(), "not closed");
            proxy.pass();
            assertThrows(IOException.class, () -> idle.call("PING"));
        }
    }

    @Test
    void swallowsOneNamedFlow() throws Exception {
        try (RespConnection one = connect();
                RespConnection other = connect()) {
            one.call("PING");
            other.call("PING");
            assertEquals(2, proxy.clientPorts().size());
            assertTrue(proxy.swallow(one.localPort()));
            assertFalse(proxy.swallow(1));
            one.timeout(MOMENT);
            assertThrows(SocketTimeoutException.class, () -> one.call("PING"));
            assertEquals("PONG", other.call("PING"));
            proxy.pass();
            assertThrows(IOException.class, () -> one.call("PING"));
            assertEquals("PONG", other.call("PING"));
        }
    }

    @Test
    void delaysEachWayAndWhatIsUnderWayOverlaps() throws Exception {
        proxy.delay(Duration.ofMillis(50));
        try (RespConnection client = connect()) {
            long start = System.nanoTime();
            for (int i = 0; i < 50; i++) {
                client.send(List.of("PING".getBytes(UTF_8)));
                client.flush();
                Thread.sleep(1);
            }
            for (int i = 0; i < 50; i++) {
                assertEquals("PONG", client.receive());
            }
            long millis = (System.nanoTime() - start) / 1_000_000;
            assertTrue(millis >= 140, "50 commands, a millisecond apart, took " + millis + " ms");
            assertTrue(millis < 2_000, "the delays add up: " + millis + " ms");

            proxy.delay(Direction.TO_SERVER, Duration.ofHours(1));
            client.send(List.of("PING".getBytes(UTF_8)));
            client.flush();
            proxy.pass();
            assertEquals("PONG", client.receive());
        }
    }

    @Test
    void throttles() throws Exception {
        redis.command("SET", "value", "x".repeat(20_000));
        try (RespConnection client = connect()) {
            proxy.throttle(100_000);
            long start = System.nanoTime();
            client.call("GET", "value");
            long millis = (System.nanoTime() - start) / 1_000_000;
            assertTrue(millis >= 180, "20 KB at 100 KB/s took " + millis + " ms");

            proxy.throttle(1);
            client.send(List.of("GET".getBytes(UTF_8), "value".getBytes(UTF_8)));
            client.flush();
            proxy.pass();
            assertEquals(20_000, ((byte[]) client.receive()).length);
        }
    }

    @Test
    void cutsRepliesAfterSoManyBytes() throws Exception {
        redis.command("SET", "cut", "0123456789");
        try (RespConnection client = connect()) {
            client.call("GET", "cut");
            proxy.cutAfter(Direction.TO_CLIENT, 8);
            assertThrows(IOException.class, () -> client.call("GET", "cut"));
        }
        long before = proxy.bytes(Direction.TO_CLIENT);
        try (RespConnection client = connect()) {
            assertThrows(IOException.class, () -> client.call("GET", "cut"));
        }
        assertEquals(8, proxy.bytes(Direction.TO_CLIENT) - before);
    }

    @Test
    void cutsCommandsAfterSoManyBytes() throws Exception {
        redis.command("DEL", "half-sent");
        proxy.cutAfter(Direction.TO_SERVER, 20);
        try (RespConnection client = connect()) {
            assertThrows(IOException.class, () -> client.call("SET", "half-sent", "value"));
        }
        assertEquals(0L, redis.command("EXISTS", "half-sent"));
    }

    @Test
    void putsGarbageBeforeTheNextReplyOnceForEachConnection() throws Exception {
        try (RespConnection client = connect()) {
            client.call("PING");
            proxy.garbage("+SPAM\r\n".getBytes(UTF_8));
            assertEquals("SPAM", client.call("PING"));
            assertEquals("PONG", client.receive());
            assertEquals("PONG", client.call("PING"));
        }
        try (RespConnection client = connect()) {
            assertEquals("SPAM", client.call("PING"));
        }
    }

    @Test
    void dripsReplies() throws Exception {
        proxy.drip(Duration.ofMillis(5));
        try (RespConnection client = connect()) {
            long start = System.nanoTime();
            assertEquals("PONG", client.call("PING"));
            assertTrue(System.nanoTime() - start >= 35_000_000, "7 bytes, 5 ms before each, came sooner");
        }
    }

    @Test
    void withoutAServerTheClientIsReset() throws Exception {
        try (RedisServer down = RedisServer.start();
                TcpProxy before = TcpProxy.to(down.host(), down.port())) {
            down.kill();
            // Often the reset is there before connecting has ended.
            assertThrows(IOException.class, () -> {
                try (RespConnection client = RespConnection.open(before.port(), null, SECONDS)) {
                    client.call("PING");
                }
            });
            down.restart(Data.KEEP);
            try (RespConnection client = RespConnection.open(before.port(), null, SECONDS)) {
                assertEquals("PONG", client.call("PING"));
            }
        }
    }

    @Test
    void theEndOfAStreamPassesAndTheOtherDirectionLivesOn() throws Exception {
        try (Socket client = new Socket()) {
            client.connect(new InetSocketAddress(Ports.loopback(), proxy.port()));
            client.getOutputStream().write("PING\r\nQUIT\r\n".getBytes(UTF_8));
            client.shutdownOutput();
            assertEquals("+PONG\r\n+OK\r\n", new String(client.getInputStream().readAllBytes(), UTF_8));
        }
    }

    @Test
    void carriesTheCallsOfManyThreadsAtTwoMilliseconds() throws Exception {
        proxy.delay(Duration.ofMillis(1));
        int threads = 64;
        int calls = 50;
        List<Thread> callers = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Thread caller = new Thread(() -> {
                try (RespConnection client = connect()) {
                    for (int call = 0; call < calls; call++) {
                        client.call("PING");
                    }
                } catch (IOException | RuntimeException e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            });
            callers.add(caller);
            caller.start();
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertEquals(List.of(), failures);
        assertEquals(threads, proxy.connections());
    }

    @Test
    void aFullPipelineDoesNotStopTheOtherConnections() throws Exception {
        try (Socket stuck = new Socket();
                RespConnection other = connect()) {
            redis.command("SET", "huge", "x".repeat(1_000_000));
            stuck.connect(new InetSocketAddress(Ports.loopback(), proxy.port()));
            stuck.getOutputStream().write("GET huge\r\n".repeat(50).getBytes(UTF_8));
            for (int i = 0; i < 100; i++) {
                assertEquals("PONG", other.call("PING"));
            }
        }
    }

    @Test
    void closedItLeavesNothing() throws Exception {
        RespConnection client = connect();
        client.call("PING");
        proxy.delay(Duration.ofSeconds(50));
        client.send(List.of("PING".getBytes(UTF_8)));
        client.flush();
        proxy.close();
        assertThrows(SocketException.class, client::receive);
        assertThrows(ConnectException.class, this::connect);
        client.close();
    }

    private RespConnection connect() throws IOException {
        return RespConnection.open(proxy.port(), null, SECONDS);
    }
}
