package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LoadGateTest {
    private final LoadGate gate = new LoadGate(2);

    /** Whatever was done, its lock is free: another thread would wait for it for ever. */
    @AfterEach
    void othersCanLookAtIt() throws Exception {
        FutureTask<Integer> look = new FutureTask<>(gate::running);
        new Thread(look).start();
        assertEquals(gate.running(), look.get(10, TimeUnit.SECONDS));
    }

    private void assertFigures(int running, int waiting) {
        assertEquals(running, gate.running());
        assertEquals(waiting, gate.waiting());
    }

    @Test
    void placesAreGrantedInTheOrderOfComing() {
        LoadGate.Place first = gate.enter();
        LoadGate.Place second = gate.enter();
        LoadGate.Place third = gate.enter();
        LoadGate.Place fourth = gate.enter();
        assertTrue(first.granted().isDone() && second.granted().isDone());
        assertFalse(third.granted().isDone() || fourth.granted().isDone());
        assertFigures(2, 2);
        second.leave();
        second.leave();
        assertTrue(third.granted().isDone());
        assertFalse(fourth.granted().isDone(), "a place is left once");
        assertFigures(2, 1);
        fourth.leave();
        assertFigures(2, 0);
        first.leave();
        third.leave();
        assertFigures(0, 0);
        assertTrue(gate.enter().granted().isDone());
    }

    @Test
    void whatCanNotWaitIsGrantedBeyondTheBoundAndFreesNoPlaceOfOthers() {
        LoadGate.Place first = gate.enter();
        gate.enter();
        LoadGate.Place urgent = gate.enter();
        LoadGate.Place waiting = gate.enter();
        urgent.grantAtOnce();
        assertTrue(urgent.granted().isDone());
        assertFigures(2, 1);
        urgent.leave();
        assertFalse(waiting.granted().isDone());
        first.leave();
        assertTrue(waiting.granted().isDone());
    }

    @Test
    void whoHoldsAPlaceNeedsNoOther() {
        gate.enter();
        gate.enter();
        assertFalse(gate.isHeldHere());
        String result = gate.holding(() -> {
            assertTrue(gate.isHeldHere());
            assertTrue(gate.enter().granted().isDone());
            assertFigures(2, 0);
            return gate.holding(() -> "inner");
        });
        assertEquals("inner", result);
        assertFalse(gate.isHeldHere());
        assertFalse(gate.enter().granted().isDone());
    }

    @Test
    void theInnerEndIsNotTheOuter() {
        gate.holding(() -> {
            gate.holding(() -> "inner");
            assertTrue(gate.isHeldHere());
            return "outer";
        });
        assertThrows(
                IllegalStateException.class,
                () -> gate.holding(() -> {
                    throw new IllegalStateException("the loader failed");
                }));
        assertFalse(gate.isHeldHere());
    }
}
