package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What is refused before anything is done. */
@SuppressWarnings("NullAway") // passes null on purpose
abstract class CacheStoreContractArguments extends CacheStoreContractEntries {

    private <T> void assertRefuses(Class<? extends Exception> how, List<Call<T>> calls, T argument) {
        assertAll(calls.stream().map(call -> (Executable)
                () -> assertThrows(how, () -> call.on(store, argument), () -> call.name() + " of " + argument)));
    }

    @Test
    void noKeyMayBeNull() {
        assertRefuses(NullPointerException.class, callsWithKey(), null);
    }

    @Test
    void noValueMayBeNull() {
        assertRefuses(NullPointerException.class, callsWithValue(), null);
    }

    @Test
    void noTimeToLiveMayBeNull() {
        assertRefuses(NullPointerException.class, callsWithTtl(), null);
    }

    @Test
    void noOtherArgumentMayBeNull() {
        assertAll(
                () -> assertThrows(NullPointerException.class, () -> store.getAll(null), "getAll"),
                () -> assertThrows(NullPointerException.class, () -> store.putAll(null, LONG), "putAll"),
                () -> assertThrows(NullPointerException.class, () -> store.fillAll(null, LONG), "fillAll"),
                () -> assertThrows(NullPointerException.class, () -> store.fillAll(null, Map.of(), LONG), "fillAll"),
                () -> assertThrows(NullPointerException.class, () -> store.fillAll(Map.of(), null, LONG), "seen"),
                () -> assertThrows(
                        NullPointerException.class,
                        () -> store.removeAllLeaving(null, TOMBSTONE, LONG),
                        "removeAllLeaving"),
                () -> assertThrows(NullPointerException.class, () -> store.removeAll(null), "removeAll"),
                () -> assertThrows(NullPointerException.class, () -> store.probe(null), "probe"),
                () -> assertThrows(NullPointerException.class, () -> store.disconnect(null), "disconnect"),
                () -> assertThrows(NullPointerException.class, () -> store.within(null), "within"));
    }

    @Test
    void aNullAmongSeveralIsRefusedAndNothingIsDone() {
        store.put("present", VALUE, LONG);
        Map<String, byte[]> withNullValue = new HashMap<>(Map.of("a", VALUE, "z", VALUE));
        withNullValue.put("m", null);
        Map<String, byte[]> withNullKey = new HashMap<>(Map.of("a", VALUE, "z", VALUE));
        withNullKey.put(null, VALUE);

        assertThrows(NullPointerException.class, () -> store.putAll(withNullValue, LONG));
        assertThrows(NullPointerException.class, () -> store.putAll(withNullKey, LONG));
        assertThrows(NullPointerException.class, () -> store.getAll(Arrays.asList("present", null)));
        assertThrows(NullPointerException.class, () -> store.removeAll(Arrays.asList("present", null)));

        assertNull(store.get("a"));
        assertNull(store.get("z"));
        assertHolds("present", VALUE);
    }

    @Test
    void anUnpairedSurrogateIsNoKey() {
        for (String key : List.of("\ud83d", "\udd11", "a\ud83d", "\udd11a", "a\ud83db", "\udd11\ud83d")) {
            assertRefuses(IllegalArgumentException.class, callsWithKey(), key);
        }
    }

    @Test
    void aTombstoneIsLongerThanItsNonce() {
        byte[] nonceAlone = new byte[CacheStore.TOMBSTONE_NONCE_BYTES];
        store.put("k", VALUE, LONG);

        assertThrows(IllegalArgumentException.class, () -> store.removeLeaving("k", nonceAlone, LONG));
        assertThrows(IllegalArgumentException.class, () -> store.removeAllLeaving(List.of("k"), nonceAlone, LONG));
        assertHolds("k", VALUE);
    }

    @Test
    void aBadKeyAmongSeveralIsRefusedAndNothingIsDone() {
        store.put("present", VALUE, LONG);

        assertThrows(IllegalArgumentException.class, () -> store.putAll(Map.of("a", VALUE, "\ud83d", VALUE), LONG));
        assertThrows(IllegalArgumentException.class, () -> store.removeAll(List.of("present", "\ud83d")));

        assertNull(store.get("a"));
        assertHolds("present", VALUE);
    }

    @Test
    void aTimeToLiveIsPositive() {
        for (Duration ttl : List.of(Duration.ZERO, Duration.ofNanos(-1), Duration.ofMillis(-1), Duration.ofDays(-1))) {
            assertRefuses(IllegalArgumentException.class, callsWithTtl(), ttl);
        }
    }

    @Test
    void aTimeToLiveIsNotLongerThanTheLongest() {
        for (Duration ttl : List.of(
                CacheStore.MAX_TTL.plusNanos(1),
                CacheStore.MAX_TTL.plusMillis(1),
                CacheStore.FOREVER.minusMillis(1),
                CacheStore.FOREVER.plusNanos(1),
                Duration.ofSeconds(Long.MAX_VALUE))) {
            assertRefuses(IllegalArgumentException.class, callsWithTtl(), ttl);
        }
    }

    @Test
    void aRefusedTimeToLiveChangesNothing() {
        store.put("k", VALUE, LONG);

        assertRefuses(IllegalArgumentException.class, callsWithTtl(), Duration.ZERO);

        assertHolds("k", VALUE);
        Duration left = store.ttl("k");
        assertNotNull(left);
        assertTrue(left.compareTo(Duration.ofMinutes(9)) > 0, () -> left + " are left");
    }

    @Test
    void aProbeHasTime() {
        assertThrows(IllegalArgumentException.class, () -> store.probe(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> store.probe(Duration.ofMillis(-1)));
    }

    @Test
    void aViewHasTime() {
        assertThrows(IllegalArgumentException.class, () -> store.within(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> store.within(Duration.ofMillis(-1)));
    }

    @Test
    void unmodifiableCollectionsAreWelcomeAndNoneIsChanged() {
        List<String> keys = new ArrayList<>(List.of("a", "b", "absent", "a"));
        Map<String, byte[]> entries = new HashMap<>(Map.of("a", VALUE, "b", OTHER));

        store.putAll(Collections.unmodifiableMap(entries), LONG);
        store.getAll(List.copyOf(keys));
        store.getAll(keys);
        store.removeAll(Collections.unmodifiableCollection(keys));

        assertEquals(List.of("a", "b", "absent", "a"), keys);
        assertEquals(List.of("a", "b"), entries.keySet().stream().sorted().toList());
    }
}
