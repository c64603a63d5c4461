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
            Connector connector = new Connector(config, errors);
            Silence silence = new Silence(config, connector, new Reserve(config, connector, errors));
            AtomicInteger told = new AtomicInteger();
            List<Pipeline> pipelines = new ArrayList<>();
            List<Call> calls = new ArrayList<>();
            try {
                for (int i = 0; i < 4; i++) {
                    Pipeline pipeline = new Pipeline(
                            connector.dial().opened().get(), connector, errors, new RoundTrip(), (broken, byOthers) -> {
                                told.incrementAndGet();
                                throw new NoClassDefFoundError("as when a class loader is closed");
                            });
                    silence.add(pipeline);
                    pipelines.add(pipeline);
                    Call call = Call.of(
                            List.of(Request.reading(Command.GET).with("k")), false, System.nanoTime() + 60 * SECOND);
                    calls.add(call);
                    assertTrue(pipeline.tryAcquire(true));
                    pipeline.send(call, System.nanoTime(), System.nanoTime() + SECOND);
                    silence.expect(pipeline);
                }
                Eventually.until("the end of all calls", () -> calls.stream().allMatch(Call::isAnswered));

                assertTrue(pipelines.stream().allMatch(Pipeline::isBroken));
                assertEquals(4, told.get());
            } finally {
                silence.stop();
                connector.close();
            }
        }
    }
}
