package dev.holdfast.cache.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KeyFailuresTest {
    private final CacheRejectedException refused = new CacheRejectedException("too large");

    private final KeyFailures failures = new KeyFailures();

    @Test
    void areNoneWhereNothingFailed() {
        failures.throwIfAny(Map.of());
    }

    @Test
    void thatAnOutcomeIsUnknownIsNotHiddenByARefusal() {
        failures.add("large", refused);
        failures.addAll(List.of("a", "b"), unavailable(Reason.CONNECTION, true));
        failures.add("c", null);
        CacheUnavailableException thrown = thrown(Map.of());
        assertTrue(thrown.outcomeUnknown());
        assertEquals(Set.of("large", "a", "b", "c"), thrown.failedKeys());
    }

    @Test
    void theOutcomeIsUnknownIfItIsForAnyKey() {
        failures.add("a", unavailable(Reason.CONNECTION, true));
        failures.add("b", unavailable(Reason.CONNECTION, false));
        assertTrue(thrown(Map.of()).outcomeUnknown());
    }

    @Test
    void whatCountsAgainstTheStoreOutweighsWhatDoesNot() {
        failures.add("a", unavailable(Reason.SATURATED, false));
        failures.add("b", unavailable(Reason.CONNECTION, false));
        failures.add("c", unavailable(Reason.SATURATED, false));
        assertEquals(Reason.CONNECTION, thrown(Map.of()).reason());
    }

    @Test
    void aTimeoutStaysOneAndWhatWasFoundIsTold() {
        CacheTimeoutException timeout = new CacheTimeoutException("late", null, false);
        failures.addAll(List.of("a"), timeout);
        CacheUnavailableException thrown = thrown(Map.of("b", new byte[] {1}));
        assertTrue(thrown instanceof CacheTimeoutException);
        assertSame(timeout, thrown.getCause());
        assertEquals(Set.of("b"), thrown.partialResult().keySet());
        assertFalse(thrown.outcomeUnknown());
    }

    @Test
    void aFailureThatNamesItsKeysIsTheirsOnly() {
        failures.addAll(
                List.of("a", "b"),
                new CacheUnavailableException("x", null, Reason.CONNECTION, false, List.of("b"), Map.of()));
        assertEquals(Set.of("b"), thrown(Map.of()).failedKeys());
    }

    @Test
    void ofRefusalsTheFirstIsThrown() {
        failures.add("a", refused);
        failures.add("b", new CacheRejectedException("another"));
        assertSame(refused, assertThrows(CacheRejectedException.class, () -> failures.throwIfAny(Map.of())));
    }

    private static CacheUnavailableException unavailable(Reason reason, boolean outcomeUnknown) {
        return new CacheUnavailableException("gone", null, reason, outcomeUnknown);
    }

    private CacheUnavailableException thrown(Map<String, byte[]> found) {
        return assertThrows(CacheUnavailableException.class, () -> failures.throwIfAny(found));
    }
}
