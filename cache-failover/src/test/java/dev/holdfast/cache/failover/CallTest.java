package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** One call on its way through the tiers. */
class CallTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private final Decisions decisions = Decisions.usual();

    private Call begin(Request request) {
        return Call.begin(decisions.state, request, decisions.now + 10 * SECOND, 0);
    }

    private Attempt next(Call call) {
        Attempt attempt = call.next(decisions.now);
        assertNotNull(attempt);
        return attempt;
    }

    private void fail(Call call, Attempt attempt, CacheUnavailableException failure) {
        call.failed(attempt, failure, 0, decisions.now);
    }

    private static Call.After succeed(Call call, Attempt attempt, long now) {
        return call.succeeded(attempt, 0, now);
    }

    private void assertOver(Call call) {
        assertNull(call.next(decisions.now));
        assertEquals(0, call.pause());
    }

    @Test
    void aCallThatIsAnsweredIsOver() {
        Call call = begin(Request.of(Kind.READ, "k"));
        assertEquals(Kind.READ, call.kind());
        assertEquals(decisions.now + 10 * SECOND, call.deadline());
        Attempt attempt = next(call);
        assertEquals(0, attempt.tier());
        assertEquals(Call.After.NOTHING, succeed(call, attempt, decisions.now));
        assertOver(call);
    }

    @Test
    void aCallForNothingIsOverAtOnce() {
        assertOver(begin(Request.of(Kind.READ, List.of())));
    }

    @Test
    void aConnectionThatBrokeIsNoReasonToLeaveTheTierTheFirstTime() {
        Call call = begin(Request.of(Kind.READ, "k"));
        Attempt first = next(call);
        fail(call, first, Decisions.down());
        Attempt again = next(call);
        assertEquals(0, again.tier());
        assertEquals(1, again.tries());
        fail(call, again, Decisions.down());
        Attempt other = next(call);
        assertEquals(1, other.tier());
        assertEquals(1, other.mask());
        assertEquals(2, decisions.first().detector.failuresInARow());
        fail(call, other, Decisions.failure(Reason.TIMEOUT));
        Attempt last = next(call);
        assertEquals(2, last.tier());
        assertEquals(3, last.mask());
        assertEquals(0, last.tries());
    }

    @Test
    void whateverElseFailedGoesToTheNextTierAtOnce() {
        for (Reason reason : List.of(Reason.TIMEOUT, Reason.SATURATED, Reason.PARTIAL, Reason.SERVER_STATE)) {
            Decisions own = Decisions.usual();
            Call call = Call.begin(own.state, Request.of(Kind.READ, "k"), own.now + SECOND, 0);
            Attempt attempt = call.next(own.now);
            assertNotNull(attempt);
            call.failed(attempt, Decisions.failure(reason), 0, own.now);
            Attempt other = call.next(own.now);
            assertNotNull(other);
            assertEquals(1, other.tier(), "" + reason);
        }
    }

    @Test
    void aConnectionThatWasDisconnectedOnPurposeIsTriedOnceMore() {
        Call call = begin(Request.write(Kind.WRITE, "k", TTL));
        fail(call, next(call), new CacheUnavailableException("cut", null, Reason.DISCONNECTED, true));
        assertEquals(0, next(call).tier(), "what went with its connection is not applied any more");
        assertFalse(decisions.first().dirty.contains("k"));
    }

    @Test
    void whatMayStillArriveBehindABufferIsNotSentThereAgainAndIsDirtyThere() {
        Decisions edge =
                new Decisions(FailoverConfig.DEFAULT, Chance.LEAST, Decisions.buffered("edge"), Decisions.memory());
        Call call = Call.begin(edge.state, Request.write(Kind.WRITE, "k", TTL), edge.now + 10 * SECOND, 0);
        Attempt attempt = call.next(edge.now);
        assertNotNull(attempt);
        call.failed(attempt, Decisions.lost(), 0, edge.now);
        Attempt other = call.next(edge.now);
        assertNotNull(other);
        assertEquals(1, other.tier());
        assertTrue(edge.first().dirty.contains("k"));
        List<DirtyRecord.Removal> early = edge.first().dirty.removals(9, edge.now);
        assertEquals(1, early.size(), "at once, for others' sake");
        edge.first().dirty.removed(early.get(0), edge.now + 30 * SECOND - 1);
        assertTrue(edge.first().dirty.contains("k"), "for as long as anything may arrive");
        edge.first().dirty.removed(early.get(0), edge.now + 30 * SECOND);
        assertFalse(edge.first().dirty.contains("k"));
    }

    @Test
    void aWriteWhoseOutcomeIsUnknownIsDirtyWhereItFailed() {
        Call call = begin(Request.write(Kind.WRITE, "k", TTL));
        fail(call, next(call), new CacheTimeoutException("no answer", null, true));
        assertTrue(decisions.first().dirty.contains("k"));
        assertEquals(1, next(call).tier());
    }

    @Test
    void aWriteWhoseConnectionIsGoneAtBothEndsIsSentOnceMoreAndIsDirtyNowhere() {
        Call call = begin(Request.write(Kind.WRITE, "k", TTL));
        fail(call, next(call), Decisions.lost());
        assertEquals(0, next(call).tier());
        assertTrue(decisions.first().dirty.isEmpty());
    }

    @Test
    void whatWasFoundIsToldWithWhatWasNot() {
        Decisions own = servers(FailoverConfig.DEFAULT.withRetries(0), 1);
        Call call = Call.begin(own.state, Request.of(Kind.READ, List.of("a", "b")), own.now + SECOND, 0);
        Attempt attempt = call.next(own.now);
        assertNotNull(attempt);
        call.failed(
                attempt,
                new CacheUnavailableException(
                        "partly", null, Reason.PARTIAL, false, List.of("b"), Map.of("a", new byte[] {1})),
                0,
                own.now);
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> call.next(own.now));
        assertEquals(Set.of("a"), e.partialResult().keySet());
        assertEquals(Set.of("b"), Set.copyOf(e.failedKeys()));
    }

    @Test
    void aReadWhoseOutcomeIsUnknownIsDirtyNowhere() {
        Call call = begin(Request.of(Kind.READ, "k"));
        fail(call, next(call), new CacheTimeoutException("no answer", null, true));
        assertTrue(decisions.first().dirty.isEmpty());
    }

    @Test
    void aPrefixWhoseRemovalIsUnknownIsDirtyWhereItFailed() {
        Call call = begin(Request.of(Kind.PREFIX, "p:"));
        fail(call, next(call), new CacheTimeoutException("no answer", null, true));
        assertTrue(decisions.first().dirty.contains("p:k"));
        assertEquals(1, next(call).tier());
    }

    @Test
    void whatMustNotBeDoneTwiceFailsWithItsOwnExceptionIfItsOutcomeIsUnknown() {
        for (Request request : List.of(Request.of(Kind.CONDITIONAL, "k"), Request.count("k", 1, TTL))) {
            Decisions own = Decisions.usual();
            Call call = Call.begin(own.state, request, own.now + 10 * SECOND, 0);
            Attempt attempt = call.next(own.now);
            assertNotNull(attempt);
            CacheUnavailableException unknown = new CacheTimeoutException("no answer", null, true);
            call.failed(attempt, unknown, 0, own.now);
            assertSame(unknown, assertThrows(CacheUnavailableException.class, () -> call.next(own.now)));
            assertEquals(request.kind() != Kind.COUNT, own.first().dirty.contains("k"), "" + request.kind());
        }
    }

    @Test
    void whatMustNotBeDoneTwiceGoesOnIfItWasNotDone() {
        Call call = begin(Request.of(Kind.CONDITIONAL, "k"));
        fail(call, next(call), Decisions.failure(Reason.TIMEOUT));
        assertEquals(1, next(call).tier());
    }

    @Test
    void ofSeveralKeysThoseThatFailedGoOnAndTheOthersAreAnswered() {
        Call call = begin(Request.of(Kind.WRITE, List.of("a", "b", "c")));
        Attempt attempt = next(call);
        assertEquals(List.of("a", "b", "c"), attempt.keys());
        fail(
                call,
                attempt,
                new CacheUnavailableException("partly", null, Reason.PARTIAL, false, List.of("b"), Map.of()));

        Attempt other = next(call);
        assertEquals(1, other.tier());
        assertEquals(List.of("b"), other.keys());
        assertEquals(1, other.mask());
        succeed(call, other, decisions.now);
        assertOver(call);
        assertTrue(decisions.first().recent.any(), "the others were changed there");
    }

    @Test
    void whatAPartlyFailedReadFoundIsKept() {
        Request request = Request.of(Kind.READ, List.of("a", "b"));
        Call call = begin(request);
        byte[] found = {1};
        fail(
                call,
                next(call),
                new CacheUnavailableException("partly", null, Reason.PARTIAL, false, List.of("b"), Map.of("a", found)));
        assertArrayEquals(found, request.found().get("a"));
        assertEquals(List.of("b"), next(call).keys());
    }

    @Test
    void keysThatBelongOnSeveralTiersAreAskedForOneTierAfterTheOther() {
        decisions.first().dirty.remove("b", 0);
        Call call = begin(Request.of(Kind.READ, List.of("a", "b", "c")));
        Attempt first = next(call);
        assertEquals(List.of("a", "c"), first.keys());
        succeed(call, first, decisions.now);
        Attempt second = next(call);
        assertEquals(1, second.tier());
        assertEquals(List.of("b"), second.keys());
        assertEquals(0, second.mask());
        succeed(call, second, decisions.now);
        assertOver(call);
    }

    private static Decisions servers(FailoverConfig config, int count) {
        TierState.Traits[] traits = new TierState.Traits[count];
        for (int i = 0; i < count; i++) {
            traits[i] = Decisions.server("s" + i);
        }
        return new Decisions(config, Chance.LEAST, traits);
    }

    private static void failEverywhere(Decisions own, Call call, Reason reason) {
        for (int i = 0; i < own.tiers.size(); i++) {
            Attempt attempt = call.next(own.now);
            assertNotNull(attempt);
            call.failed(attempt, Decisions.failure(reason), 0, own.now);
        }
    }

    @Test
    void whereNoTierIsLeftItWaitsAndBeginsAnewAsOftenAsItMayAndNoOftener() {
        Decisions own = servers(FailoverConfig.DEFAULT.withRetries(2), 2);
        Call call = Call.begin(own.state, Request.of(Kind.READ, List.of("a", "b")), own.now + 10 * SECOND, 0);
        for (int retry = 0; retry < 2; retry++) {
            failEverywhere(own, call, Reason.PARTIAL);
            assertNull(call.next(own.now));
            assertEquals(1, call.pause(), "no less than a nanosecond");
        }
        failEverywhere(own, call, Reason.PARTIAL);
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> call.next(own.now));
        assertEquals(Set.of("a", "b"), Set.copyOf(e.failedKeys()));
        assertEquals(Reason.PARTIAL, e.reason());
        assertEquals("failed", String.valueOf(e.getCause().getMessage()));
        assertEquals(5, e.getSuppressed().length, "all failures but the last, which is the cause");
        assertEquals("no tier can answer: s0 is closed, s1 is closed; failed", e.getMessage());
        assertFalse(e.outcomeUnknown());
    }

    @Test
    void aPauseThatWouldOutlastTheCallIsNotMade() {
        Decisions own = new Decisions(FailoverConfig.DEFAULT, Chance.MOST, Decisions.server("only"));
        Call call = Call.begin(own.state, Request.of(Kind.READ, "k"), own.now + SECOND - 1, 0);
        failEverywhere(own, call, Reason.TIMEOUT);
        assertThrows(CacheUnavailableException.class, () -> call.next(own.now));

        Call longer = Call.begin(own.state, Request.of(Kind.READ, "k"), own.now + SECOND, 0);
        failEverywhere(own, longer, Reason.TIMEOUT);
        assertNull(longer.next(own.now));
        assertEquals(SECOND - 1, longer.pause());
        Attempt again = longer.next(own.now);
        assertNotNull(again);
        assertEquals(0, longer.pause());
    }

    @Test
    void tiersThatAreKnownToBeOutAreNotWaitedFor() {
        Decisions own = servers(FailoverConfig.DEFAULT, 2);
        own.tiers.forEach(own::open);
        Call call = Call.begin(own.state, Request.of(Kind.READ, "k"), own.now + 10 * SECOND, 0);
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> call.next(own.now));
        assertEquals("no tier can answer: s0 is open (PROBE), s1 is open (PROBE)", e.getMessage());
        assertNull(e.getCause());
        assertEquals(Reason.CONNECTION, e.reason());
        assertEquals(2, e.getSuppressed().length, "why each is out");
        assertTrue(e.failedKeys().isEmpty(), "it is about its one key");
    }

    @Test
    void aCallWhoseTimeIsUpSaysSo() {
        Decisions own = servers(FailoverConfig.DEFAULT, 1);
        Call call = Call.begin(own.state, Request.of(Kind.WRITE, List.of("k")), own.now + SECOND, 0);
        Attempt attempt = call.next(own.now);
        assertNotNull(attempt);
        call.failed(attempt, new CacheTimeoutException("no answer", null, true), 0, own.now);
        own.now += SECOND;
        CacheTimeoutException e = assertThrows(CacheTimeoutException.class, () -> call.next(own.now));
        assertTrue(e.getMessage().startsWith("no tier answered in time"), e.getMessage());
        assertTrue(e.outcomeUnknown());
        assertEquals(List.of("k"), List.copyOf(e.failedKeys()));
    }

    @Test
    void whatEndsAfterARouteChangeIsDoneAgainWhereItBelongs() {
        Call call = begin(Request.write(Kind.WRITE, "k", TTL));
        Attempt attempt = next(call);
        decisions.first().outdate();
        assertEquals(Call.After.NOTHING, succeed(call, attempt, decisions.now));
        assertEquals(0, next(call).tier());
    }

    @Test
    void aFillThatEndsAfterARouteChangeIsForgottenWhereItWent() {
        Call call = begin(Request.write(Kind.FILL, "k", TTL));
        Attempt attempt = next(call);
        decisions.first().outdate();
        assertEquals(Call.After.NOTHING, succeed(call, attempt, decisions.now));
        assertTrue(decisions.first().dirty.contains("k"));
        assertOver(call);
    }

    @Test
    void aConditionalChangeOfAMemoryThatIsOutOfUseIsRemovedThereAgain() {
        decisions.open(decisions.first());
        decisions.open(decisions.second());
        Call call = begin(Request.of(Kind.CONDITIONAL, "k"));
        Attempt attempt = next(call);
        assertEquals(2, attempt.tier());
        decisions.last().outdate();
        assertEquals(Call.After.REMOVE_AGAIN, succeed(call, attempt, decisions.now));
        assertOver(call);
    }

    @Test
    void whatIsChangedAboveWhileTheMemoryIsInUseIsRemovedThereToo() {
        decisions.state.memory.use(decisions.now);
        Call write = begin(Request.write(Kind.WRITE, "k", TTL));
        assertEquals(Call.After.REMOVE_FROM_MEMORY, succeed(write, next(write), decisions.now));
        Call count = begin(Request.count("n", 2, TTL));
        assertEquals(Call.After.REMOVE_FROM_MEMORY, count.succeeded(next(count), 2, decisions.now));
        Call read = begin(Request.of(Kind.READ, "k"));
        assertEquals(Call.After.NOTHING, succeed(read, next(read), decisions.now));
        Call fill = begin(Request.write(Kind.FILL, "k", TTL));
        assertEquals(Call.After.NOTHING, succeed(fill, next(fill), decisions.now));
    }

    @Test
    void anIncrementBelowIsOwedAboveWhateverHappenedToItsRoute() {
        decisions.open(decisions.first());
        Call call = begin(Request.count("n", 3, TTL));
        Attempt attempt = next(call);
        decisions.second().outdate();
        assertEquals(Call.After.NOTHING, call.succeeded(attempt, 3, decisions.now));
        assertOver(call);
        List<DirtyEntry.Increment> owed = decisions.first().dirty.increments(9, decisions.now, "id-");
        assertEquals(1, owed.size());
        assertEquals(3, owed.get(0).delta());
        assertEquals(decisions.now + TTL.toNanos(), owed.get(0).expiresAt());
        assertFalse(decisions.second().dirty.contains("n"));
    }

    @Test
    void whatWasAbandonedMayHaveBeenDone() {
        for (Kind kind : List.of(Kind.WRITE, Kind.FILL, Kind.CONDITIONAL)) {
            Decisions own = Decisions.usual();
            Call call = Call.begin(own.state, Request.write(kind, "k", TTL), own.now + SECOND, 0);
            Attempt attempt = call.next(own.now);
            assertNotNull(attempt);
            call.abandoned(attempt, own.now);
            assertTrue(own.first().dirty.contains("k"), "" + kind);
        }
        for (Request request : List.of(Request.of(Kind.READ, "k"), Request.count("k", 1, TTL))) {
            Decisions own = Decisions.usual();
            Call call = Call.begin(own.state, request, own.now + SECOND, 0);
            Attempt attempt = call.next(own.now);
            assertNotNull(attempt);
            call.abandoned(attempt, own.now);
            assertFalse(own.first().dirty.contains("k"), "" + request.kind());
        }
        Call prefix = begin(Request.of(Kind.PREFIX, "p:"));
        prefix.abandoned(next(prefix), decisions.now);
        assertTrue(decisions.first().dirty.contains("p:k"));
    }

    @Test
    void whatWasRefusedTakesItsPrefixBackAndNothingElse() {
        decisions.open(decisions.first());
        Call prefix = begin(Request.of(Kind.PREFIX, "p:"));
        Attempt attempt = next(prefix);
        assertTrue(decisions.first().dirty.contains("p:k"));
        prefix.refused(attempt);
        assertTrue(decisions.first().dirty.isEmpty());

        decisions.open(decisions.second());
        Call below = begin(Request.of(Kind.PREFIX, "p:"));
        below.refused(next(below));
        assertTrue(decisions.first().dirty.isEmpty() && decisions.second().dirty.isEmpty(), "from each");

        Call write = begin(Request.write(Kind.WRITE, "k", TTL));
        Attempt written = next(write);
        write.refused(written);
        assertTrue(decisions.first().dirty.contains("k"), "others may have changed it, too");
    }

    @Test
    void whatWentToAMemoryThatIsGoneIsTriedOnTheOneThatIsThere() {
        Call call = begin(Request.of(Kind.READ, "k"));
        Attempt attempt = next(call);
        call.outdated(attempt);
        Attempt again = next(call);
        assertEquals(attempt.keys(), again.keys());
        assertEquals(attempt.mask(), again.mask());
    }

    @Test
    void onlyAChangeOfSeveralKeysIsPartlyDoneThoughItWasRefused() {
        assertTrue(begin(Request.of(Kind.WRITE, List.of("a", "b"))).changesSeveral());
        assertFalse(begin(Request.of(Kind.READ, List.of("a", "b"))).changesSeveral());
        assertFalse(begin(Request.of(Kind.WRITE, "a")).changesSeveral());
    }

    @Test
    void aFailedCallForNothingIsAFailureOfItsTierAndOver() {
        Call call = Call.attempted(decisions.state, Request.of(Kind.READ, List.of()), decisions.now + SECOND, 0);
        fail(call, Attempt.of(0, List.of(), 0), Decisions.down());
        assertOver(call);
        assertEquals(1, decisions.first().detector.failuresInARow());
    }

    @Test
    void aCallThatWasBegunElsewhereHasNothingToDoUntilItFailed() {
        Call call = Call.attempted(decisions.state, Request.of(Kind.READ, "k"), decisions.now + SECOND, 0);
        assertOver(call);
        fail(call, Attempt.of(0, List.of("k"), decisions.first().stamp()), Decisions.failure(Reason.TIMEOUT));
        assertEquals(1, next(call).tier());
    }
}
