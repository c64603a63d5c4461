package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol.Command;

class WaitsTest {
    private static final Duration COMMAND_TIMEOUT = Duration.ofMillis(200);

    /** Who was about to send it with its own, and failed before it was known to the connection: a stack overflow may be anywhere. */
    @Test
    void aCallThatItsConnectionDoesNotKnowOfEndsWithItsTime() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.lines("+OK"))) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port()).withCommandTimeout(COMMAND_TIMEOUT);
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            RoundTrip roundTrip = new RoundTrip();
            Silence silence = new Silence(config, connector, new Reserve(config, connector, errors));
            Pipelines pipelines = new Pipelines(
                    config, connector, errors, roundTrip, silence, new Proofs(connector, roundTrip, () -> {}));
            Dials dials = new Dials(config, connector, errors, roundTrip, pipelines, failure -> {}, () -> 0);
            Waits waits = new Waits(config, pipelines, dials, errors, connector::execute, () -> 0, () -> {});
            try {
                Link link = connector.dial();
                link.opened().get();
                Pipeline pipeline = new Pipeline(link, connector, errors, roundTrip, (broken, byOthers) -> {});
                long start = System.nanoTime();
                Call call = Call.of(
                        List.of(Request.once(Command.SET).with("k").with("v")),
                        false,
                        start + TimeUnit.SECONDS.toNanos(10));
                assertTrue(call.takeFor(pipeline, start, COMMAND_TIMEOUT.toNanos()));

                CacheUnavailableException overdue = assertTimeoutPreemptively(
                        COMMAND_TIMEOUT.multipliedBy(10),
                        () -> assertThrows(CacheUnavailableException.class, () -> {
                            while (!call.isAnswered()) {
                                waits.rest(call, start, Waits.FIRST_NAP_NANOS);
                            }
                        }));
                assertTrue(overdue.outcomeUnknown(), "it may have been sent");
                assertTrue(pipeline.isBroken());
            } finally {
                silence.stop();
                waits.stop();
                connector.close();
            }
        }
    }

    @Test
    void aThreadWhoseWorkFailsLeavesItsPlaceAndSaysSo() throws Exception {
        SingleConfig config = SingleConfig.of("127.0.0.1", 1);
        Connector connector = new Connector(config, new JedisErrors(config));
        CountDownLatch left = new CountDownLatch(2);
        AtomicInteger begun = new AtomicInteger();
        try {
            SenderThreads threads = new SenderThreads(
                    connector,
                    () -> {
                        begun.incrementAndGet();
                        throw new ExpectedError();
                    },
                    left::countDown);
            threads.start(1);
            for (int i = 0; i < 1_000 && begun.get() < 2; i++) {
                Thread.sleep(5);
                threads.start(1);
            }
            assertTrue(left.await(5, TimeUnit.SECONDS), "what came meanwhile waits for another thread");
            assertEquals(2, Math.min(2, begun.get()));
        } finally {
            connector.close();
        }
    }

    /** Ends a thread of ours, as want of memory does. */
    private static final class ExpectedError extends Error {
        private static final long serialVersionUID = 1L;

        ExpectedError() {
            super("made by a test", null, false, false);
        }
    }
}
