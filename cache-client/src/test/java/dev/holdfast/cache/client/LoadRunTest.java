package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One run of a loader, and the interrupts that reach it. */
class LoadRunTest {
    private final LoadGate gate = new LoadGate(1);
    private final List<String> told = new ArrayList<>();
    private boolean abandoned = true;
    private boolean broken;

    private final LoadRun.Owner owner = new LoadRun.Owner() {
        @Override
        public void expired() {
            told.add("expired");
            if (broken) {
                throw new IllegalStateException("planted");
            }
        }

        @Override
        public void neverBegan() {
            told.add("never began");
            if (broken) {
                throw new IllegalStateException("planted");
            }
        }

        @Override
        public boolean isAbandoned() {
            return abandoned;
        }
    };

    private LoadRun run(boolean onCallersThread) {
        return new LoadRun(onCallersThread, gate.enter(), 100, owner);
    }

    @AfterEach
    void clearTheFlag() {
        Thread.interrupted();
    }

    @Test
    void aRunThatEndsInTimeIsNotInterrupted() {
        LoadRun run = run(true);
        assertTrue(run.begin());
        assertFalse(run.begin(), "once");
        assertTrue(run.isOn(Thread.currentThread()));
        assertFalse(run.end());
        assertFalse(run.end());
        assertFalse(run.interrupt());
        assertFalse(Thread.interrupted());
        assertEquals(25, run.remainingNanos(75));
    }

    @Test
    void aRunThatIsInterruptedIsToldAtItsEndAndItsThreadsFlagIsClear() {
        LoadRun run = run(true);
        assertTrue(run.begin());
        assertFalse(run.interrupt(), "it had begun");
        assertTrue(Thread.currentThread().isInterrupted());
        assertTrue(run.end());
        assertFalse(Thread.currentThread().isInterrupted());
        assertFalse(run.end(), "told once");
    }

    @Test
    void anInterruptOfOthersIsLeftToTheirs() {
        LoadRun run = run(true);
        assertTrue(run.begin());
        Thread.currentThread().interrupt();
        assertFalse(run.end());
        assertTrue(Thread.interrupted());
    }

    @Test
    void aRunThatWasStoppedBeforeItsBeginningDoesNotBegin() {
        LoadRun run = run(false);
        assertTrue(run.interrupt());
        assertFalse(run.interrupt());
        assertFalse(run.begin());
        assertFalse(Thread.interrupted());
    }

    @Test
    void aRunWhoseLeaseIsOverGivesItsPlaceBackAndTellsItsOwner() {
        LoadRun run = run(false);
        LoadGate.Place next = gate.enter();
        assertFalse(next.granted().isDone());
        assertTrue(run.begin());
        run.passed();
        assertEquals(List.of("expired"), told);
        assertTrue(next.granted().isDone());
        assertTrue(run.end());
    }

    @Test
    void aRunWhoseLeaseIsOverBeforeItBeganHasNoResultEver() {
        LoadRun run = run(false);
        run.passed();
        assertEquals(List.of("expired", "never began"), told);
        assertEquals(0, gate.running());
    }

    @Test
    void whateverItsOwnerThrowsItsPlaceIsFree() {
        broken = true;
        LoadRun run = run(false);
        assertThrows(IllegalStateException.class, run::passed);
        assertEquals(List.of("expired", "never began"), told);
        assertEquals(0, gate.running());
        assertFalse(run.begin());
    }

    @Test
    void itIsAbandonedOnlyWhenNobodyWaits() {
        LoadRun run = run(false);
        abandoned = false;
        run.abandon();
        assertTrue(run.begin());
        abandoned = true;
        run.abandon();
        assertTrue(run.end());
    }

    @Test
    void whenItsCacheClosesARunInTheBackgroundIsStoppedAndACallersOwnGoesOn() {
        LoadRun own = run(true);
        assertTrue(own.servesItsOwnThread());
        assertTrue(own.begin());
        own.close();
        assertEquals(List.of("expired"), told);
        assertFalse(own.end());
        own.place().leave();

        told.clear();
        LoadRun aside = run(false);
        assertFalse(aside.servesItsOwnThread());
        assertTrue(aside.begin());
        aside.close();
        assertEquals(List.of("expired"), told);
        assertTrue(aside.end());
        assertEquals(0, gate.running());
    }
}
