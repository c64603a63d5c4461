package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Which tier a call goes to, and what is remembered of it before it is sent. */
class RoutingTest {
    private static final long LONG = 10 * SECOND;

    private final Decisions decisions = Decisions.usual();

    private @Nullable Attempt admit(Kind kind, List<String> keys, int mask, long ttl, long rest) {
        return decisions.state.routing.admit(kind, keys, mask, 0, ttl, rest, decisions.now);
    }

    private static int admit(Decisions decisions, Kind kind, String key) {
        Attempt attempt = decisions.state.routing.admit(kind, List.of(key), 0, 0, 0, LONG, decisions.now);
        return attempt == null ? FailoverState.NONE : attempt.tier();
    }

    private int tierOf(Kind kind, String key, int mask, long rest) {
        Attempt attempt = admit(kind, List.of(key), mask, 0, rest);
        return attempt == null ? FailoverState.NONE : attempt.tier();
    }

    @Test
    void aCallGoesToTheFirstClosedTierThatHasNotFailedIt() {
        assertEquals(0, tierOf(Kind.READ, "k", 0, LONG));
        assertEquals(1, tierOf(Kind.READ, "k", 1, LONG));
        assertEquals(0, tierOf(Kind.READ, "k", 2, LONG));
        assertEquals(2, tierOf(Kind.READ, "k", 3, LONG));
        assertNull(admit(Kind.READ, List.of("k"), 7, 0, LONG));
        decisions.open(decisions.first());
        assertEquals(1, tierOf(Kind.READ, "k", 0, LONG));
    }

    @Test
    void aTierThatMayTakeLongerThanThereIsTimeIsPassedOver() {
        Decisions bounded = new Decisions(
                FailoverConfig.DEFAULT,
                Chance.LEAST,
                Decisions.server("slow", Duration.ofSeconds(3)),
                Decisions.server("quick", Duration.ofSeconds(1)),
                Decisions.memory());
        long[] rests = {3 * SECOND, 3 * SECOND - 1, SECOND, SECOND - 1, 1, 0, -1};
        int[] expected = {0, 1, 1, 2, 2, 2, 2};
        for (int i = 0; i < rests.length; i++) {
            Attempt attempt = bounded.state.routing.admit(Kind.READ, List.of("k"), 0, 0, 0, rests[i], bounded.now);
            assertNotNull(attempt);
            assertEquals(expected[i], attempt.tier(), "with " + rests[i]);
        }
        assertFalse(decisions.first().fits(0), "a server that may be given any limit needs some");
        assertTrue(decisions.first().fits(1));
    }

    @Test
    void aDirtyKeyGoesToTheNextTierAndTheOthersOfItsCallDoNot() {
        decisions.first().dirty.remove("dirty", 0);

        Attempt attempt = admit(Kind.READ, List.of("clean", "dirty", "other"), 0, 0, LONG);

        assertNotNull(attempt);
        assertEquals(0, attempt.tier());
        assertEquals(List.of("clean", "other"), attempt.keys());
        assertTrue(attempt.purge().isEmpty());
        assertEquals(1, tierOf(Kind.READ, "dirty", 0, LONG));
        assertEquals(0, tierOf(Kind.PREFIX, "dirty", 0, LONG), "a prefix is removed wherever it goes");
    }

    @Test
    void whereAKeyIsDirtyEverywhereItIsRemovedFirstAtTheFirstTierThatIsLeft() {
        Decisions alone = new Decisions(
                FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("first"), Decisions.server("second"));
        alone.tiers.forEach(tier -> tier.dirty.remove("dirty", 0));
        alone.tiers.forEach(tier -> tier.dirty.remove("too", 0));

        Attempt attempt =
                alone.state.routing.admit(Kind.READ, List.of("dirty", "clean", "too"), 0, 0, 0, LONG, alone.now);

        assertNotNull(attempt);
        assertEquals(0, attempt.tier());
        assertEquals(List.of("dirty", "too"), attempt.keys());
        assertEquals(
                List.of("dirty", "too"),
                attempt.purge().removals().stream()
                        .map(DirtyRecord.Removal::key)
                        .toList());
        Attempt second = alone.state.routing.admit(Kind.READ, List.of("dirty"), 1, 0, 0, LONG, alone.now);
        assertNotNull(second);
        assertEquals(1, second.tier());
        assertNull(alone.state.routing.admit(Kind.READ, List.of("dirty"), 3, 0, 0, LONG, alone.now));
    }

    @Test
    void whatDependsOnAValueGoesToNoTierForWhichItsKeyStaysDirty() {
        Decisions alone = new Decisions(
                FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("first"), Decisions.server("second"));
        long until = alone.now + 30 * SECOND;
        TierState first = alone.tiers.get(0);
        TierState second = alone.tiers.get(1);
        first.dirty.remove("k", until);
        second.dirty.remove("k", 0);

        assertEquals(1, admit(alone, Kind.CONDITIONAL, "k"), "there it is removed, and stays as it is then");
        assertEquals(0, admit(alone, Kind.READ, "k"), "what is read is removed before");
        second.dirty.remove("k", until);
        assertEquals(FailoverState.NONE, admit(alone, Kind.CONDITIONAL, "k"));
        assertTrue(alone.state.routing.refusesCondition(Kind.CONDITIONAL, 0, LONG));
        assertFalse(alone.state.routing.refusesCondition(Kind.WRITE, 0, LONG));
        assertFalse(alone.state.routing.refusesCondition(Kind.CONDITIONAL, 3, LONG), "none is left to ask");
        assertEquals(0, admit(alone, Kind.WRITE, "k"));
        alone.now = until;
        assertEquals(0, admit(alone, Kind.CONDITIONAL, "k"));
        alone.tiers.forEach(tier -> tier.dirty.removePrefix("c:"));
        assertEquals(FailoverState.NONE, admit(alone, Kind.CONDITIONAL, "c:k"), "it is removed with the others yet");
        assertEquals(0, admit(alone, Kind.READ, "c:k"));
    }

    @Test
    void whatChangesAKeyBelowIsDirtyAboveBeforeItIsSent() {
        assertNotNull(admit(Kind.WRITE, List.of("w"), 1, 0, LONG));
        assertNotNull(admit(Kind.CONDITIONAL, List.of("c"), 1, 0, LONG));
        Attempt prefix = admit(Kind.PREFIX, List.of("p:"), 3, 0, LONG);
        assertNotNull(prefix);
        assertNotNull(admit(Kind.READ, List.of("r"), 1, 0, LONG));
        assertNotNull(admit(Kind.FILL, List.of("f"), 1, 0, LONG));
        assertNotNull(admit(Kind.COUNT, List.of("n"), 1, 0, LONG));

        assertEquals(3, prefix.marked(), "it can be taken back from both");
        assertTrue(decisions.first().dirty.contains("w"));
        assertTrue(decisions.first().dirty.contains("c"));
        assertTrue(decisions.first().dirty.contains("p:x"));
        assertTrue(decisions.second().dirty.contains("p:x"));
        assertEquals(3, decisions.first().dirty.size());
        assertEquals(1, decisions.second().dirty.size());
        assertEquals(0, admit(Kind.PREFIX, List.of("p:"), 1, 0, LONG).marked(), "it was dirty before");
    }

    @Test
    void whatIsStoredMayBeThereAsLongAsItLivesFromWhenItArrivesAtTheLatest() {
        long latest = 10 * SECOND + 30 * SECOND;
        TierState second = decisions.second();
        assertFalse(second.occupancy.isFollowed(decisions.now));
        long stamp = decisions.first().stamp();
        long own = second.stamp();
        assertNotNull(admit(Kind.WRITE, List.of("k"), 1, 60 * SECOND, LONG));
        assertEquals(own, second.stamp());

        assertEquals(stamp + 1, decisions.first().stamp(), "calls above have to know that");
        assertEquals(decisions.now + 60 * SECOND + latest, second.occupancy.storedUntil());
        assertTrue(second.occupancy.isFollowed(decisions.now + 60 * SECOND + latest - 1));
        assertFalse(second.occupancy.isFollowed(decisions.now + 60 * SECOND + latest));

        assertNotNull(admit(Kind.FILL, List.of("k"), 1, 5 * SECOND, LONG));
        assertEquals(decisions.now + 60 * SECOND + latest, second.occupancy.storedUntil(), "what lives longer counts");
        assertNotNull(admit(Kind.FILL, List.of("k"), 1, 70 * SECOND, LONG));
        assertEquals(decisions.now + 70 * SECOND + latest, second.occupancy.storedUntil());
        assertEquals(stamp + 1, decisions.first().stamp(), "they know already");

        decisions.now += 70 * SECOND + latest;
        assertNotNull(admit(Kind.FILL, List.of("k"), 1, 5 * SECOND, LONG));
        assertEquals(decisions.now + 5 * SECOND + latest, second.occupancy.storedUntil(), "what was there is over");
        assertEquals(stamp + 2, decisions.first().stamp());

        assertNotNull(admit(Kind.WRITE, List.of("k"), 1, Long.MAX_VALUE / 4, LONG));
        assertEquals(decisions.now + Long.MAX_VALUE / 4, second.occupancy.storedUntil(), "for ever, and no overflow");
    }

    @Test
    void aCallThatStoresNothingLeavesNothing() {
        long stamp = decisions.first().stamp();
        assertNotNull(admit(Kind.READ, List.of("k"), 1, 0, LONG));
        assertEquals(0, decisions.second().occupancy.storedUntil());
        assertEquals(stamp + 1, decisions.first().stamp(), "that a key leads below is known above");
        assertNotNull(admit(Kind.READ, List.of("k"), 1, 0, LONG));
        assertEquals(stamp + 1, decisions.first().stamp());
    }

    @Test
    void aKeyThatLeadsBelowBeginsAPeriodThereUnlessChangesAboveWereMarkedThereAllTheWhile() {
        TierState second = decisions.second();
        int periods = second.occupancy.periods();
        assertNotNull(admit(Kind.READ, List.of("k"), 0, 0, LONG));
        assertEquals(periods, second.occupancy.periods(), "it went to the first");
        assertNotNull(admit(Kind.READ, List.of("k"), 1, 0, LONG));
        assertEquals(periods + 1, second.occupancy.periods());
        assertTrue(second.occupancy.isFollowed(decisions.now + 5 * SECOND - 1));
        assertFalse(second.occupancy.isFollowed(decisions.now + 5 * SECOND));

        decisions.now += 5 * SECOND - 1;
        assertNotNull(admit(Kind.READ, List.of("k"), 1, 0, LONG));
        assertEquals(periods + 1, second.occupancy.periods());
        decisions.now += 5 * SECOND;
        assertNotNull(admit(Kind.WRITE, List.of("k"), 1, 60 * SECOND, LONG));
        assertEquals(periods + 2, second.occupancy.periods());
        decisions.now += 50 * SECOND;
        assertNotNull(admit(Kind.READ, List.of("k"), 1, 0, LONG));
        assertEquals(periods + 2, second.occupancy.periods(), "something of this client's may be there");
    }

    @Test
    void aKeyThatGoesToTheMemoryWhileAServerServesHasTheMemoryInUse() {
        assertFalse(decisions.state.memory.used());
        long first = decisions.first().stamp();
        long second = decisions.second().stamp();
        assertEquals(2, tierOf(Kind.READ, "k", 3, LONG));
        assertTrue(decisions.state.memory.used());
        assertEquals(first + 1, decisions.first().stamp());
        assertEquals(second + 1, decisions.second().stamp());
        assertEquals(2, tierOf(Kind.READ, "k", 3, LONG));
        assertEquals(first + 1, decisions.first().stamp(), "once");

        Decisions out = Decisions.usual();
        out.open(out.first());
        out.open(out.second());
        Attempt attempt = out.state.routing.admit(Kind.READ, List.of("k"), 0, 0, 0, LONG, out.now);
        assertNotNull(attempt);
        assertEquals(2, attempt.tier());
        assertFalse(out.state.memory.used(), "it serves");
    }

    @Test
    void pausesDoubleUpToTheTenthRetry() {
        Decisions most = new Decisions(FailoverConfig.DEFAULT, Chance.MOST, Decisions.server("first"));
        assertEquals(SECOND - 1, most.state.routing.retryPause(0));
        assertEquals(2 * SECOND - 1, most.state.routing.retryPause(1));
        assertEquals(1024 * SECOND - 1, most.state.routing.retryPause(10));
        assertEquals(1024 * SECOND - 1, most.state.routing.retryPause(11));
        assertEquals(0, decisions.state.routing.retryPause(3), "any wait up to that");
    }
}
