package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol.Command;

class LaneTest {
    private static final long SECOND = 1_000_000_000L;

    /** What is told of a break may need memory that there is none of, or a class that is gone. */
    @Test
    void anErrorWhileOthersAreToldOfABreakEndsTheCallsUnderWayAllTheSame() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines(
                command.get(0).equals("GET") ? "no reply" : command.get(0).equals("PING") ? "+PONG" : "+OK"))) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Dialer dialer = new Dialer(config, errors);
            try {
                Link link = dialer.dial();
                link.opened().get();
                Lane lane = new Lane(link, dialer, errors, new RoundTrip(), (broken, byOthers) -> {
                    throw new NoClassDefFoundError("as when a class loader is closed");
                });
                Call call =
                        Call.of(List.of(Request.reading(Command.GET).with("k")), false, System.nanoTime() + 3 * SECOND);
                assertTrue(lane.tryAcquire(true));
                lane.send(call, System.nanoTime(), System.nanoTime() + SECOND);
                assertThrows(NoClassDefFoundError.class, () -> lane.read(call, System.nanoTime() + 3 * SECOND));

                assertTrue(call.isAnswered());
                assertTrue(lane.isBroken());
                assertEquals(0, lane.inFlight());
                assertThrows(NoClassDefFoundError.class, () -> lane.fail(new IOException("again")));
                assertThrows(
                        NoClassDefFoundError.class,
                        () -> lane.read(null, System.nanoTime() + SECOND),
                        "it can be read");
            } finally {
                dialer.close();
            }
        }
    }

    /** What is to be sent may need memory that there is none of, half-way through. */
    @Test
    void anErrorWhileACallIsWrittenEndsItWithAllThatIsUnderWayAndTheConnection() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> {
            if (!command.get(0).equals("GET")) {
                caller.lines("+OK");
            }
        })) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Dialer dialer = new Dialer(config, errors);
            try {
                Link link = dialer.dial();
                link.opened().get();
                AtomicInteger told = new AtomicInteger();
                Lane lane =
                        new Lane(link, dialer, errors, new RoundTrip(), (broken, byOthers) -> told.incrementAndGet());
                long until = System.nanoTime() + 3 * SECOND;
                Call sent = Call.of(List.of(Request.reading(Command.GET).with("sent")), false, until);
                assertTrue(lane.tryAcquire(true));
                lane.send(sent, System.nanoTime(), System.nanoTime() + SECOND);
                Call before = Call.of(List.of(Request.reading(Command.GET).with("before")), false, until);
                Call bad = Call.of(List.of(Request.reading(Command.GET).with(LaneTest::noMemory)), false, until);
                Call after = Call.of(List.of(Request.reading(Command.GET).with("after")), false, until);
                after.older = bad;
                bad.older = before;
                assertTrue(lane.tryAcquire(false));

                lane.send(after, System.nanoTime(), System.nanoTime() + SECOND);

                for (Call call : List.of(sent, before, bad, after)) {
                    assertTrue(call.isAnswered());
                    CacheUnavailableException failure = assertThrows(CacheUnavailableException.class, call::takeReply);
                    assertTrue(failure.outcomeUnknown(), "a part of it may have been sent");
                }
                assertEquals(0, lane.inFlight());
                assertTrue(lane.isBroken());
                assertFalse(lane.tryAcquire(false));
                assertEquals(1, told.get());
            } finally {
                dialer.close();
            }
        }
    }

    private static byte[] noMemory() {
        throw new OutOfMemoryError("made by a test");
    }
}
