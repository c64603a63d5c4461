package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import io.lettuce.core.protocol.AsyncCommand;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Connections to a node that is gone, and those of a store that ends. */
class PoolTest {
    private final Wiring wiring = new Wiring(new Login(RemoteAccess.defaults()), null);
    private Node node;

    @BeforeEach
    void knowANodeThatIsGone() throws IOException {
        try (ServerSocket port = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Address address = new Address("127.0.0.1", port.getLocalPort());
            ClusterConfig config = ClusterConfig.of(List.of(address.toString()));
            node = new Node(address, config, wiring, new Canaries(config));
        }
    }

    @AfterEach
    void close() {
        node.close(new CloseReason(CloseReason.Kind.DISCARDED, null)).join();
        wiring.close();
    }

    @Test
    void nobodyWaitsForATurnThatIsFarAway() throws InterruptedException {
        failUntilThePauseIsLong();

        for (Link link : List.of(
                node.pool().link(false), node.pool().link(true), node.pool().alone())) {
            ExecutionException e =
                    assertThrows(ExecutionException.class, () -> sent(link).get(50, TimeUnit.MILLISECONDS));

            assertInstanceOf(ConnectException.class, e.getCause().getCause(), "the last attempt's reason");
        }
    }

    @Test
    void theEndOfAllConnectionsIsTheEndOfThoseThatBelongToOneCallOrProbe() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            ClusterConfig config = ClusterConfig.of(List.of("127.0.0.1:" + server.port()));
            Node there = new Node(new Address("127.0.0.1", server.port()), config, wiring, new Canaries(config));
            List<Link> links = List.of(
                    there.pool().alone(), there.pool().fresh(), there.pool().control());
            for (Link link : links) {
                assertEquals("PONG", sent(link).get(5, TimeUnit.SECONDS));
            }

            there.reset(new CloseReason(CloseReason.Kind.DISCONNECTED, new IllegalStateException("planted")));

            for (Link link : links) {
                assertFalse(link.isAlive());
            }
            there.close(new CloseReason(CloseReason.Kind.DISCARDED, null)).join();
        }
    }

    /** Netty leaves a channel open that it registers in an event loop's last moment; it happened to one in sixteen of these. */
    @Test
    void aConnectionThatIsBegunAsTheStoreEndsIsNotLeftOpen() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            Address address = new Address("127.0.0.1", server.port());
            ClusterConfig config = ClusterConfig.of(List.of(address.toString()));
            for (int i = 0; i < 300; i++) {
                Wiring ending = new Wiring(new Login(RemoteAccess.defaults()), null);
                Dials dials = new Dials(address, config, ending);
                Wire open = dials.dialAtOnce().get(5, TimeUnit.SECONDS);
                CompletableFuture<Wire> begun = dials.dialAtOnce();
                LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(300_000));
                dials.close(new CloseReason(CloseReason.Kind.DISCARDED, null)).join();
                ending.close();
                assertFalse(open.isOpen());
                assertTrue(begun.isDone());
            }
            eventually("no connection", () -> Traces.connections(server) == 0);
        }
    }

    @Test
    void anAttemptToConnectWhoseTimeIsOverSinceThisProcessStoodStillIsRepeated() throws Exception {
        AtomicInteger channels = new AtomicInteger();
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines("+PONG"))) {
            Address address = new Address("127.0.0.1", peer.port());
            ClusterConfig config =
                    ClusterConfig.of(List.of(address.toString())).withConnectTimeout(Duration.ofMillis(200));
            Wire wire = Dial.begin(address, config, wiring, channel -> {
                        if (channels.incrementAndGet() == 1) {
                            // The thread that keeps the time limits stands still, and everything else for it.
                            long until = System.nanoTime() + 1_000_000_000L;
                            while (until - System.nanoTime() > 0) {
                                LockSupport.parkNanos(until - System.nanoTime());
                            }
                        }
                    })
                    .get(5, TimeUnit.SECONDS);
            assertTrue(wire.isOpen());
            wire.reset(new IllegalStateException("the test is over"));
        }
    }

    @Test
    void aProbeDoesNotWaitForTheTurnOfCalls() throws Exception {
        failUntilThePauseIsLong();
        long before = node.pool().health(0).failedDials();

        assertThrows(ExecutionException.class, () -> sent(node.pool().control()).get(1, TimeUnit.SECONDS));
        assertEquals(before + 1, node.pool().health(0).failedDials());
    }

    private void failUntilThePauseIsLong() throws InterruptedException {
        for (int i = 0; i < 5; i++) {
            Link control = node.pool().control();
            assertThrows(ExecutionException.class, () -> sent(control).get(5, TimeUnit.SECONDS));
        }
        assertTrue(node.pool().health(0).failedDials() >= 5);
    }

    static AsyncCommand<byte[], byte[], String> sent(Link link) {
        AsyncCommand<byte[], byte[], String> ping = Requests.PING.command();
        link.send(ping);
        return ping;
    }
}
