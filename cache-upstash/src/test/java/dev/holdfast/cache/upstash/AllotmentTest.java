package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Who may have a permit for a request of its own, and who waits until there are more. */
class AllotmentTest {
    private final AtomicInteger most = new AtomicInteger(2);
    private final Allotment allotment = new Allotment(most::get);

    private FutureTask<Boolean> waiting() {
        FutureTask<Boolean> task = new FutureTask<>(() -> allotment.enter(TimeUnit.SECONDS.toNanos(10)));
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        while (thread.getState() != Thread.State.TIMED_WAITING) {
            assertFalse(task.isDone(), "it was to wait");
            Thread.onSpinWait();
        }
        return task;
    }

    @Test
    void noMoreEnterThanThereMayBe() throws Exception {
        assertTrue(allotment.enter(0));
        assertTrue(allotment.enter(0));
        assertFalse(allotment.enter(TimeUnit.MILLISECONDS.toNanos(1)));
    }

    @Test
    void whoLeavesLetsTheNextIn() throws Exception {
        assertTrue(allotment.enter(0));
        assertTrue(allotment.enter(0));
        FutureTask<Boolean> next = waiting();
        allotment.leave();
        assertTrue(next.get(10, TimeUnit.SECONDS));
        assertFalse(allotment.enter(0));
    }

    @Test
    void thoseWhoWaitAreLetInWhenItIsWidened() throws Exception {
        most.set(0);
        FutureTask<Boolean> one = waiting();
        FutureTask<Boolean> two = waiting();
        most.set(2);
        allotment.widened();
        assertTrue(one.get(10, TimeUnit.SECONDS));
        assertTrue(two.get(10, TimeUnit.SECONDS));
    }

    @Test
    void nobodyEntersWhoComesAfterItWasNarrowed() throws Exception {
        assertTrue(allotment.enter(0));
        assertTrue(allotment.enter(0));
        most.set(1);
        allotment.leave();
        assertFalse(allotment.enter(0));
        allotment.leave();
        assertTrue(allotment.enter(0));
    }
}
