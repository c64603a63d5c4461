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
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            assertInterrupted(() -> client.counter("n").ttl(MINUTE).build().increment(1));
            assertInterrupted(() -> client.counter("n").build().get());
            assertInterrupted(() -> cache.put("k", "v"));
            assertEquals(0, client.counter("n").build().get());
        }
    }

    @Test
    void aNameThatWouldBeTakenForACanaryIsRefused() {
        try (CacheClient client = CacheClient.builder().build()) {
            for (String name : new String[] {"#canary:x", "a:#canary:x", "#canary:"}) {
                assertThrows(
                        IllegalArgumentException.class,
                        () -> client.counter(name).ttl(MINUTE).build().increment(1),
                        name);
                assertThrows(
                        IllegalArgumentException.class,
                        () -> client.counter(name).build().get(),
                        name);
            }
            assertEquals(1, client.counter("#canary").ttl(MINUTE).build().increment(1));
            assertEquals(1, client.counter("#").ttl(MINUTE).build().increment(1));
        }
    }

    @Test
    void afterClosingItIsTheClientThatIsClosed() {
        CacheClient client = CacheClient.builder().name("shut").build();
        client.close();
        for (Executable call : new Executable[] {
            () -> client.counter("n").ttl(MINUTE).build().increment(1),
            () -> client.counter("n").build().get()
        }) {
            IllegalStateException e = assertThrows(IllegalStateException.class, call);
            assertEquals("the cache client shut is closed", e.getMessage());
        }
    }
}
