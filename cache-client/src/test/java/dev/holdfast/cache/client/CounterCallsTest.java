package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheInterruptedException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Counters keep the rules that hold for caches. */
class CounterCallsTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static void assertInterrupted(Executable call) {
        Thread.currentThread().interrupt();
        try {
            CacheInterruptedException e = assertThrows(CacheInterruptedException.class, call);
            assertFalse(e.outcomeUnknown(), "nothing was sent");
            assertTrue(Thread.currentThread().isInterrupted());
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void anInterruptedCallerIsToldSoByWhateverItCalls() {
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<String, String> cache = client.cache("c", String.class, String.class);
            assertInterrupted(() -> client.increment("n", 1, MINUTE));
            assertInterrupted(() -> client.counter("n"));
            assertInterrupted(() -> cache.put("k", "v"));
            assertEquals(0, client.counter("n"));
        }
    }

    @Test
    void aNameThatWouldBeTakenForACanaryIsRefused() {
        try (CacheClient client = CacheClient.builder().build()) {
            for (String name : new String[] {"#canary:x", "a:#canary:x", "#canary:"}) {
                assertThrows(IllegalArgumentException.class, () -> client.increment(name, 1, MINUTE), name);
                assertThrows(IllegalArgumentException.class, () -> client.counter(name), name);
            }
            assertEquals(1, client.increment("#canary", 1, MINUTE));
            assertEquals(1, client.increment("#", 1, MINUTE));
        }
    }

    @Test
    void afterClosingItIsTheClientThatIsClosed() {
        CacheClient client = CacheClient.builder().name("shut").build();
        client.close();
        for (Executable call : new Executable[] {() -> client.increment("n", 1, MINUTE), () -> client.counter("n")}) {
            IllegalStateException e = assertThrows(IllegalStateException.class, call);
            assertEquals("the cache client shut is closed", e.getMessage());
        }
    }
}
