package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.testkit.RedisServer;
import io.lettuce.core.protocol.AsyncCommand;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Event loops that end, as after an Error in a selector, while the store goes on. */
class LoopsTest {
    private static void end(EventLoop loop) throws InterruptedException {
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
    }

    @Test
    void anotherTakesThePlaceOfALoopThatHasEndedUntilTheStoreCloses() throws InterruptedException {
        Loops loops = new Loops();
        EventLoop first = loops.next();
        end(first);
        for (int i = 0; i < 4; i++) {
            EventLoop next = loops.next();
            assertNotSame(first, next);
            assertFalse(next.isShuttingDown());
        }
        loops.close();
        assertThrows(RejectedExecutionException.class, loops::next);
    }

    @Test
    void whatWasInFlightOnALoopThatEndsFailsAndWhatIsAskedAfterwardsIsAnswered() throws Exception {
        Wiring wiring = new Wiring(new Login(RemoteAccess.defaults()), null);
        try (RedisServer server = RedisServer.start()) {
            Address address = new Address("127.0.0.1", server.port());
            ClusterConfig config = ClusterConfig.of(List.of(address.toString()));
            Node node = new Node(address, config, wiring, new Canaries(config));
            Link link = node.pool().alone();
            assertEquals("PONG", PoolTest.sent(link).get(5, TimeUnit.SECONDS));
            server.freeze();
            AsyncCommand<?, ?, ?> waiting = PoolTest.sent(link);
            for (int i = 0; i < 2; i++) {
                end(wiring.loop());
            }
            assertThrows(ExecutionException.class, () -> waiting.get(5, TimeUnit.SECONDS));
            assertFalse(link.isOpen());
            server.thaw();
            assertEquals("PONG", PoolTest.sent(node.pool().alone()).get(5, TimeUnit.SECONDS));
            assertEquals("PONG", PoolTest.sent(node.pool().control()).get(5, TimeUnit.SECONDS));
            node.close(new CloseReason(CloseReason.Kind.DISCARDED, null)).join();
        } finally {
            wiring.close();
        }
    }

    /** What waits for the end of a loop is let go of with what it belongs to, however that ended. */
    @Test
    void connectionsThatNeverOpenedLeaveNothingOnTheirLoop() throws Exception {
        Wiring wiring = new Wiring(new Login(RemoteAccess.defaults()), null);
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Address nobody = new Address("127.0.0.1", port);
        ClusterConfig config = ClusterConfig.of(List.of(nobody.toString()));
        List<WeakReference<Channel>> channels = new CopyOnWriteArrayList<>();
        try {
            for (int i = 0; i < 50; i++) {
                CompletableFuture<Wire> dial =
                        Dial.begin(nobody, config, wiring, channel -> channels.add(new WeakReference<>(channel)));
                assertThrows(ExecutionException.class, () -> dial.get(5, TimeUnit.SECONDS));
            }
            Shards.eventually("no channel is held", () -> {
                System.gc();
                return channels.stream()
                                .filter(channel -> channel.get() != null)
                                .count()
                        <= 2;
            });
        } finally {
            wiring.close();
        }
    }
}
