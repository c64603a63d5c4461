package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class DialsTest {
    /** As what is foreign may do, or want of memory on the way to the words for a failure. */
    private static final class WordlessException extends IOException {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new NoClassDefFoundError("as when a class loader is closed");
        }
    }

    @Test
    void anAttemptWhoseEndCannotBePutIntoWordsIsUnderWayNoMore() {
        try (RespPeer silent = RespPeer.start((command, caller) -> {})) {
            SingleConfig config = SingleConfig.of("127.0.0.1", silent.port());
            JedisErrors errors = new JedisErrors(config);
            Connector connector = new Connector(config, errors);
            AtomicInteger told = new AtomicInteger();
            try {
                Silence silence = new Silence(config, connector, new Reserve(config, connector, errors));
                RoundTrip roundTrip = new RoundTrip();
                Pipelines pipelines = new Pipelines(
                        config, connector, errors, roundTrip, silence, new Proofs(connector, roundTrip, () -> {}));
                Dials dials = new Dials(
                        config, connector, errors, roundTrip, pipelines, failure -> told.incrementAndGet(), () -> 0);
                dials.dialFor(1);
                int before = told.get();
                assertTrue(dials.isConnecting());
                long later =
                        System.nanoTime() + connector.backoff().remaining(0).toNanos();
                connector.backoff().failed(System.nanoTime() - 1_000_000_000L);
                assertTrue(connector.backoff().tryBegin(later));

                Link link = connector.dial();
                assertThrows(NoClassDefFoundError.class, () -> dials.dialled(link, new WordlessException(), true));

                assertEquals(before + 1, told.get(), "those who wait look for another");
                assertFalse(dials.isConnecting(), "callers would wait for it");
                assertTrue(connector.backoff().tryBegin(System.nanoTime()), "nobody would ever connect again");
            } finally {
                connector.close();
            }
        }
    }
}
