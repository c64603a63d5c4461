package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Answers callers that found no fresh entries: of each key they join the load under way, or begin one, together with the other keys
 * that nobody loads. The own load comes first, so that two callers never wait for each other.
 */
final class Loads<K, V> {
    private final Flights<K, V> flights;
    private final LoadRunner<K, V> runner;
    private final Counters counters;
    private final RetryPauses pauses;
    private final EngineServices services;
    private final Answers<K, V> answers;

    Loads(EngineParts<K, V> cache) {
        this.flights = cache.flights();
        this.runner = new LoadRunner<>(cache);
        this.counters = cache.counters();
        this.pauses = cache.pauses();
        this.services = cache.services();
        this.answers = new Answers<>(cache);
    }

    LoadGate gate() {
        return runner.gate();
    }

    /** Ends loads in the background, and lets nobody wait for the others. */
    void close() {
        runner.close();
    }

    /**
     * Puts the values of the requested keys into {@code values}, leaving those without one out.
     *
     * @param caller does so when the loads have ended; {@code null}: the calling thread waits
     */
    void load(
            Collection<Request<K, V>> missing,
            Loading<K, V> loading,
            Map<K, V> values,
            @Nullable AsyncCall<K, V, ?> caller) {
        if (caller == null) {
            load(missing, loading, values);
        } else {
            caller.context().requireCarried();
            loadAside(missing, loading, values, caller);
        }
    }

    private void load(Collection<Request<K, V>> missing, Loading<K, V> loading, Map<K, V> values) {
        Begun<K, V> begun = new Begun<>(runner.load(loading), missing.size() > 1);
        try {
            for (Collection<Request<K, V>> batch : loading.batches(missing)) {
                begun.next(runner, loading);
                begin(batch, begun, values);
                // Whoever has no stale value must wait for the load anyway, so it may as well run here.
                boolean aside = begun.own.parts().stream().allMatch(part -> answers.mayRunAside(part.request()));
                if (aside) {
                    runAside(begun);
                } else {
                    begun.handedOn = true;
                    runHere(begun.own, values);
                }
            }
            for (Waiter<K, V> waiter : begun.waiters) {
                putIfPresent(values, waiter.request().key(), await(waiter));
            }
        } catch (Throwable e) {
            begun.orphaned(e);
            throw e;
        } finally {
            begun.waiters.forEach(this::leave);
        }
    }

    private void loadAside(
            Collection<Request<K, V>> missing, Loading<K, V> loading, Map<K, V> values, AsyncCall<K, V, ?> caller) {
        Begun<K, V> begun = new Begun<>(runner.load(loading), true);
        try {
            for (Collection<Request<K, V>> batch : loading.batches(missing)) {
                begun.next(runner, loading);
                begin(batch, begun, values);
                runAside(begun);
            }
            caller.waitFor(begun.waiters, values);
        } catch (Throwable e) {
            begun.orphaned(e);
            begun.waiters.forEach(this::leave);
            throw e;
        }
    }

    /**
     * Starts a load that nobody waits for, unless one is under way, rests, or has just ended. Throws nothing.
     *
     * @param context of its caller; {@code null}: that of the calling thread
     */
    void refreshAhead(Request<K, V> due, CarriedContext.@Nullable Captured context) {
        Load<K, V> load = null;
        try {
            String storeKey = due.storeKey();
            if (flights.find(storeKey) != null || pauses.holds(storeKey)) {
                return;
            }
            load = runner.load(Loading.one());
            if (!load.claim(due, null)) {
                return;
            }
            LoadPart<K, V> part = load.parts().get(0);
            if (flights.stamp(storeKey) != due.stamp()) {
                runner.handOver(part);
                return;
            }
            part.flight().goOnUnattended();
            // What was captured for a call carries that alone: this thread is in it by now.
            runner.runAside(
                    load,
                    context != null && context.isRefused()
                            ? context
                            : services.context().capture());
        } catch (Throwable e) {
            if (load != null) {
                load.end(e);
            }
        }
    }

    /** What a call has begun and joined so far. */
    private static final class Begun<K, V> {
        private Load<K, V> own;
        private final List<Waiter<K, V>> waiters = new ArrayList<>(1);
        /** Whether its thread has more to do than one load, so that what it is to take over runs elsewhere. */
        private final boolean busy;
        /** Whether the own load is in hands that will end it. */
        private boolean handedOn;

        Begun(Load<K, V> own, boolean busy) {
            this.own = own;
            this.busy = busy;
        }

        /** Begins the next load, once the one before is in hands that will end it. */
        void next(LoadRunner<K, V> runner, Loading<K, V> loading) {
            if (handedOn) {
                own = runner.load(loading);
                handedOn = false;
            }
        }

        void orphaned(Throwable cause) {
            if (!handedOn) {
                own.end(cause);
            }
        }
    }

    private void begin(Collection<Request<K, V>> missing, Begun<K, V> begun, Map<K, V> values) {
        for (Request<K, V> request : missing) {
            V resting = answers.resting(request);
            if (resting != null) {
                values.put(request.key(), resting);
            } else {
                joinOrClaim(request, begun);
            }
        }
    }

    private void joinOrClaim(Request<K, V> request, Begun<K, V> begun) {
        while (true) {
            Flight<K, V> present = flights.find(request.storeKey());
            if (present != null && joins(present, request, begun)) {
                return;
            }
            if (begun.own.claim(request, present)) {
                if (request.refresh()) {
                    begun.own.newest().flight().refresh();
                }
                return;
            }
        }
    }

    private boolean joins(Flight<K, V> present, Request<K, V> request, Begun<K, V> begun) {
        if (present.runsHere()) {
            throw new IllegalStateException(
                    "a loader asked its cache for the key that it is loading: " + request.shownKey());
        }
        long until = services.deadlines().now() + request.policy().loadTimeout().toNanos();
        Waiter<K, V> waiter = new Waiter<>(present, request, patience(request, true, until), context(begun));
        begun.waiters.add(waiter);
        if (!present.join(waiter, request.refresh())) {
            begun.waiters.remove(begun.waiters.size() - 1);
            return false;
        }
        counters.joins.increment();
        if (runner.gate().isHeldHere()) {
            present.hurry();
        }
        if (MarkedThreads.LEASED.isHere()) {
            present.neededByLeased();
        }
        watch(waiter);
        return true;
    }

    private CarriedContext.@Nullable Captured context(Begun<K, V> begun) {
        return begun.busy ? services.context().capture() : null;
    }

    private Waiter.Patience patience(Request<K, V> request, boolean bounded, long until) {
        boolean walksAway = answers.mayWalkAway(request);
        if (!bounded && !walksAway) {
            return Waiter.Patience.ENDLESS;
        }
        long soft = walksAway
                ? System.nanoTime() + request.policy().loadSoftTimeout().toNanos()
                : 0;
        return new Waiter.Patience(bounded, until, walksAway, soft);
    }

    private void watch(Waiter<K, V> waiter) {
        if (waiter.hasDeadline()) {
            services.deadlines().watch(waiter);
        }
    }

    private void runAside(Begun<K, V> begun) {
        for (LoadPart<K, V> part : begun.own.parts()) {
            Request<K, V> request = part.request();
            Waiter<K, V> waiter = new Waiter<>(part.flight(), request, patience(request, false, 0), context(begun));
            begun.waiters.add(waiter);
            part.flight().joinOwn(waiter);
            watch(waiter);
        }
        begun.handedOn = true;
        if (!begun.own.parts().isEmpty()) {
            runner.runAside(begun.own, services.context().capture());
        }
    }

    private void runHere(Load<K, V> own, Map<K, V> values) {
        runner.runHere(own);
        for (LoadPart<K, V> part : own.parts()) {
            Outcome<V> outcome = Objects.requireNonNull(part.outcome(), "a load that ran has an outcome");
            putIfPresent(values, part.request().key(), answers.of(part.flight(), part.request(), outcome, true));
        }
    }

    private static <K, V> void putIfPresent(Map<K, V> values, K key, @Nullable V value) {
        if (value != null) {
            values.put(key, value);
        }
    }

    private @Nullable V await(Waiter<K, V> waiter) {
        Outcome<V> outcome;
        try {
            outcome = waiter.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException(
                    "interrupted while waiting for the load of "
                            + waiter.request().shownKey(),
                    e);
        } catch (ExecutionException e) {
            throw new AssertionError("a waiter is never completed with an exception", e);
        }
        if (outcome instanceof Outcome.TakeOver && waiter.leaves()) {
            Load<K, V> successor = runner.load(Loading.one());
            successor.adopt(waiter.flight(), waiter.request());
            runner.runHere(successor);
            outcome = Objects.requireNonNull(successor.parts().get(0).outcome());
        }
        told(waiter, outcome);
        return answer(waiter, outcome);
    }

    /** What a caller that waited gets. */
    @Nullable
    V answer(Waiter<K, V> waiter, Outcome<V> outcome) {
        return answers.of(waiter.flight(), waiter.request(), outcome, false);
    }

    /** A caller has what it waited for, or has waited enough. */
    void told(Waiter<K, V> waiter, Outcome<V> outcome) {
        if (outcome instanceof Outcome.Impatient) {
            waiter.flight().goOnUnattended();
        }
        leave(waiter);
    }

    /** A caller waits no longer. Does nothing more than once. */
    void leave(Waiter<K, V> waiter) {
        services.deadlines().forget(waiter);
        if (waiter.leaves()) {
            runner.leave(waiter);
        }
    }
}
