package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes calls through the tiers: asks the state what to do, does it, and reports. All error policy of the composite is in
 * {@link #attempt} and in what that asks. The lock is held for decisions only, never across a store's work.
 */
final class Switchboard {
    /** What a command is given whose call has no time left: it was admitted when it had. */
    private static final long SHORTEST = 1_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final FailoverState state;
    private final List<Tier> tiers;
    private final LongSupplier nanoTime;
    private final Ticks ticks;
    private final @Nullable Supplier<CacheStore> memories;
    private final List<CacheStore> retired = new ArrayList<>();
    private Background background = Background.NONE;
    private int memoryGeneration;
    private volatile boolean closed;
    private volatile Route route;

    Switchboard(
            FailoverState state,
            List<Tier> tiers,
            Ticks ticks,
            LongSupplier nanoTime,
            @Nullable Supplier<CacheStore> memories) {
        this.state = state;
        this.tiers = tiers;
        this.ticks = ticks;
        this.nanoTime = nanoTime;
        this.memories = memories;
        this.route = currentRoute();
    }

    void attach(Background worker) {
        background = worker;
    }

    /** Where calls go that need no thought. */
    Route route() {
        return route;
    }

    /** Begins a call: refuses a caller who was interrupted, before anything is sent. */
    Route enter() {
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted("before the call");
        }
        return route;
    }

    private static CacheInterruptedException interrupted(String when) {
        return new CacheInterruptedException("interrupted " + when, null);
    }

    long now() {
        return nanoTime.getAsLong();
    }

    /** Reads or changes the state, and sees to what follows from it. */
    <R> R decide(Function<FailoverState, R> decision) {
        List<Effect> effects;
        R result;
        lock.lock();
        try {
            result = decision.apply(state);
        } finally {
            try {
                publish();
                effects = state.takeEffects();
                background.note(effects);
            } finally {
                lock.unlock();
            }
        }
        background.perform(effects);
        return result;
    }

    /** Makes the state's word the law: a new memory and the route to it become visible together. */
    private void publish() {
        if (memories != null && state.memory.generation() != memoryGeneration && !closed) {
            memoryGeneration = state.memory.generation();
            retired.add(tiers.get(tiers.size() - 1).replace(memories.get()));
        }
        Route next = currentRoute();
        Route last = route;
        if (!next.sameAs(last)) {
            route = next;
        }
    }

    private Route currentRoute() {
        int serving = state.circuit.serving();
        Tier tier = tiers.get(serving == FailoverState.NONE ? 0 : serving);
        boolean reads = !closed && state.readsAreClean();
        boolean writes = reads && state.writesAreClean(now());
        return new Route(tier, tier.store(), reads, writes, state.tiers.get(tier.index).stamp);
    }

    /** Returns memories that were replaced and not yet closed, and forgets them. */
    List<CacheStore> takeRetired() {
        lock.lock();
        try {
            List<CacheStore> taken = List.copyOf(retired);
            retired.clear();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** Ends everything; returns whether this was the first time. */
    boolean close() {
        lock.lock();
        try {
            boolean first = !closed;
            closed = true;
            route = currentRoute();
            return first;
        } finally {
            lock.unlock();
        }
    }

    boolean closed() {
        return closed;
    }

    /** Changes the state. */
    void change(Consumer<FailoverState> change) {
        decide(decided -> {
            change.accept(decided);
            return true;
        });
    }

    /** The tiers that admit calls, in their order. */
    List<Tier> admitting() {
        return decide(decided -> tiers.stream()
                .filter(tier -> decided.tiers.get(tier.index).closed())
                .toList());
    }

    /**
     * Makes a call, or ends one that was begun on the fast path.
     *
     * @param tried what became of it there; {@code null} if it was not tried
     * @param none the result if there is nothing to do
     * @param limit the longest it may take in all
     */
    <R> R call(@Nullable Tried<R> tried, Request request, R none, Operation<R> operation, Duration limit) {
        if (tried == null) {
            return drive(Call.begin(state, request, now() + limit.toNanos()), request, none, operation);
        }
        Route route = tried.route();
        Call call = Call.attempted(state, request, ticks.startOf(tried.tick()) + limit.toNanos());
        Attempt attempt = Attempt.of(route.tier().index, request.keys(), route.stamp());
        Throwable failure = tried.failure();
        if (failure == null) {
            // The change may have gone where it no longer belongs.
            succeeded(call, attempt, route.store(), tried.result());
            return drive(call, request, tried.result(), operation);
        }
        route.tier().ended(tried.tick(), failure);
        failed(call, attempt, route.store(), failure);
        return drive(call, request, none, operation);
    }

    private <R> R drive(Call call, Request request, R none, Operation<R> operation) {
        R result = none;
        while (true) {
            Step step = next(call);
            if (step.attempt() != null) {
                result = attempt(call, step, step.attempt(), request, result, operation);
            } else if (step.pause() > 0) {
                pause(step.pause());
            } else {
                return result;
            }
        }
    }

    /** An attempt with the stores it needs, or a pause, or neither at the end. */
    private record Step(@Nullable Attempt attempt, CacheStore store, long rest, long pause) {}

    private Step next(Call call) {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted("between two tiers");
        }
        return decide(decided -> {
            long now = now();
            Attempt attempt = call.next(now);
            CacheStore store = tiers.get(attempt == null ? 0 : attempt.tier()).store();
            return new Step(attempt, store, call.deadline() - now, call.pause());
        });
    }

    private <R> R attempt(Call call, Step step, Attempt attempt, Request request, R before, Operation<R> operation) {
        Tier tier = tiers.get(attempt.tier());
        // A prefix removal takes its time on a healthy server: nothing to watch for.
        boolean watched = request.kind() != Kind.PREFIX;
        int tick = watched ? tier.begin() : 0;
        R result;
        try {
            CacheStore store = bounded(step.store(), step.rest());
            if (!attempt.purge().isEmpty()) {
                store.removeAll(attempt.keys());
                change(decided -> decided.keys.purged(attempt));
                // That took some of the time.
                store = bounded(step.store(), Math.max(SHORTEST, call.deadline() - now()));
            }
            result = operation.on(store, attempt.keys());
        } catch (RuntimeException | Error e) {
            if (watched) {
                tier.ended(tick, e);
            }
            failed(call, attempt, step.store(), e);
            return before;
        }
        if (watched) {
            tier.answered(tick);
        }
        succeeded(call, attempt, step.store(), result);
        return result;
    }

    private static CacheStore bounded(CacheStore store, long rest) {
        return store.callBound().toNanos() > rest ? store.within(Duration.ofNanos(rest)) : store;
    }

    private <R> void succeeded(Call call, Attempt attempt, CacheStore store, R result) {
        long counter = result instanceof Long sum ? sum : 0;
        Call.After after = decide(decided -> call.succeeded(attempt, counter, now()));
        if (after == Call.After.REMOVE_AGAIN) {
            store.removeAll(attempt.keys());
        } else if (after == Call.After.REMOVE_FROM_MEMORY) {
            CacheStore memory = tiers.get(tiers.size() - 1).store();
            if (call.kind() == Kind.PREFIX) {
                memory.removeByPrefix(attempt.keys().get(0));
            } else {
                memory.removeAll(attempt.keys());
            }
        }
    }

    /** Every failure of every attempt ends here: the call goes on, or the exception goes to the caller. */
    private void failed(Call call, Attempt attempt, CacheStore store, Throwable failure) {
        if (failure instanceof CacheUnavailableException unavailable) {
            long answers = tiers.get(attempt.tier()).answers();
            change(decided -> call.failed(attempt, unavailable, answers, now()));
            return;
        }
        Tier tier = tiers.get(attempt.tier());
        if (failure instanceof IllegalStateException && !closed && !tier.remote && tier.store() != store) {
            change(decided -> call.outdated(attempt));
            return;
        }
        boolean refused = failure instanceof CacheRejectedException
                || failure instanceof IllegalArgumentException
                || failure instanceof NullPointerException;
        change(decided -> {
            if (refused) {
                call.refused(attempt);
            } else {
                call.abandoned(attempt, now());
            }
        });
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        throw (Error) failure;
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
}
