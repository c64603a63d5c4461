package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecentChangesTest {
    private final RecentChanges recent = new RecentChanges();
    private final List<String> keys = new ArrayList<>();
    private final List<String> prefixes = new ArrayList<>();

    private boolean drain() {
        return recent.drain(keys::add, prefixes::add);
    }

    @Test
    void whatACanaryFollowedIsNotRemembered() {
        recent.add("before");
        recent.probing();
        recent.add("meanwhile");
        recent.addPrefix("c:");
        recent.probed();
        recent.add("after");

        assertTrue(drain());

        assertEquals(List.of("meanwhile", "after"), keys);
        assertEquals(List.of("c:"), prefixes);
    }

    @Test
    void aCanaryThatWasNotAcknowledgedChangesNothing() {
        recent.add("a");
        recent.probing();
        recent.probing();

        assertTrue(drain());

        assertEquals(List.of("a"), keys);
    }

    @Test
    void whatWasTakenIsNotTakenAgain() {
        recent.add("a");
        drain();
        recent.probed();
        recent.add("b");
        drain();

        assertEquals(List.of("a", "b"), keys);
    }

    @Test
    void moreThanAreKeptAreNotKnown() {
        for (int i = 0; i <= RecentChanges.KEPT; i++) {
            recent.add("k");
        }
        assertTrue(recent.many());

        assertFalse(drain());

        assertEquals(List.of(), keys);
        assertFalse(recent.many());
    }

    @Test
    void asManyAsAreKeptAreKnownWhereverTheRingBegins() {
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < RecentChanges.KEPT; i++) {
                recent.add("k" + i);
            }
            keys.clear();
            assertTrue(drain());
            assertEquals(RecentChanges.KEPT, keys.size());
            assertEquals("k0", keys.get(0));
            recent.add("one more");
            assertTrue(drain());
        }
    }

    @Test
    void ofMoreThanAreKeptTheLatestAreTold() {
        for (int i = 0; i <= RecentChanges.KEPT; i++) {
            recent.add("k" + i);
        }
        assertFalse(recent.each(keys::add, prefixes::add));
        assertEquals(RecentChanges.KEPT, keys.size());
        assertEquals("k1", keys.get(0));
    }
}
