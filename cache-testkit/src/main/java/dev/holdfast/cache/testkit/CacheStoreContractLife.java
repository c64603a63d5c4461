package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Probes, bounds, health, closing; one thread. */
abstract class CacheStoreContractLife extends CacheStoreContractSeveral {
    static final Duration PROBE_TIMEOUT = Duration.ofSeconds(10);

    /**
     * Probes until one follows all changes. One that joins a probe under way, as of a store that looks after its nodes itself, need not;
     * but none may find that writes were lost.
     */
    static void assertProbedWell(CacheStore probed, String when) {
        long deadline = System.nanoTime() + PROBE_TIMEOUT.toNanos();
        ProbeResult result;
        do {
            result = probed.probe(PROBE_TIMEOUT);
            assertTrue(result.writable() && !result.wentBack(), result + " " + when);
        } while (!result.followsAll() && System.nanoTime() - deadline < 0);
        assertTrue(result.followsAll(), "no probe followed all changes " + when);
    }

    @Test
    void aProbeOfAHealthyStoreFindsItWritable() {
        for (int i = 0; i < 5; i++) {
            assertProbedWell(store, "at a time without faults");
        }
    }

    @Test
    void twoStoresCanBeProbedInTurn() throws Exception {
        CacheStore second = open(prefix());

        for (int i = 0; i < 3; i++) {
            assertProbedWell(store, "at a time without faults");
            assertProbedWell(second, "at a time without faults");
        }
    }

    @Test
    void aRemovalByPrefixSparesWhatProbesWrote() throws Exception {
        CacheStore second = open(prefix());
        assertProbedWell(store, "at a time without faults");
        assertProbedWell(second, "at a time without faults");

        for (String removed : prefix().isEmpty() ? List.of("#", "#canary:") : List.of("", "#", "#canary:")) {
            store.put("k", VALUE, LONG);
            store.removeByPrefix(removed);
            assertProbedWell(store, "after the removal of \"" + removed + '"');
            assertProbedWell(second, "after the removal of \"" + removed + '"');
        }
    }

    /** Keys of a store with a longer prefix begin like this one's. */
    @Test
    void aRemovalByPrefixSparesWhatProbesOfALongerPrefixWrote() throws Exception {
        CacheStore longer = open(prefix().isEmpty() ? "users" : prefix() + ":users");
        longer.put("k", VALUE, LONG);
        assertProbedWell(longer, "at a time without faults");

        store.removeByPrefix("users:");

        // On the connection that acknowledged it a canary that is gone would be taken for evicted.
        longer.disconnect(new Exception("a test"));
        longer.put("k", VALUE, LONG);
        assertProbedWell(longer, "at a time without faults");
    }

    @Test
    void aStoreIsUsableAfterADisconnect() {
        store.put("k", VALUE, LONG);
        assertProbedWell(store, "at a time without faults");

        store.disconnect(new Exception("a test"));

        assertProbedWell(store, "at a time without faults");
        store.put("k2", OTHER, LONG);
        assertHolds("k2", OTHER);
    }

    @Test
    void disconnectTwiceInARowIsHarmless() {
        store.disconnect(new Exception("a test"));
        store.disconnect(new Exception("a test"));

        store.put("k", VALUE, LONG);
        assertHolds("k", VALUE);
    }

    @Test
    void theCallBoundIsZeroOrMoreAndFinite() {
        Duration bound = store.callBound();

        assertFalse(bound.isNegative());
        assertEquals(waits(), !bound.isZero(), () -> bound + ", and what is declared");
        assertTrue(bound.compareTo(Duration.ofHours(1)) < 0, () -> bound + " is no bound");
    }

    @Test
    void aViewWithLessTimeSharesTheEntries() {
        Duration limit = Duration.ofSeconds(5);
        CacheStore view = store.within(limit);
        view.put("k", VALUE, LONG);

        assertHolds("k", VALUE);
        assertEquals("value", text(view.get("k")));
        if (hasViews()) {
            assertTrue(view.callBound().compareTo(limit) <= 0, () -> view.callBound() + " is not within the limit");
        } else {
            assertEquals(store.callBound(), view.callBound());
        }
    }

    @Test
    void aViewOfMoreTimeThanACallTakesIsTheStore() {
        CacheStore view = store.within(store.callBound().plusMillis(1));

        assertEquals(store.callBound(), view.callBound());
        view.put("k", VALUE, LONG);
        assertHolds("k", VALUE);
    }

    @Test
    void closingAViewDoesNothing() {
        CacheStore view = store.within(Duration.ofMillis(900));
        assertEquals(hasViews(), view != store, "a view that is not the store, and what is declared");
        if (hasViews()) {
            view.close();
        }

        store.put("k", VALUE, LONG);
        assertHolds("k", VALUE);
    }

    @Test
    void aViewKeepsTheContract() {
        CacheStore view = store.within(Duration.ofSeconds(5));
        assertAll(calls().entrySet().stream().map(call -> (Executable) () -> {
            store.put("key", VALUE, LONG);
            call.getValue().accept(view);
        }));
    }

    @Test
    void healthSaysWhatTheStoreIs() {
        store.put("k", VALUE, LONG);

        StoreHealth health = store.health();

        assertFalse(health.type().isBlank());
        assertTrue(health.available());
        assertEquals(readsItsOwnWrites(), health.readYourWrites());
        assertFalse(health.startedAt().isAfter(Instant.now()));
        assertNotNull(health.toString());
    }

    @Test
    void healthCountsOperations() {
        long before = store.health().operations().total();

        for (int i = 0; i < 10; i++) {
            store.put("k", VALUE, LONG);
            store.get("k");
            store.remove("k");
        }

        StoreHealth health = store.health();
        assertTrue(health.operations().total() >= before + 30, () -> health + " after 30 more than " + before);
        assertEquals(0, health.operations().failed());
    }

    @Test
    void aRefusalIsNoFailure() {
        store.put("k", VALUE, LONG);
        assertThrows(CacheRejectedException.class, () -> store.increment("k", 1, LONG));

        assertEquals(0, store.health().operations().failed());
    }

    @Test
    void afterCloseEveryCallIsRefused() {
        store.put("key", VALUE, LONG);
        store.close();

        assertAll(calls().entrySet().stream().map(call -> (Executable) () ->
                assertThrows(IllegalStateException.class, () -> call.getValue().accept(store), call.getKey())));
    }

    @Test
    void afterCloseOfTheStoreItsViewRefuses() {
        CacheStore view = store.within(Duration.ofSeconds(5));
        store.close();

        assertThrows(IllegalStateException.class, () -> view.get("k"));
        assertThrows(IllegalStateException.class, () -> view.put("k", VALUE, LONG));
    }

    @Test
    void closeTwiceIsHarmless() {
        store.put("k", VALUE, LONG);
        store.close();
        store.close();
    }

    @Test
    void aStoreThatWasNeverUsedCanBeClosed() {
        store.close();
    }

    @Test
    void disconnectAfterCloseDoesNothing() {
        store.close();
        store.disconnect(new Exception("a test"));

        assertThrows(IllegalStateException.class, () -> store.get("k"));
    }

    @Test
    void healthAndTheRestCanBeAskedAfterClose() {
        store.close();

        assertNotNull(store.health());
        assertNotNull(store.callBound());
        assertNotNull(store.toString());
    }

    @Test
    void toStringNamesTheStoreAndNoSecret() {
        store.put("k", VALUE, LONG);
        String text = store.toString();

        assertFalse(text.isBlank());
        assertNotEquals(store.getClass().getName() + '@' + Integer.toHexString(System.identityHashCode(store)), text);
        for (String secret : secrets()) {
            assertFalse(text.contains(secret), "toString() gives a secret away");
        }
    }

    @Test
    void messagesOfExceptionsHoldNoValueAndNoSecret() {
        String value = "a-value-nobody-should-read";
        store.put("k", bytes(value), LONG);

        CacheException e = assertThrows(CacheRejectedException.class, () -> store.increment("k", 1, LONG));

        String message = String.valueOf(e.getMessage());
        assertFalse(message.contains(value), message);
        for (String secret : secrets()) {
            assertFalse(message.contains(secret), "the message gives a secret away");
        }
        assertTrue(List.of("", "null").stream().noneMatch(message::equals), "there is no message");
    }
}
