package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a tier has missed, where several causes meet. */
class DirtyRecordTest {
    private static final long LATER = Long.MAX_VALUE / 2;

    private final DirtyRecord record = new DirtyRecord(1_000, 1 << 20);

    @Test
    void whatWasAddedMeanwhileOutlivesThatTheCounterMayHaveBeenForgotten() {
        record.increment("c:n", 5, true, LATER, 0);
        record.increments(10, 0, "id-"); // one is on its way
        record.increment("c:n", 2, false, LATER, 0);

        record.forgotten("c:n");

        assertEquals(1, record.counters());
        assertTrue(record.increments(10, 0, "id-").isEmpty(), "not before it was removed");
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertEquals(List.of(7L), deltas());
    }

    @Test
    void norIsItLostWithThePrefixUnderWhichItIs() {
        record.increment("c:n", 5, true, LATER, 0);
        record.remove("c:k", 0);
        record.increment("d:n", 1, true, LATER, 0);

        record.forgottenPrefix("c:");

        assertEquals(2, record.counters());
        assertTrue(record.contains("c:any"));
        record.prefixes.due(0).forEach(record.prefixes::removed);
        assertFalse(record.contains("c:any"));
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertEquals(List.of(5L, 1L), deltas());
    }

    /** Others would read it for as long as something may still arrive. */
    @Test
    void aRemovalBeforeItsTimeIsTriedUntilItIsDoneOnce() {
        record.remove("c:k", 30);
        assertEquals(1, record.removals(10, 0).size());
        List<DirtyRecord.Removal> again = record.removals(10, 1);
        assertEquals(1, again.size());

        record.removed(again.get(0), 1);

        assertTrue(record.removals(10, 2).isEmpty());
        assertTrue(record.contains("c:k"));
        assertEquals(1, record.removals(10, 30).size());
    }

    @Test
    void whatIsLeftIsSaidAlsoIfItIsEverything() {
        assertEquals("", record.summary());
        record.remove("c:k", 0);
        record.removePrefix("d:");
        assertEquals("2 changes", record.summary());
        DirtyRecord small = new DirtyRecord(1, 1 << 20);
        small.remove("raw1", 0);
        small.remove("raw2", 0);
        assertEquals(0, small.size());
        assertEquals("everything", small.summary());
    }

    @Test
    void aKeyThatIsRemovedIsNoCounterThatMayHaveBeenForgotten() {
        record.remove("c:n", 0);

        record.forgotten("c:n");

        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertTrue(record.isEmpty());
    }

    @Test
    void keysWhoseRemovalFailsDoNotKeepTheOthersWaiting() {
        Stream.of("a", "b", "c", "d", "e").forEach(key -> record.remove(key, 0));

        assertEquals(List.of("a", "b"), keys(record.removals(2, 0)));
        assertEquals(List.of("c", "d"), keys(record.removals(2, 0)));
        assertEquals(List.of("e", "a"), keys(record.removals(2, 0)));
        assertEquals(List.of("b", "c", "d", "e", "a"), keys(record.removals(10, 0)));
    }

    @Test
    void countersThatCanNotBeAddedToDoNotKeepTheOthersWaiting() {
        Stream.of("a", "b", "c").forEach(key -> record.increment(key, 1, true, LATER, 0));

        assertEquals(List.of("a", "b"), counters(2));
        assertEquals(List.of("c", "a"), counters(2));
        record.prefixes.everything();
        assertEquals(List.of(), counters(2), "what is to be removed is removed first");
    }

    @Test
    void aCounterThatExpiredBelowIsOwedNothingAbove() {
        record.increment("c:n", 5, true, 100, 0);

        assertEquals(0, record.keys(), "it is a counter");
        assertEquals(1, record.increments(10, 99, "id-").size());
        assertEquals(List.of(), record.increments(10, 100, "id-"));

        assertTrue(record.isEmpty());
        assertEquals(0, record.counters());
    }

    @Test
    void aCounterThatBeganAnewBelowIsOwedWhatItHasSince() {
        record.increment("c:n", 5, true, 100, 0);
        record.increments(10, 0, "id-");
        record.increment("c:n", 2, false, 150, 99);
        record.increment("c:n", 3, true, 200, 100);
        record.increment("c:n", 1, false, 300, 199);

        List<DirtyEntry.Increment> owed = record.increments(10, 150, "id-");

        assertEquals(1, owed.size());
        assertEquals(4, owed.get(0).delta());
        assertEquals(200, owed.get(0).expiresAt(), "when it was made");
        assertEquals(1, record.counters());
    }

    @Test
    void whatIsAddedWhileAnIncrementIsOnItsWayFollowsIt() {
        record.increment("c:n", 5, true, LATER, 0);
        DirtyEntry.Increment first = record.increments(10, 0, "id-").get(0);
        assertEquals(List.of(first), record.increments(10, 0, "id-"), "repeated as it is");
        record.increment("c:n", 2, false, LATER, 0);

        record.incremented(first);

        DirtyEntry.Increment second = record.increments(10, 0, "id-").get(0);
        assertEquals(2, second.delta());
        assertNotEquals(first.onceId(), second.onceId());
        record.incremented(first);
        assertTrue(record.contains("c:n"), "what was entered before says nothing of what follows");
        record.incremented(second);
        assertTrue(record.isEmpty());
        record.incremented(second);
        assertEquals(0, record.counters());
    }

    @Test
    void whatIsAddedToAValueThatWasPutIsNotCarriedUp() {
        record.remove("c:n", 0);
        record.increment("c:n", 5, false, LATER, 0);
        assertEquals(0, record.counters());
        record.increment("c:n", 5, true, LATER, 0);
        assertEquals(1, record.counters());
        assertEquals(List.of(), deltas(), "not before it was removed");
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertEquals(List.of(5L), deltas());
    }

    @Test
    void aCounterThatIsRemovedIsOwedNothing() {
        record.increment("c:n", 5, true, LATER, 0);
        record.remove("c:n", 0);
        assertEquals(0, record.counters());
        assertEquals(1, record.keys());
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertTrue(record.isEmpty());
    }

    @Test
    void whatMayStillArriveIsRemovedOnceForOthersAndAgainWhenNothingCan() {
        record.remove("k", 100);
        DirtyRecord.Removal early = record.removals(10, 0).get(0);
        record.removed(early, 0);
        assertEquals(List.of(), record.removals(10, 99));
        assertTrue(record.contains("k"));
        assertTrue(record.staysDirty("k", 99));
        assertFalse(record.staysDirty("k", 100));
        assertFalse(record.staysDirty("nobody", 99));

        assertEquals(List.of(early), record.removals(10, 100));
        record.removed(early, 100);
        assertTrue(record.isEmpty());
    }

    @Test
    void theLatestOfSeveralTimesIsWaitedFor() {
        record.remove("k", 100);
        record.remove("k", 50);
        DirtyRecord.Removal removal = record.removals(10, 0).get(0);
        record.removed(removal, 99);
        assertTrue(record.contains("k"));
        record.unsettled("k", 60);
        record.removed(removal, 99);
        assertTrue(record.contains("k"));
        record.unsettled("k", 200);
        record.removed(removal, 100);
        assertTrue(record.contains("k"));
        record.unsettled("nobody", 300);
        assertFalse(record.contains("nobody"));
        record.removed(removal, 200);
        assertTrue(record.isEmpty());
    }

    @Test
    void aKeyThatWasChangedSinceItsRemovalWasPlannedStaysDirty() {
        record.remove("k", 0);
        DirtyRecord.Removal planned = record.removals(10, 0).get(0);
        record.remove("k", 0);
        record.removed(planned, 0);
        assertTrue(record.contains("k"));
        record.removed(new DirtyRecord.Removal("nobody", 1), 0);
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertTrue(record.isEmpty());
    }

    @Test
    void connectionsThatWereResetDeliverNothing() {
        record.remove("c:k", 100);
        record.remove("raw", 100);
        record.known(Set.of("c:"));
        DirtyRecord small = new DirtyRecord(1, 1 << 20);
        small.known(Set.of("c:"));
        small.remove("c:1", 100);
        small.remove("c:2", 100);
        small.remove("raw", 100);
        small.remove("raw2", 100);
        assertEquals(0, small.prefixes.everythingDue(99));
        assertTrue(small.staysDirty("any", 100));
        small.settle();
        assertTrue(small.prefixes.everythingDue(99) != 0);
        record.settle();
        assertEquals(2, record.removals(10, 0).size());
        record.removals(10, 0).forEach(removal -> record.removed(removal, 0));
        assertTrue(record.isEmpty());
    }

    @Test
    void aPrefixWaitsForTheLastOfWhatItStandsFor() {
        DirtyRecord small = new DirtyRecord(2, 1 << 20);
        small.known(Set.of("c:"));
        small.remove("c:1", 100);
        small.remove("c:2", 300);
        small.remove("c:3", 200);
        assertEquals(1, small.prefixes.size());
        assertEquals(List.of(), small.prefixes.due(299));
        assertEquals(List.of("c:"), keys(small.prefixes.due(300)));
        assertTrue(small.staysDirty("c:4", 300), "whatever is under a prefix is clean with it");
        assertFalse(small.staysDirty("d:1", 299));
        small.settle();
        assertEquals(List.of("c:"), keys(small.prefixes.due(0)));
    }

    @Test
    void aPrefixThatWasRecordedAgainSinceItsRemovalWasPlannedStays() {
        record.removePrefix("c:");
        DirtyRecord.Removal planned = record.prefixes.due(0).get(0);
        record.removePrefix("c:");
        record.prefixes.removed(planned);
        assertTrue(record.contains("c:k"));
        record.prefixes.due(0).forEach(record.prefixes::removed);
        assertFalse(record.contains("c:k"));
        record.prefixes.removed(planned);
        assertTrue(record.isEmpty());
    }

    @Test
    void aLongerPrefixIsTakenInByAShorterOneAndByNoOther() {
        assertTrue(record.removePrefix("c:long:"));
        assertTrue(record.removePrefix("d:"));
        assertFalse(record.removePrefix("c:"), "which took another in");
        assertEquals(2, record.prefixes.size());
        assertFalse(record.removePrefix("c:other:"));
        assertEquals(2, record.prefixes.size());
        assertEquals(2, record.size());
        record.prefixes.remove("d:");
        record.prefixes.remove("nobody");
        assertEquals(1, record.prefixes.size());
    }

    @Test
    void aPrefixTakesInTheKeysUnderItButThoseThatSomethingMayArriveFor() {
        record.remove("b", 0);
        record.remove("c:1", 0);
        record.remove("c:2", 100);
        record.remove("d", 0);
        record.increment("c:n", 1, true, LATER, 0);

        assertFalse(record.removePrefix("c:"), "what was under it can't be had back");

        assertEquals(List.of("b", "c:2", "d"), keys(record.removals(10, 0)));
        assertEquals(0, record.counters());
        assertEquals(3, record.keys());
    }

    @Test
    void aPrefixWithNothingUnderItCanBeTakenBack() {
        record.remove("b", 0);
        record.remove("d", 0);
        assertTrue(record.removePrefix("c:"));
        record.prefixes.remove("c:");
        assertFalse(record.contains("c:k"));
        assertEquals(2, record.size());
    }

    @Test
    void keysCountAgainstABoundOfBytesToo() {
        // An entry has 160 bytes and two for each character.
        DirtyRecord small = new DirtyRecord(1_000, 2 * (160 + 2 * 4));
        small.known(Set.of("c:"));
        DirtyRecord smaller = new DirtyRecord(1_000, 2 * (160 + 2 * 4) - 1);
        smaller.remove("c:11", 0);
        assertFalse(smaller.overflowed());
        smaller.remove("c:22", 0);
        assertTrue(smaller.overflowed());
        small.remove("c:11", 0);
        small.remove("c:22", 0);
        assertFalse(small.overflowed());
        small.removals(1, 0).forEach(removal -> small.removed(removal, 0));
        small.remove("c:33", 0);
        assertFalse(small.overflowed(), "what was removed counts no more");
        small.remove("c:4", 0);
        assertTrue(small.overflowed());
        assertEquals(1, small.prefixes.size());
        assertEquals(1, small.size());
        small.prefixes.due(0).forEach(small.prefixes::removed);
        small.forgetOverflow();
        assertFalse(small.overflowed());
        small.remove("c:11", 0);
        small.remove("c:22", 0);
        assertFalse(small.overflowed(), "prefixes that were removed count no more");
    }

    @Test
    void bytesOfPrefixesAndCountersComeAndGoWithThem() {
        DirtyRecord small = new DirtyRecord(1_000, 2 * (160 + 2 * 2));
        for (int i = 0; i < 10; i++) {
            assertTrue(small.removePrefix("p:"));
            assertTrue(small.removePrefix("q:"));
            small.prefixes.remove("p:");
            small.prefixes.due(0).forEach(small.prefixes::removed);
            small.increment("n", 1, true, LATER, 0);
            small.increments(9, 0, "id-").forEach(small::incremented);
            small.increment("n", 1, true, 5, 0);
            assertEquals(List.of(), small.increments(9, 5, "id-"));
            small.removePrefix("pp:");
            small.removePrefix("p");
            small.prefixes.due(0).forEach(small.prefixes::removed);
            small.remove("k", 0);
            small.removePrefix("k");
            small.prefixes.due(0).forEach(small.prefixes::removed);
        }
        assertTrue(small.isEmpty());
        assertFalse(small.overflowed());
        small.remove("k1", 0);
        small.remove("k2", 0);
        assertFalse(small.overflowed());
        small.remove("k3", 0);
        assertTrue(small.overflowed());
    }

    @Test
    void countersAreGivenUpLastAndKeysWithoutAPrefixAreLost() {
        DirtyRecord small = new DirtyRecord(2, 1 << 20);
        small.known(Set.of("c:"));
        small.increment("n", 1, true, LATER, 0);
        small.remove("c:1", 0);
        small.remove("c:2", 0);
        assertEquals(1, small.counters());
        assertEquals(1, small.prefixes.size());
        assertFalse(small.prefixes.lost());
        small.increment("m", 1, true, LATER, 0);
        assertEquals(0, small.counters());
        assertTrue(small.prefixes.all());
        assertTrue(small.prefixes.lost());
        assertEquals(0, small.prefixes.size(), "everything stands for them, too");
        assertEquals(List.of(), small.increments(9, 0, "id-"));
        assertTrue(small.contains("any"));
        small.forgetOverflow();
        assertTrue(small.overflowed(), "it is not over");
        small.prefixes.acceptLoss();
        assertTrue(small.isEmpty());
        assertFalse(small.prefixes.lost());
        small.forgetOverflow();
        assertFalse(small.overflowed());
    }

    @Test
    void everythingWaitsForTheLastOfWhatItStandsFor() {
        DirtyRecord small = new DirtyRecord(1, 1 << 20);
        small.remove("raw", 300);
        small.remove("raw2", 100);
        assertTrue(small.prefixes.all());
        assertEquals(0, small.prefixes.everythingDue(299));
        int version = small.prefixes.everythingDue(300);
        assertTrue(version > 0);
        small.prefixes.everything();
        small.prefixes.everythingRemoved(version);
        assertTrue(small.prefixes.all(), "a later cause stays");
        small.prefixes.everythingRemoved(small.prefixes.everythingDue(300));
        assertTrue(small.isEmpty());
        assertFalse(small.prefixes.lost());
        small.prefixes.everythingRemoved(0);
        assertTrue(small.isEmpty());
    }

    @Test
    void everythingWaitsForThePrefixesThatItTakesIn() {
        DirtyRecord small = new DirtyRecord(1, 1 << 20);
        small.known(Set.of("c:"));
        small.remove("c:1", 300);
        small.remove("c:2", 200);
        assertEquals(1, small.prefixes.size());
        small.remove("raw", 0);
        assertTrue(small.prefixes.all());
        assertEquals(0, small.prefixes.everythingDue(299));
        assertTrue(small.prefixes.everythingDue(300) > 0);
    }

    @Test
    void aPrefixThatCanNotBeRemovedIsAllKeysDirty() {
        record.removePrefix("c:");
        record.prefixes.lose(record.prefixes.due(0).get(0));
        assertEquals(0, record.prefixes.size());
        assertTrue(record.prefixes.all());
        assertTrue(record.prefixes.lost());
    }

    @Test
    void aPurgeIsOfTheVersionThatItWasPlannedAt() {
        record.remove("a", 0);
        record.remove("late", 100);
        DirtyRecord.Purge purge = record.planned(List.of("a", "late", "clean"), 99);
        assertEquals(2, purge.version());
        assertEquals(List.of("a", "late", "clean"), keys(purge.removals()));
        assertEquals(
                List.of(1, 0, 0),
                purge.removals().stream().map(DirtyRecord.Removal::version).toList(),
                "what something may arrive for stays dirty");
        assertEquals(
                List.of(2),
                record.planned(List.of("late"), 100).removals().stream()
                        .map(DirtyRecord.Removal::version)
                        .toList(),
                "nothing can any more");
        assertFalse(record.markedSince("a", 2));
        assertFalse(record.markedSince("clean", 2));
        record.remove("a", 0);
        assertTrue(record.markedSince("a", 2));
        assertFalse(record.markedSince("a", 3));
        record.removePrefix("p:");
        assertTrue(record.markedSince("p:k", 3));
        assertFalse(record.markedSince("p:k", 4));
        assertFalse(record.markedSince("q:k", 3));
        record.prefixes.everything();
        assertTrue(record.markedSince("clean", 4));
        assertFalse(record.markedSince("clean", 5));
    }

    @Test
    void whatMayHaveBeenForgottenUnderAPrefixIsOfThatPrefix() {
        record.increment("b:n", 1, true, LATER, 0);
        record.increment("c:n", 5, true, LATER, 0);
        record.increment("d:n", 1, true, LATER, 0);
        record.forgottenPrefix("c:");
        assertEquals(List.of("c:n"), keys(record.removals(9, 0)), "it is removed first");
        assertEquals(3, record.counters());
        record.remove("e", 0);
        record.forgotten("e");
        assertEquals(
                List.of("c:n", "e"),
                keys(record.removals(9, 0)).stream().sorted().toList());
    }

    private List<String> counters(int max) {
        return record.increments(max, 0, "id-").stream()
                .map(DirtyEntry.Increment::key)
                .toList();
    }

    private List<Long> deltas() {
        return record.increments(10, 0, "id-").stream()
                .map(DirtyEntry.Increment::delta)
                .toList();
    }

    private static List<String> keys(List<DirtyRecord.Removal> removals) {
        return removals.stream().map(DirtyRecord.Removal::key).toList();
    }
}
