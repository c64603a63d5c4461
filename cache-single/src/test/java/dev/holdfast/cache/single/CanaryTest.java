package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

/** A server that lost writes is told from one that does late what it was asked before. */
class CanaryTest {
    private static final Duration TIMEOUT = Duration.ofMillis(400);

    private final AtomicReference<String> canary = new AtomicReference<>("");
    private final AtomicReference<String> late = new AtomicReference<>("");
    private final AtomicBoolean paused = new AtomicBoolean();
    private final AtomicBoolean restarted = new AtomicBoolean();

    private void answer(List<String> command, RespPeer.Caller caller) throws IOException {
        if (restarted.compareAndSet(true, false)) {
            caller.reset();
            throw new IOException("the rest of what was sent is lost");
        }
        switch (command.get(0)) {
            case "SET" -> {
                if (paused.get()) {
                    late.set(command.get(2));
                } else {
                    canary.set(command.get(2));
                    caller.lines("+OK");
                }
            }
            case "GET" -> {
                String value = canary.get();
                if (value.isEmpty()) {
                    caller.lines("$-1");
                } else {
                    caller.lines("$" + value.length(), value);
                }
            }
            default -> caller.lines("+PONG");
        }
    }

    @Test
    void aNumberThatIsWrittenLateIsNoSignOfLostWritesAndAnOlderOneIs() {
        try (RespPeer peer = RespPeer.start(this::answer);
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            assertFalse(store.probe(TIMEOUT).wentBack());
            String first = canary.get();
            paused.set(true);
            assertThrows(CacheUnavailableException.class, () -> store.probe(TIMEOUT));
            paused.set(false);
            assertFalse(store.probe(TIMEOUT).wentBack());

            canary.set(late.get());
            assertFalse(store.probe(TIMEOUT).wentBack(), "what was sent before, done now");
            canary.set(first);
            assertTrue(store.probe(TIMEOUT).wentBack());
            assertFalse(store.probe(TIMEOUT).wentBack());
        }
    }

    @Test
    void anErrorInAProbeIsAFailedProbeAndTheNextIsMadeByWhomeverWaits() throws Exception {
        AtomicBoolean planted = new AtomicBoolean(true);
        try (RespPeer peer = RespPeer.start(this::answer)) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            Reserve reserve = new Reserve(config, connector, errors);
            Combiner connections = new Combiner(config, connector, reserve, errors, new CallObservers());
            IntSupplier generation = () -> {
                if (planted.getAndSet(false)) {
                    throw new NoClassDefFoundError("as when a class loader is closed");
                }
                return connector.generation();
            };
            Canary probes = new Canary(config, reserve, generation, connections, errors);
            try {
                assertThrows(NoClassDefFoundError.class, () -> probes.probe(TIMEOUT, (process, result) -> {}));
                assertEquals(1, probes.failures());
                FutureTask<ProbeResult> next = new FutureTask<>(() -> probes.probe(TIMEOUT, (process, result) -> {}));
                new Thread(next).start();

                assertEquals(ProbeResult.OK, next.get(10, TimeUnit.SECONDS));
                assertEquals(0, probes.failures());
            } finally {
                connections.close();
            }
        }
    }

    /** Who is started again has no connection from before; who evicts has. */
    @Test
    void aCanaryThatIsGoneIsEvictedWhereTheConnectionIsTheSameAndLostWhereItIsNot() {
        try (RespPeer peer = RespPeer.start(this::answer);
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()))) {
            assertFalse(store.probe(TIMEOUT).wentBack());
            canary.set("");
            assertFalse(store.probe(TIMEOUT).wentBack(), "evicted");
            canary.set("");
            restarted.set(true);
            assertTrue(store.probe(TIMEOUT).wentBack(), "started again without its data");
            assertFalse(store.probe(TIMEOUT).wentBack());
        }
    }

    @Test
    void aServerThatEvictsIsNotTakenForOneThatWentBackInTime() {
        try (RedisServer server = RedisServer.builder()
                        .maxMemory(4 << 20)
                        .line("maxmemory-policy allkeys-lru")
                        .start();
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", server.port()))) {
            byte[] value = new byte[50_000];
            int evictions = 0;
            for (int round = 0; round < 5; round++) {
                assertFalse(store.probe(TIMEOUT).wentBack(), "round " + round);
                for (int i = 0; i < 300; i++) {
                    store.put("k" + round + '.' + i, value, Duration.ofHours(1));
                }
                evictions += ((List<?>) server.command("KEYS", "*#canary:*")).isEmpty() ? 1 : 0;
            }
            assertTrue(evictions > 0, "no canary was evicted");
        }
    }
}
