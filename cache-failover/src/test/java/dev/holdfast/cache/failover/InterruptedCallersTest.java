package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.testkit.FlakyStore;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.slf4j.helpers.NOPLogger;

/** Callers who are interrupted say nothing about a server, however many they are. Nothing watches here, and no time passes. */
class InterruptedCallersTest {
    private static final int CALLERS = 1_000;

    private final FlakyStore server = new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3));
    private final Ticks ticks = new Ticks(() -> 1);
    private final FailoverState state = Decisions.alone();
    private final TierState first = state.tiers.get(0);
    private final Tier tier = new Tier(first, server, ticks, FailoverConfig.DEFAULT);
    private final Switchboard switchboard = new Switchboard(state, List.of(tier), ticks, () -> 1, null, List::of);

    /** Makes virtual threads where the JVM has them. */
    private static ThreadFactory threads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            return (ThreadFactory) Class.forName("java.lang.Thread$Builder")
                    .getMethod("factory")
                    .invoke(builder);
        } catch (ReflectiveOperationException | UnsupportedOperationException e) {
            return Thread::new;
        }
    }

    @Test
    void aThousandInterruptedCallersLeaveTheBreakerClosedAndNothingCounted() throws InterruptedException {
        List<Tier> tiers = List.of(tier);
        Background background = new Background(
                switchboard,
                tiers,
                new Notifications(NOPLogger.NOP_LOGGER, List.of(), List.of()),
                value -> Long.MAX_VALUE,
                "unstarted");
        Ticker ticker = new Ticker(switchboard, tiers, ticks, background, "unstarted");
        try (FailoverStore store = new FailoverStore(
                switchboard,
                background,
                new Shutdown(switchboard, tiers, background, ticker),
                tiers,
                new FailoverHealth(switchboard, tiers, Clock.systemUTC()),
                Duration.ofSeconds(10))) {
            server.hang(CALLERS);
            AtomicInteger interrupted = new AtomicInteger();
            List<Thread> callers = new ArrayList<>();
            ThreadFactory threads = threads();
            for (int i = 0; i < CALLERS; i++) {
                callers.add(threads.newThread(() -> {
                    try {
                        store.get("c:k");
                    } catch (CacheInterruptedException e) {
                        if (Thread.currentThread().isInterrupted()) {
                            interrupted.incrementAndGet();
                        }
                    }
                }));
            }
            callers.forEach(Thread::start);
            server.awaitHanging(CALLERS);
            assertTrue(tier.observe(ticks.advance()).busy(), "the calls are under way");

            callers.forEach(Thread::interrupt);
            for (Thread caller : callers) {
                caller.join();
            }

            assertEquals(CALLERS, interrupted.get());
            tier.observe(ticks.advance());
            assertFalse(tier.observe(ticks.advance()).busy(), "a call was not taken off the count");
            assertTrue(first.closed());
            assertEquals(0, first.detector.failuresInARow());
            assertNull(store.get("c:k"));
        }
    }
}
