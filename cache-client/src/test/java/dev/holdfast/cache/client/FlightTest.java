package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Where the load of a key stands, who waits for it, and whether it may be stored. */
class FlightTest {
    private static final Outcome<String> FOUND = new Outcome.Loaded<>("v");
    private static final Outcome<String> LATE = Outcome.overdue();
    private static final CarriedContext CONTEXT = new CarriedContext(List.of());

    private final Flight<String, String> flight = new Flight<>("k", null);
    private final LoadGate gate = new LoadGate(1);

    private final LoadRun.Owner owner = new LoadRun.Owner() {
        @Override
        public void expired() {}

        @Override
        public void neverBegan() {}

        @Override
        public boolean isAbandoned() {
            return flight.isOver();
        }
    };

    /** Whatever was done, its lock is free: another thread would wait for it for ever. */
    @AfterEach
    void othersCanLookAtIt() throws Exception {
        FutureTask<Boolean> look = new FutureTask<>(flight::isOver);
        new Thread(look).start();
        assertEquals(flight.isOver(), look.get(10, TimeUnit.SECONDS));
    }

    private LoadRun run(boolean onCallersThread) {
        return new LoadRun(onCallersThread, gate.enter(), 0, owner);
    }

    private Waiter<String, String> waiter() {
        return waiter(null);
    }

    private Waiter<String, String> waiter(CarriedContext.@Nullable Captured context) {
        Request<String, String> request =
                new Request<>("k", "k", key -> "v", CachePolicy.of(Duration.ofMinutes(1)), null, null, 0, false);
        return new Waiter<>(flight, request, Waiter.Patience.ENDLESS, context);
    }

    private Waiter<String, String> joined() {
        Waiter<String, String> waiter = waiter();
        assertTrue(flight.join(waiter, false));
        return waiter;
    }

    @Test
    void whoJoinsIsToldWhatWasFound() {
        Waiter<String, String> early = joined();
        assertFalse(early.isDone());
        flight.ended(FOUND);
        assertSame(FOUND, early.join());
        Waiter<String, String> late = waiter();
        assertTrue(flight.join(late, false), "what is known is told at once");
        assertSame(FOUND, late.join());
        flight.ended(LATE);
        assertSame(FOUND, joined().join(), "the first end stands");
    }

    @Test
    void whoWasToldAlreadyJoinsNothing() {
        flight.ended(FOUND);
        Waiter<String, String> told = waiter();
        assertTrue(told.complete(LATE));
        assertFalse(flight.join(told, false));
    }

    @Test
    void aLoadThatWasChangedIsForNobodyWhoComesLaterButItsOwn() {
        flight.invalidate();
        assertFalse(flight.join(waiter(), false));
        Waiter<String, String> own = waiter();
        assertTrue(flight.joinOwn(own));
        flight.ended(FOUND);
        assertSame(FOUND, own.join());
        assertFalse(flight.joinOwn(waiter()), "it is over");
    }

    @Test
    void aLoadOutOfItsLeaseIsForNobodyAndThoseWhoWaitAreTold() {
        Waiter<String, String> early = joined();
        assertTrue(flight.expire(LATE));
        assertSame(LATE, early.join());
        assertFalse(flight.expire(LATE), "once");
        assertFalse(flight.join(waiter(), false));
        assertFalse(flight.joinOwn(waiter()));
        assertFalse(flight.runBy(run(true)));
        assertTrue(flight.mayStillBeStored(), "its late result may still be stored");
        flight.ended(FOUND);
        assertFalse(flight.expire(LATE));
        assertTrue(flight.tryStore(false));
        assertTrue(flight.mayStillBeStored());
        flight.done();
        assertFalse(flight.mayStillBeStored());
        assertFalse(flight.join(waiter(), false));
    }

    @Test
    void aLoadThatHasEndedHasNoLease() {
        flight.ended(FOUND);
        assertFalse(flight.expire(LATE));
        assertTrue(flight.mayStillBeStored());
    }

    @Test
    void aLateLoadThatWasChangedIsNotReckonedWith() {
        flight.expire(LATE);
        flight.invalidate();
        assertFalse(flight.mayStillBeStored());
    }

    @Test
    void aLoadThatIsOverWithoutAnEndIsForNobody() {
        flight.done();
        assertTrue(flight.isOver());
        assertFalse(flight.join(waiter(), false));
        assertFalse(flight.joinOwn(waiter()));
        assertFalse(flight.runBy(run(true)));
    }

    @Test
    void itIsStoredOnceAfterItsEndUnlessItsKeyIsOrWasOrMayBeChanged() {
        assertFalse(flight.tryStore(false), "it has not ended");
        flight.ended(FOUND);
        assertFalse(flight.tryStore(true));
        assertFalse(flight.doubt());
        assertFalse(flight.tryStore(false));
        assertFalse(flight.doubt());
        flight.settle(false);
        assertFalse(flight.tryStore(false), "one doubt is left");
        flight.settle(false);
        assertFalse(flight.isInvalidated());
        assertTrue(flight.tryStore(false));
        assertFalse(flight.tryStore(false), "once");
        assertTrue(flight.doubt(), "it is being stored");
        assertTrue(flight.invalidate());
        assertFalse(flight.done());
        assertTrue(flight.isOver());
        assertFalse(flight.invalidate());
    }

    @Test
    void aDoubtThatWasAChangeStays() {
        flight.ended(FOUND);
        flight.doubt();
        flight.settle(true);
        assertTrue(flight.isInvalidated());
        assertFalse(flight.tryStore(false));
    }

    @Test
    void whoCanWaitNoLongerForItsStoreHasItsEntryRemoved() {
        assertFalse(flight.removeAfterStore(), "it is not being stored");
        flight.ended(FOUND);
        assertTrue(flight.tryStore(false));
        assertFalse(flight.stored().isDone());
        assertTrue(flight.removeAfterStore());
        assertTrue(flight.done());
        assertTrue(flight.stored().isDone());
        assertFalse(flight.removeAfterStore());
    }

    @Test
    void aRunThatIsHurriedNeedsNoPlace() {
        LoadRun first = run(false);
        assertTrue(first.place().granted().isDone());
        LoadRun waiting = run(false);
        assertTrue(flight.runBy(waiting));
        assertFalse(waiting.place().granted().isDone());
        flight.hurry();
        assertTrue(waiting.place().granted().isDone());
        LoadRun next = run(false);
        assertTrue(flight.runBy(next));
        assertTrue(next.place().granted().isDone(), "nor does one that takes it over");
        Flight<String, String> later = new Flight<>("k", null);
        later.hurry();
        LoadRun its = run(false);
        assertTrue(later.runBy(its));
        assertTrue(its.place().granted().isDone());
    }

    @Test
    void itKnowsWhetherItRunsHere() {
        assertFalse(flight.runsHere());
        LoadRun run = run(true);
        assertTrue(flight.runBy(run));
        assertFalse(flight.runsHere());
        assertTrue(run.begin());
        assertTrue(flight.runsHere());
        flight.ended(FOUND);
        assertFalse(flight.runsHere());
    }

    @Test
    void oneRefreshMakesItAChange() {
        assertFalse(flight.isRefresh());
        flight.refresh();
        assertTrue(flight.isRefresh());
    }

    @Test
    void whenItsRunnerGivesItUpTheFirstWhoStillWaitsTakesItOver() {
        Waiter<String, String> gone = joined();
        Waiter<String, String> next = joined();
        Waiter<String, String> other = joined();
        gone.complete(LATE);
        assertEquals(Succession.GOES_ON, flight.handOver());
        assertTrue(next.join() instanceof Outcome.TakeOver);
        assertFalse(other.isDone());
        assertFalse(flight.isOver());
    }

    @Test
    void whoseLoaderIsToRunInTheBackgroundHasItRunAside() {
        Waiter<String, String> aside = waiter(CONTEXT.capture());
        assertTrue(flight.join(aside, false));
        assertEquals(Succession.ASIDE, flight.handOver());
        assertFalse(aside.isDone());
        assertSame(aside, flight.next());
        aside.complete(LATE);
        assertNull(flight.next());
    }

    @Test
    void whereNobodyWaitsItIsOverUnlessItGoesOnUnattended() {
        flight.goOnUnattended();
        assertEquals(Succession.ASIDE, flight.handOver());
        assertFalse(flight.isOver());
        Flight<String, String> attended = new Flight<>("k", null);
        assertEquals(Succession.OVER, attended.handOver());
        assertTrue(attended.isOver());
    }

    @Test
    void aLoadThatHasEndedOrIsOutOfItsLeaseHasNoSuccessor() {
        flight.ended(FOUND);
        assertEquals(Succession.GOES_ON, flight.handOver());
        assertFalse(flight.isOver());
        Flight<String, String> late = new Flight<>("k", null);
        late.expire(LATE);
        assertEquals(Succession.GOES_ON, late.handOver());
        assertFalse(late.isOver());
    }

    @Test
    void whoLeavesLeavesItToTheOthers() {
        Waiter<String, String> leaving = joined();
        Waiter<String, String> staying = joined();
        assertTrue(flight.runBy(run(false)));
        assertEquals(Succession.GOES_ON, flight.leave(leaving));
        flight.ended(FOUND);
        assertFalse(leaving.isDone());
        assertSame(FOUND, staying.join());
    }

    @Test
    void whenTheLastLeavesARunInTheBackgroundItIsOver() {
        Waiter<String, String> leaving = joined();
        LoadRun run = run(false);
        assertTrue(flight.runBy(run));
        assertEquals(Succession.OVER, flight.leave(leaving));
        assertTrue(flight.isOver());
        flight.abandon();
        assertFalse(run.begin(), "it was stopped");
        Flight<String, String> idle = new Flight<>("k", null);
        idle.abandon();
        assertFalse(idle.isOver());
    }

    @Test
    void whenTheLastLeavesWhatSomebodyElseRunsItGoesOn() {
        Waiter<String, String> first = joined();
        assertEquals(Succession.GOES_ON, flight.leave(first), "without a run it is in somebody's hands");
        Waiter<String, String> second = joined();
        assertTrue(flight.runBy(run(true)));
        assertEquals(Succession.GOES_ON, flight.leave(second), "its runner wants it himself");
        Waiter<String, String> third = joined();
        assertTrue(flight.runBy(run(false)));
        flight.goOnUnattended();
        assertEquals(Succession.GOES_ON, flight.leave(third));
        assertFalse(flight.isOver());
    }

    @Test
    void whoLeavesAfterItsEndOrItsLeaseChangesNothing() {
        Waiter<String, String> waiter = joined();
        assertTrue(flight.runBy(run(false)));
        flight.ended(FOUND);
        assertEquals(Succession.GOES_ON, flight.leave(waiter));
        Flight<String, String> late = new Flight<>("k", null);
        Waiter<String, String> other = waiter();
        assertTrue(late.join(other, false));
        assertTrue(late.runBy(run(false)));
        late.expire(LATE);
        assertEquals(Succession.GOES_ON, late.leave(other));
        assertFalse(late.isOver());
    }

    @Test
    void whoLeavesWithTheLoadInItsHandsHandsItOn() {
        Waiter<String, String> first = joined();
        Waiter<String, String> second = joined();
        assertEquals(Succession.GOES_ON, flight.handOver());
        assertTrue(first.join() instanceof Outcome.TakeOver);
        assertEquals(Succession.GOES_ON, flight.leave(first));
        assertTrue(second.join() instanceof Outcome.TakeOver);
        assertEquals(Succession.OVER, flight.leave(second));
        assertTrue(flight.isOver());
    }

    @Test
    void itKnowsItsKeyAndTheOneBefore() {
        Flight<String, String> second = new Flight<>("key", flight);
        assertEquals("key", second.storeKey());
        assertSame(flight, second.previous());
        assertNull(flight.previous());
    }
}
