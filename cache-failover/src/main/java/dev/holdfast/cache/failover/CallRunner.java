package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Takes one call through the tiers: does what its {@link Call} says, and reports what came of it. All error policy of the
 * composite is in {@link #failed} and in what that asks. Of one thread.
 */
final class CallRunner<R extends @Nullable Object> {
    /** What a command is given whose call has no time left: it was admitted when it had. */
    private static final long SHORTEST = 1_000_000;

    private final Switchboard switchboard;
    private final Call call;
    /** Does the call for some of its keys at a store. */
    private final BiFunction<CacheStore, List<String>, R> operation;

    private R result;

    /** Creates one that returns {@code none} if there is nothing to do. */
    CallRunner(Switchboard switchboard, Call call, BiFunction<CacheStore, List<String>, R> operation, R none) {
        this.switchboard = switchboard;
        this.call = call;
        this.operation = operation;
        this.result = none;
    }

    /** Takes in what became of an attempt on the fast path. */
    void tried(FastPath.Tried<R> tried, List<String> keys) {
        Route route = tried.route();
        Attempt attempt = Attempt.of(route.tier().index, keys, route.stamp());
        Throwable failure = tried.failure();
        if (failure == null) {
            // The change may have gone where it no longer belongs.
            result = tried.result();
            succeeded(attempt, route.store(), result);
        } else {
            failed(attempt, route.store(), failure);
        }
    }

    /** Goes on until the call is over. */
    R run() {
        while (true) {
            Step step = next();
            if (step.attempt() != null) {
                attempt(step, step.attempt());
            } else if (step.pause() > 0) {
                pause(step.pause());
            } else {
                return result;
            }
        }
    }

    /** An attempt with the stores it needs, or a pause, or neither at the end. */
    private record Step(@Nullable Attempt attempt, CacheStore store, long rest, long pause) {}

    private Step next() {
        if (switchboard.closed()) {
            throw new IllegalStateException("the store is closed");
        }
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted("between two tiers");
        }
        return switchboard.decide(state -> {
            long now = switchboard.now();
            Attempt attempt = call.next(now);
            CacheStore store =
                    switchboard.tier(attempt == null ? 0 : attempt.tier()).store();
            return new Step(attempt, store, Math.max(SHORTEST, call.deadline() - now), call.pause());
        });
    }

    private void attempt(Step step, Attempt attempt) {
        Tier tier = switchboard.tier(attempt.tier());
        // A prefix removal takes its time on a healthy server: nothing to watch for.
        boolean watched = call.kind() != Kind.PREFIX;
        int tick = watched ? tier.begin() : 0;
        try {
            CacheStore store = bounded(step.store(), step.rest());
            if (!attempt.purge().isEmpty()) {
                Cleaning cleaning = switchboard.cleaning();
                for (Cleaning.Batch batch : cleaning.batches(attempt.keys())) {
                    cleaning.remove(store, batch);
                }
                switchboard.change(state -> state.keys.purged(attempt, switchboard.now()));
                // That took some of the time.
                store = bounded(step.store(), Math.max(SHORTEST, call.deadline() - switchboard.now()));
            }
            result = operation.apply(store, attempt.keys());
        } catch (Throwable e) {
            if (watched) {
                tier.ended(tick, e);
            }
            failed(attempt, step.store(), e);
            return;
        }
        if (watched) {
            tier.answered(tick);
        }
        succeeded(attempt, step.store(), result);
    }

    private static CacheStore bounded(CacheStore store, long rest) {
        return store.callBound().toNanos() > rest ? store.within(Duration.ofNanos(rest)) : store;
    }

    private void succeeded(Attempt attempt, CacheStore store, @Nullable Object answer) {
        if (call.kind() == Kind.FILL && Boolean.FALSE.equals(answer)) {
            return; // nothing was stored that could be where it does not belong
        }
        long counter = answer instanceof Long sum ? sum : 0;
        Call.After after = switchboard.decide(state -> call.succeeded(attempt, counter, switchboard.now()));
        if (after == Call.After.REMOVE_AGAIN) {
            removeFromMemory(store, memory -> memory.removeAll(attempt.keys()));
        } else if (after == Call.After.REMOVE_FROM_MEMORY) {
            removeFromMemory(switchboard.lastTier().store(), memory -> {
                if (call.kind() == Kind.PREFIX) {
                    memory.removeByPrefix(attempt.keys().get(0));
                } else {
                    memory.removeAll(attempt.keys());
                }
            });
        }
    }

    /** What was in a memory that was replaced meanwhile, and closed, is gone with it. */
    private void removeFromMemory(CacheStore memory, Consumer<CacheStore> removal) {
        try {
            removal.accept(memory);
        } catch (IllegalStateException e) {
            if (switchboard.lastTier().store() == memory) {
                throw e;
            }
        }
    }

    /** Every failure of every attempt ends here: the call goes on, or the exception goes to the caller. */
    private void failed(Attempt attempt, CacheStore store, Throwable failure) {
        Tier tier = switchboard.tier(attempt.tier());
        if (failure instanceof IllegalStateException exception) {
            if (switchboard.closed()) {
                throw exception;
            }
            if (!tier.remote && tier.store() != store) {
                switchboard.change(state -> call.outdated(attempt));
                return;
            }
        }
        boolean unsent = failure instanceof CacheInterruptedException interrupt && !interrupt.outcomeUnknown();
        if (failure instanceof CacheRejectedException && call.changesSeveral()) {
            succeeded(attempt, store, null); // the keys that it does not speak of
        }
        boolean refused = unsent || failure instanceof CacheRejectedException || isContract(failure);
        if (refused || (failure instanceof CacheException && !(failure instanceof CacheUnavailableException))) {
            switchboard.change(state -> {
                if (refused) {
                    call.refused(attempt);
                } else {
                    call.abandoned(attempt, switchboard.now());
                }
            });
            throw (RuntimeException) failure;
        }
        CacheUnavailableException unavailable = tier.unavailable(failure);
        long answers = tier.answers();
        if (unavailable.reason() == Reason.PARTIAL) {
            switchboard.enterOutage(tier);
        }
        switchboard.change(state -> call.failed(attempt, unavailable, answers, switchboard.now()));
    }

    /** Whether a caller's argument is to blame: all others were checked before a store saw them. */
    private boolean isContract(Throwable failure) {
        return call.kind() == Kind.PREFIX && failure instanceof IllegalArgumentException;
    }

    private static void pause(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long rest = nanos; rest > 0; rest = end - System.nanoTime()) {
            if (Thread.currentThread().isInterrupted()) {
                throw interrupted("while waiting for a tier to answer again");
            }
            LockSupport.parkNanos(rest);
        }
    }

    private static CacheInterruptedException interrupted(String when) {
        return new CacheInterruptedException("interrupted " + when, null);
    }
}
