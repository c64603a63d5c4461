package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RespPeer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol.Command;

class SilenceTest {
    private static final long SECOND = 1_000_000_000L;

    /** What is told of a connection that is given up may need memory that there is none of, or a class that is gone. */
    @Test
    void anErrorWhereASilentConnectionIsGivenUpKeepsNoOtherFromIt() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> {
            if (!command.get(0).equals("GET")) {
                caller.lines(command.get(0).equals("PING") ? "+PONG" : "+OK");
            }
        })) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Dialer dialer = new Dialer(config, errors);
            Silence silence = new Silence(config, dialer, new Reserve(config, dialer, errors));
            AtomicInteger told = new AtomicInteger();
            List<Lane> lanes = new ArrayList<>();
            List<Call> calls = new ArrayList<>();
            try {
                for (int i = 0; i < 4; i++) {
                    Lane lane = new Lane(
                            dialer.dial().opened().get(), dialer, errors, new RoundTrip(), (broken, byOthers) -> {
                                told.incrementAndGet();
                                throw new NoClassDefFoundError("as when a class loader is closed");
                            });
                    silence.add(lane);
                    lanes.add(lane);
                    Call call = Call.of(
                            List.of(Request.reading(Command.GET).with("k")), false, System.nanoTime() + 60 * SECOND);
                    calls.add(call);
                    assertTrue(lane.tryAcquire(true));
                    lane.send(call, System.nanoTime(), System.nanoTime() + SECOND);
                    silence.expect(lane);
                }
                Eventually.until("the end of all calls", () -> calls.stream().allMatch(Call::isAnswered));

                assertTrue(lanes.stream().allMatch(Lane::isBroken));
                assertEquals(4, told.get());
            } finally {
                silence.stop();
                dialer.close();
            }
        }
    }
}
