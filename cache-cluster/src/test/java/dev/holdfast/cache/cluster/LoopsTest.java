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
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.List;
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
            server.pauseClients(Duration.ofSeconds(20));
            AsyncCommand<?, ?, ?> waiting = PoolTest.sent(link);
            for (int i = 0; i < 2; i++) {
                end(wiring.loop());
            }
            assertThrows(ExecutionException.class, () -> waiting.get(5, TimeUnit.SECONDS));
            assertFalse(link.isOpen());
            server.command("CLIENT", "UNPAUSE");
            assertEquals("PONG", PoolTest.sent(node.pool().alone()).get(5, TimeUnit.SECONDS));
            assertEquals("PONG", PoolTest.sent(node.pool().control()).get(5, TimeUnit.SECONDS));
            node.close(new Doom(Doom.Kind.DISCARDED, null)).join();
        } finally {
            wiring.close();
        }
    }
}
