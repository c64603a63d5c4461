package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LanesTest {
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
            Dialer dialer = new Dialer(config, errors);
            AtomicInteger told = new AtomicInteger();
            try {
                Silence silence = new Silence(config, dialer, new Reserve(config, dialer, errors));
                Lanes lanes =
                        new Lanes(config, dialer, errors, new RoundTrip(), silence, failure -> told.incrementAndGet());
                lanes.dialFor(1);
                int before = told.get();
                assertTrue(lanes.isConnecting());
                long later = System.nanoTime() + dialer.backoff().remaining(0).toNanos();
                dialer.backoff().failed(System.nanoTime() - 1_000_000_000L);
                assertTrue(dialer.backoff().tryBegin(later));

                Link link = dialer.dial();
                assertThrows(NoClassDefFoundError.class, () -> lanes.dialled(link, new WordlessException(), true));

                assertEquals(before + 1, told.get(), "those who wait look for another");
                assertFalse(lanes.isConnecting(), "callers would wait for it");
                assertTrue(dialer.backoff().tryBegin(System.nanoTime()), "nobody would ever connect again");
            } finally {
                dialer.close();
            }
        }
    }
}
