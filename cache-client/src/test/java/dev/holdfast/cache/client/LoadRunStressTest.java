package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A run's states have no lock: an interrupt that races with its end arrives before it or not at all. */
class LoadRunStressTest extends EngineFixture {
    private static final int ROUNDS = 20_000;

    @Test
    void noInterruptOfARunReachesItsThreadAfterItsEnd() throws Exception {
        LoadGate gate = new LoadGate(1);
        AtomicInteger late = new AtomicInteger();
        AtomicInteger told = new AtomicInteger();
        AtomicInteger notBegun = new AtomicInteger();
        LoadRun.Owner owner = new LoadRun.Owner() {
            @Override
            public void expired() {}

            @Override
            public void neverBegan() {
                notBegun.incrementAndGet();
            }

            @Override
            public boolean isAbandoned() {
                return true;
            }
        };
        LoadRun[] current = {new LoadRun(true, gate.enter(), 0, owner)};
        CyclicBarrier round = new CyclicBarrier(2, () -> {
            current[0].place().leave();
            current[0] = new LoadRun(true, gate.enter(), 0, owner);
        });
        Future<?> interrupting = start(() -> {
            for (int i = 0; i < ROUNDS; i++) {
                round.await(30, TimeUnit.SECONDS);
                if (i % 2 == 0) {
                    current[0].passed();
                } else {
                    current[0].abandon();
                }
                round.await(30, TimeUnit.SECONDS);
            }
            return null;
        });
        Future<?> running = start(() -> {
            for (int i = 0; i < ROUNDS; i++) {
                round.await(30, TimeUnit.SECONDS);
                LoadRun run = current[0];
                if (run.begin() && run.end()) {
                    told.incrementAndGet();
                }
                if (Thread.currentThread().isInterrupted()) {
                    late.incrementAndGet();
                    Thread.interrupted();
                }
                round.await(30, TimeUnit.SECONDS);
            }
            return null;
        });
        result(running);
        result(interrupting);
        assertEquals(0, late.get());
        assertFalse(told.get() + notBegun.get() == 0, "they never met");
        current[0].place().leave();
        assertEquals(0, gate.running() + gate.waiting());
    }
}
