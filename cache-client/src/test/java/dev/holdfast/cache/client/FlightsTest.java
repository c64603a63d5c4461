package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The loads under way, and the changes that win over them: each step by itself. */
class FlightsTest {
    private static final Outcome<String> FOUND = new Outcome.Loaded<>("v");
    private static final Outcome<String> LATE = Outcome.overdue();

    /** A change waits for what is being stored for a tenth of a second: for this bound and a second. */
    private final Flights<String, String> flights = new Flights<>(() -> Duration.ofMillis(-900));

    private Flight<String, String> started(@Nullable Flight<String, String> present) {
        Flight<String, String> flight = flights.next("k", present);
        assertTrue(flights.start(flight, present));
        return flight;
    }

    private Flight<String, String> storing() {
        Flight<String, String> flight = started(null);
        flight.ended(FOUND);
        assertTrue(flights.tryStore(flight));
        return flight;
    }

    @Test
    void aKeyHasOneLoadAtATime() {
        Flight<String, String> flight = started(null);
        assertSame(flight, flights.find("k"));
        assertFalse(flights.start(flights.next("k", null), null));
        assertEquals(1, flights.count());
        Flight<String, String> other = started(flight);
        assertSame(other, flights.find("k"));
        assertFalse(flights.start(flights.next("k", flight), flight), "it is not there any more");
    }

    /** As refreshes of one key over a slow store, each of which begins while the last is being stored. */
    @Test
    void aRowOfLoadsThatOverlapIsAsLongAsTheyDo() {
        Flight<String, String> last = storing();
        for (int i = 0; i < 1_000; i++) {
            Flight<String, String> next = started(last);
            next.ended(FOUND);
            boolean unused = flights.done(last);
            boolean stored = flights.tryStore(next);
            assertTrue(stored);
            last = next;
        }

        int length = 0;
        for (Flight<String, String> each = last; each != null; each = each.previous()) {
            length++;
        }
        assertTrue(length <= 2, length + " are kept");
    }

    @Test
    void aLoadThatEndsTellsThoseWhoHadLookedBefore() {
        int before = flights.stamp("k");
        Flight<String, String> flight = storing();
        assertEquals(before, flights.stamp("k"));
        assertFalse(flights.done(flight));
        assertEquals(before + 1, flights.stamp("k"));
        assertEquals(before, flights.stamp("l"));
        assertNull(flights.find("k"));
        assertEquals(0, flights.count());
    }

    @Test
    void aChangeEndsTheRightOfLoadsUnderWayToBeStored() {
        Flight<String, String> flight = started(null);
        int before = flights.stamp("k");
        assertEquals("removed", flights.changing("k", () -> {
            assertEquals(1, flights.changes());
            assertNull(flights.find("k"), "later callers load anew");
            Flight<String, String> meanwhile = started(null);
            meanwhile.ended(FOUND);
            assertFalse(flights.tryStore(meanwhile), "the change is under way");
            return "removed";
        }));
        assertEquals(before + 1, flights.stamp("k"));
        assertEquals(0, flights.changes());
        flight.ended(FOUND);
        assertFalse(flights.tryStore(flight));
    }

    @Test
    void aChangeOfAnotherKeyChangesNothing() {
        Flight<String, String> flight = started(null);
        flights.changing("other", () -> "removed");
        flights.changing(List.of("other", "third"), () -> {});
        assertSame(flight, flights.find("k"));
        flight.ended(FOUND);
        assertTrue(flights.tryStore(flight));
    }

    @Test
    void twoChangesOfAKeyAreTwo() {
        flights.changing("k", () -> {
            flights.changing("k", () -> "inner");
            assertEquals(1, flights.changes());
            Flight<String, String> meanwhile = started(null);
            meanwhile.ended(FOUND);
            assertFalse(flights.tryStore(meanwhile), "the outer one goes on");
            return "outer";
        });
        assertEquals(0, flights.changes());
    }

    @Test
    void aChangeThatFailsIsOverAllTheSame() {
        assertThrows(
                IllegalStateException.class,
                () -> flights.changing("k", () -> {
                    throw new IllegalStateException("the store failed");
                }));
        assertEquals(0, flights.changes());
        assertThrows(
                IllegalStateException.class,
                () -> flights.changingAll(() -> {
                    throw new IllegalStateException("the store failed");
                }));
        assertEquals(0, flights.changes());
    }

    @Test
    void aChangeOfManyKeysIsAChangeOfEach() {
        Flight<String, String> flight = started(null);
        int before = flights.stamp("k");
        int other = flights.stamp("l");
        AtomicBoolean ran = new AtomicBoolean();
        flights.changing(List.of("k", "l"), () -> {
            assertEquals(2, flights.changes());
            Flight<String, String> meanwhile = started(null);
            meanwhile.ended(FOUND);
            assertFalse(flights.tryStore(meanwhile));
            ran.set(true);
        });
        assertTrue(ran.get());
        assertEquals(0, flights.changes());
        assertEquals(before + 1, flights.stamp("k"));
        assertEquals(other + 1, flights.stamp("l"));
        flight.ended(FOUND);
        assertFalse(flights.tryStore(flight));
    }

    @Test
    void whatBeganWhileItsKeyWasChangedIsNotStoredAfterwards() {
        List<Runnable> changes = List.of(
                () -> flights.changing("k", this::begin),
                () -> flights.changing(List.of("k"), this::begin),
                () -> flights.changingAll(this::begin),
                () -> assertTrue(flights.changingIf("k", () -> begin() != null)));
        for (Runnable change : changes) {
            change.run();
            Flight<String, String> meanwhile = begun;
            meanwhile.ended(FOUND);
            assertFalse(flights.tryStore(meanwhile));
            assertTrue(meanwhile.isInvalidated());
            flights.done(meanwhile);
            assertNull(flights.find("k"));
        }
    }

    private Flight<String, String> begun = new Flight<>("k", null);

    private Flight<String, String> begin() {
        begun = started(null);
        return begun;
    }

    @Test
    void aChangeOfEverythingIsAChangeOfEveryKey() {
        Flight<String, String> flight = started(null);
        int before = flights.stamp("k");
        assertEquals(7, flights.changingAll(() -> {
            assertEquals(1, flights.changes());
            Flight<String, String> meanwhile = started(null);
            meanwhile.ended(FOUND);
            assertFalse(flights.tryStore(meanwhile));
            return 7;
        }));
        assertEquals(before + 1, flights.stamp("k"));
        assertEquals(0, flights.changes());
        flight.ended(FOUND);
        assertFalse(flights.tryStore(flight));
    }

    @Test
    void aChangeThatChangedNothingLeavesLoadsAsTheyWere() {
        Flight<String, String> late = started(null);
        late.expire(LATE);
        Flight<String, String> flight = started(late);
        int before = flights.stamp("k");
        assertFalse(flights.changingIf("k", () -> {
            flight.ended(FOUND);
            assertFalse(flight.tryStore(false), "in doubt");
            late.ended(FOUND);
            assertFalse(late.tryStore(false), "in doubt, too");
            assertEquals(1, flights.changes());
            return false;
        }));
        assertEquals(before, flights.stamp("k"));
        assertEquals(0, flights.changes());
        assertSame(flight, flights.find("k"));
        assertTrue(flights.tryStore(flight));
        assertTrue(late.isInvalidated(), "by that of the newer one");
    }

    @Test
    void aConditionalChangeThatChangedSomethingTellsThoseWhoHadLookedBefore() {
        int before = flights.stamp("k");
        assertTrue(flights.changingIf("k", () -> true));
        assertEquals(before + 1, flights.stamp("k"));
    }

    @Test
    void aConditionalChangeThatFailedMayHaveChangedSomething() {
        Flight<String, String> flight = started(null);
        assertThrows(
                IllegalStateException.class,
                () -> flights.changingIf("k", () -> {
                    throw new IllegalStateException("the store failed");
                }));
        assertTrue(flight.isInvalidated());
        assertNull(flights.find("k"));
        assertEquals(0, flights.changes());
    }

    @Test
    void aChangeWaitsForWhatIsBeingStored() throws Exception {
        Flights<String, String> patient = new Flights<>(() -> Duration.ofSeconds(60));
        for (int kind = 0; kind < 4; kind++) {
            int which = kind;
            Flight<String, String> flight = patient.next("k", null);
            assertTrue(patient.start(flight, null));
            flight.ended(FOUND);
            assertTrue(patient.tryStore(flight));
            AtomicBoolean stored = new AtomicBoolean();
            FutureTask<Boolean> change = new FutureTask<>(() -> change(patient, which, stored));
            Thread thread = new Thread(change);
            thread.start();
            while (thread.getState() != Thread.State.TIMED_WAITING && !change.isDone()) {
                Thread.onSpinWait();
            }
            assertSame(flight, patient.find("k"), "it stays known for that long");
            stored.set(true);
            assertFalse(patient.done(flight));
            assertTrue(change.get(10, TimeUnit.SECONDS), "kind " + which);
            assertNull(patient.find("k"));
        }
    }

    /** Returns whether what was being stored had been stored when the command ran. */
    private static boolean change(Flights<String, String> patient, int kind, AtomicBoolean stored) {
        return switch (kind) {
            case 0 -> patient.changing("k", stored::get);
            case 1 -> patient.changingAll(stored::get);
            case 2 -> patient.changingIf("k", stored::get);
            default -> {
                AtomicBoolean seen = new AtomicBoolean();
                patient.changing(List.of("k"), () -> seen.set(stored.get()));
                yield seen.get();
            }
        };
    }

    @Test
    void aChangeThatCanWaitNoLongerIsNotAcknowledgedAndTheEntryIsRemovedWhenItIsThere() {
        AtomicBoolean ran = new AtomicBoolean();
        List<Runnable> changes = List.of(
                () -> flights.changing("k", () -> ran.getAndSet(true)),
                () -> flights.changing(List.of("k"), () -> ran.set(true)),
                () -> flights.changingAll(() -> ran.getAndSet(true)),
                () -> flights.changingIf("k", () -> !ran.getAndSet(true)));
        for (Runnable change : changes) {
            Flight<String, String> flight = storing();
            ran.set(false);
            CacheTimeoutException e = assertThrows(CacheTimeoutException.class, change::run);
            assertTrue(e.outcomeUnknown());
            assertTrue(ran.get(), "it was sent all the same");
            assertTrue(flights.done(flight));
            assertNull(flights.find("k"));
            assertEquals(0, flights.changes());
        }
    }

    @Test
    void aConditionalChangeThatChangedNothingNeedsNobodysEnd() {
        Flight<String, String> flight = storing();
        assertFalse(flights.changingIf("k", () -> false));
        assertSame(flight, flights.find("k"));
    }

    @Test
    void whoIsInterruptedWhileItWaitsIsToldAndSendsNothing() {
        Flight<String, String> flight = storing();
        AtomicBoolean ran = new AtomicBoolean();
        Thread.currentThread().interrupt();
        assertThrows(CacheInterruptedException.class, () -> flights.changing("k", () -> ran.getAndSet(true)));
        assertTrue(Thread.interrupted(), "the flag stays");
        assertFalse(ran.get());
        assertTrue(flights.done(flight), "its entry goes");
        assertEquals(0, flights.changes());
    }

    @Test
    void aCacheThatClosesLetsNothingMoreBeStored() {
        Flight<String, String> flight = started(null);
        flights.close();
        assertTrue(flight.isInvalidated());
        assertEquals(1, flights.changes(), "for ever");
        Flight<String, String> later = started(null);
        later.ended(FOUND);
        assertFalse(flights.tryStore(later));
    }

    @Test
    void whoeverClosesACacheInterruptedHasWhatIsBeingStoredRemoved() {
        Flight<String, String> flight = storing();
        Thread.currentThread().interrupt();
        flights.close();
        assertTrue(Thread.interrupted());
        assertTrue(flights.done(flight));
    }

    @Test
    void aLateLoadLosesItsRightWhenANewerOneIsStored() {
        Flight<String, String> late = started(null);
        late.expire(LATE);
        Flight<String, String> newer = started(late);
        assertSame(late, newer.previous());
        newer.ended(FOUND);
        assertTrue(flights.tryStore(newer));
        late.ended(FOUND);
        assertFalse(flights.tryStore(late));
        assertFalse(flights.done(newer));
        assertNull(flights.find("k"));
    }

    @Test
    void aLateLoadIsBackInItsPlaceWhenTheNewerOneFailed() {
        Flight<String, String> late = started(null);
        late.expire(LATE);
        Flight<String, String> newer = started(late);
        newer.ended(LATE);
        flights.done(newer);
        assertSame(late, flights.find("k"));
        late.ended(FOUND);
        assertTrue(flights.tryStore(late));
        flights.done(late);
        assertNull(flights.find("k"));
    }

    @Test
    void whatIsNotReckonedWithIsForgotten() {
        Flight<String, String> over = started(null);
        over.done();
        Flight<String, String> next = flights.next("k", over);
        assertNull(next.previous());
        Flight<String, String> late = new Flight<>("k", null);
        late.expire(LATE);
        Flight<String, String> ended = new Flight<>("k", late);
        ended.done();
        assertSame(late, flights.next("k", ended).previous());
        assertNull(flights.next("k", null).previous());
    }

    @Test
    void aNewerLoadWaitsForAnOlderOneThatIsBeingStoredAndIsNotStoredIfItCanNot() {
        Flight<String, String> older = started(null);
        older.expire(LATE);
        older.ended(FOUND);
        assertTrue(flights.tryStore(older));
        Flight<String, String> newer = started(older);
        newer.ended(FOUND);
        assertFalse(flights.tryStore(newer));
        assertTrue(flights.done(older), "the older one's entry is removed");
    }

    @Test
    void keysShareAStampWithFewOthers() {
        flights.changing("k", () -> "removed");
        int changed = 0;
        for (int i = 0; i < 1_024; i++) {
            changed += flights.stamp("other" + i) != 0 ? 1 : 0;
        }
        assertTrue(changed < 20, changed + " of 1024 are outdated by a change of one key");
        flights.changingAll(() -> "cleared");
        assertEquals(2, flights.stamp("k"));
    }
}
