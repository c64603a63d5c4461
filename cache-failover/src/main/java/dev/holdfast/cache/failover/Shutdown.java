package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Ends a composite, once: with it goes the only record of what its tiers have missed. */
final class Shutdown {
    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);

    /** For what tiers have missed. */
    private static final long LAST_CHANCE = TimeUnit.SECONDS.toNanos(2);

    /** So long a client that goes waits for the answer to what it is just saying: as long as that is given. */
    private static final long LAST_WORD = TimeUnit.SECONDS.toNanos(1);

    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Background background;
    private final Ticker ticker;
    private final AtomicBoolean begun = new AtomicBoolean();

    Shutdown(Switchboard switchboard, List<Tier> tiers, Background background, Ticker ticker) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.background = background;
        this.ticker = ticker;
    }

    /** Ends it after a last chance for what its tiers have missed. */
    void run() {
        if (begun.compareAndSet(false, true)) {
            try {
                settle();
                leave();
            } finally {
                end();
            }
        }
    }

    /** Ends it at once. */
    void abandon() {
        if (begun.compareAndSet(false, true)) {
            end();
        }
    }

    /** Gives what tiers have missed a last chance, and says what of it is lost with this composite. */
    private void settle() {
        if (switchboard.decide(FailoverState::isClean)) {
            return;
        }
        long end = switchboard.now() + LAST_CHANCE;
        switchboard.change(state -> state.hurry(switchboard.now()));
        while (!switchboard.decide(FailoverState::hurried)
                && switchboard.now() - end < 0
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
        for (Tier tier : tiers) {
            String left = switchboard.decide(
                    state -> state.tiers.get(tier.index).dirty.summary());
            if (!left.isEmpty()) {
                log.warn(
                        "closed while tier {} still had {} to catch up with: other clients may read old"
                                + " values there until their time to live is over",
                        tier.name,
                        left);
            }
        }
    }

    /**
     * Leaves the roll of those that share the first server, if it is known of this client that it owes nobody anything. What it is just saying is
     * waited for: by that it may come to be on the roll.
     */
    private void leave() {
        long end = switchboard.now() + LAST_WORD;
        while (switchboard.decide(FailoverState::isSaying) && switchboard.now() - end < 0) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            if (Thread.currentThread().isInterrupted()) {
                break;
            }
        }
        Attendance.Saying saying = switchboard.decide(state -> state.leave(switchboard.now()));
        if (saying != null) {
            try {
                tiers.get(0).store().beat(saying.beat(), saying.timeout());
            } catch (RuntimeException e) {
                log.debug("the roll could not be left: others wait for this client until it is struck off", e);
            }
        }
    }

    private void end() {
        List<Runnable> steps = new ArrayList<>(List.of(
                switchboard::close,
                () -> switchboard.change(state -> state.attendance.oweAll()),
                ticker::stop,
                background::stop,
                switchboard::closeStock,
                () -> runAll(switchboard.takeRetired().stream()
                        .map(retired -> (Runnable) retired::close)
                        .toList())));
        tiers.forEach(tier -> steps.add(() -> tier.store().close()));
        runAll(steps);
    }

    /** Takes each step, whatever others throw; throws the first of it then. */
    private static void runAll(List<Runnable> steps) {
        Throwable first = null;
        for (Runnable step : steps) {
            try {
                step.run();
            } catch (Throwable e) {
                first = first == null ? e : first;
            }
        }
        if (first instanceof Error e) {
            throw e;
        }
        if (first != null) {
            throw first instanceof RuntimeException e ? e : new IllegalStateException("a store failed to close", first);
        }
    }
}
