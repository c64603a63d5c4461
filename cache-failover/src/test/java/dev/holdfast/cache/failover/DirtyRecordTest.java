package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
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
        record.prefixes(0).forEach(record::prefixRemoved);
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
        record.everything();
        assertEquals(List.of(), counters(2), "what is to be removed is removed first");
    }

    private List<String> counters(int max) {
        return record.increments(max, 0, "id-").stream()
                .map(DirtyRecord.Increment::key)
                .toList();
    }

    private List<Long> deltas() {
        return record.increments(10, 0, "id-").stream()
                .map(DirtyRecord.Increment::delta)
                .toList();
    }

    private static List<String> keys(List<DirtyRecord.Removal> removals) {
        return removals.stream().map(DirtyRecord.Removal::key).toList();
    }
}
