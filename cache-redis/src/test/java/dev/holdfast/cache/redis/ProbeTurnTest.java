package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.ProbeResult;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ProbeTurnTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final ProbeTurn turn = new ProbeTurn("a server");

    @Test
    void failuresInARowAreCountedUntilOneIsAnswered() {
        fail(new CacheTimeoutException("no answer", null, false));
        fail(new OutOfMemoryError("a test"));
        assertEquals(2, turn.failures());

        assertEquals(ProbeResult.OK, turn.probe(TIMEOUT, until -> ProbeResult.OK));
        assertEquals(0, turn.failures());
    }

    @Test
    void anInterruptOfWhoeverProbesSaysNothingOfTheServer() {
        fail(new CacheTimeoutException("no answer", null, false));
        fail(new CacheInterruptedException("interrupted", null, false));

        assertEquals(1, turn.failures());
    }

    @Test
    void aProbeThatIsStruckByAnErrorLeavesTheTurnToTheNext() {
        fail(new OutOfMemoryError("a test"));

        assertEquals(ProbeResult.OK, turn.probe(TIMEOUT, until -> ProbeResult.OK));
    }

    private void fail(Throwable failure) {
        assertThrows(
                failure.getClass(),
                () -> turn.probe(TIMEOUT, until -> {
                    if (failure instanceof Error error) {
                        throw error;
                    }
                    throw (RuntimeException) failure;
                }));
    }
}
