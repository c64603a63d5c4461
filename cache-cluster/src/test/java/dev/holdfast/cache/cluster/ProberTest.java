package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.testkit.RespPeer;
import io.netty.channel.EventLoop;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A probe ends, whatever becomes of those who were to end it. */
class ProberTest {
    /** Longer than the event loop is waited for. */
    private static final long LONG = TimeUnit.SECONDS.toNanos(4);

    @Test
    void aProbeWhoseEndTheEventLoopDoesNotComeToEndsAllTheSame() throws Exception {
        Wiring wiring = new Wiring(new Login(RemoteAccess.defaults()), null);
        CountDownLatch goOn = new CountDownLatch(1);
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines("+PONG"))) {
            Address address = new Address("127.0.0.1", peer.port());
            ClusterConfig config = ClusterConfig.of(List.of(address.toString()));
            Node node = new Node(address, config, wiring, new Canaries(config));
            Wire control = node.pool().control().opened().get();
            EventLoop loop = control.channel().eventLoop();
            CountDownLatch blocked = new CountDownLatch(1);
            loop.execute(() -> {
                blocked.countDown();
                awaitQuietly(goOn);
            });
            blocked.await();

            Probe probe = node.prober().probe();
            long now = System.nanoTime();
            node.prober().timeOut(probe, now, 7);
            node.prober().timeOut(probe, now + LONG, 7 + LONG);
            assertFalse(probe.finding().isDone(), "the event loop stood still with this process, and has read nothing");
            node.prober().timeOut(probe, now + 2 * LONG, 7 + LONG);

            assertTrue(probe.finding().isDone(), "it waits for the event loop for ever");
            assertFalse(probe.finding().join().alive());
            assertNull(node.prober().running(), "the next may begin");
            CompletableFuture<Void> unused = node.close(new CloseReason(CloseReason.Kind.DISCARDED, null));
        } finally {
            goOn.countDown();
            wiring.close();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
