package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol.Command;

class PipelineTest {
    private static final long SECOND = 1_000_000_000L;

    /** What is told of a break may need memory that there is none of, or a class that is gone. */
    @Test
    void anErrorWhileOthersAreToldOfABreakEndsTheCallsUnderWayAllTheSame() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines(
                command.get(0).equals("GET") ? "no reply" : command.get(0).equals("PING") ? "+PONG" : "+OK"))) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            try {
                Link link = connector.dial();
                link.opened().get();
                Pipeline pipeline = new Pipeline(link, connector, errors, new RoundTrip(), (broken, byOthers) -> {
                    throw new NoClassDefFoundError("as when a class loader is closed");
                });
                Call call =
                        Call.of(List.of(Request.reading(Command.GET).with("k")), false, System.nanoTime() + 3 * SECOND);
                assertTrue(pipeline.tryAcquire(true));
                pipeline.send(call, System.nanoTime(), System.nanoTime() + SECOND);
                assertThrows(NoClassDefFoundError.class, () -> pipeline.read(call, System.nanoTime() + 3 * SECOND));

                assertTrue(call.isAnswered());
                assertTrue(pipeline.isBroken());
                assertEquals(0, pipeline.inFlight());
                assertThrows(NoClassDefFoundError.class, () -> pipeline.fail(new IOException("again")));
                assertThrows(
                        NoClassDefFoundError.class,
                        () -> pipeline.read(null, System.nanoTime() + SECOND),
                        "it can be read");
            } finally {
                connector.close();
            }
        }
    }

    /** Or threads of ours would come and go for it as long as a proof takes. */
    @Test
    void aConnectionThatSomebodyWritesToOrProvesIsNotFree() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines("+OK"))) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            try {
                Link link = connector.dial().opened().get();
                Pipeline pipeline = new Pipeline(link, connector, errors, new RoundTrip(), (broken, byOthers) -> {});
                assertTrue(pipeline.isFree());
                assertTrue(pipeline.tryAcquire(true));
                assertFalse(pipeline.isFree());
                pipeline.release();
                assertTrue(pipeline.isFree());
                pipeline.fail(new IOException("given up"));
                assertFalse(pipeline.isFree());
            } finally {
                connector.close();
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
            Connector connector = new Connector(config, errors);
            try {
                Link link = connector.dial();
                link.opened().get();
                AtomicInteger told = new AtomicInteger();
                Pipeline pipeline = new Pipeline(
                        link, connector, errors, new RoundTrip(), (broken, byOthers) -> told.incrementAndGet());
                long until = System.nanoTime() + 3 * SECOND;
                Call sent = Call.of(List.of(Request.reading(Command.GET).with("sent")), false, until);
                assertTrue(pipeline.tryAcquire(true));
                pipeline.send(sent, System.nanoTime(), System.nanoTime() + SECOND);
                Call before = Call.of(List.of(Request.reading(Command.GET).with("before")), false, until);
                Call bad = Call.of(List.of(Request.reading(Command.GET).with(PipelineTest::noMemory)), false, until);
                Call after = Call.of(List.of(Request.reading(Command.GET).with("after")), false, until);
                after.older = bad;
                bad.older = before;
                assertTrue(pipeline.tryAcquire(false));

                pipeline.send(after, System.nanoTime(), System.nanoTime() + SECOND);

                for (Call call : List.of(sent, before, bad, after)) {
                    assertTrue(call.isAnswered());
                    CacheUnavailableException failure = assertThrows(CacheUnavailableException.class, call::takeReply);
                    assertTrue(failure.outcomeUnknown(), "a part of it may have been sent");
                }
                assertEquals(0, pipeline.inFlight());
                assertTrue(pipeline.isBroken());
                assertFalse(pipeline.tryAcquire(false));
                assertEquals(1, told.get());
            } finally {
                connector.close();
            }
        }
    }

    /** Whoever was about to read when its call was answered finds nothing to read, maybe much later. */
    @Test
    void aReaderWhoFindsNothingTakesNoTimeLimitFromAProof() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> {
            if (!command.get(0).equals("PING")) {
                caller.lines("+OK");
            }
        })) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            try {
                Link link = connector.dial();
                link.opened().get();
                Pipeline pipeline = new Pipeline(link, connector, errors, new RoundTrip(), (broken, byOthers) -> {});
                assertTrue(pipeline.tryAcquire(true));
                CompletableFuture<Boolean> proof =
                        CompletableFuture.supplyAsync(() -> pipeline.prove(System.nanoTime() + SECOND / 2));
                while (link.reading().deadline() == Use.NONE) {
                    Thread.sleep(1);
                }
                pipeline.read(null, System.nanoTime() + SECOND);

                assertFalse(proof.get(5, TimeUnit.SECONDS), "it is silent");
            } finally {
                connector.close();
            }
        }
    }

    private static byte[] noMemory() {
        throw new OutOfMemoryError("made by a test");
    }
}
