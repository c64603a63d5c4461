package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Runs loaders, on their caller's thread or aside, and sees to it that each flight ends. */
final class LoadRunner<K, V> implements AutoCloseable {
    private final String cache;
    private final Flights<K, V> flights;
    private final LoadedValues<K, V> loaded;
    private final Entries<V> entries;
    private final Counters counters;
    private final RetryPauses pauses;
    private final EngineServices services;
    private final LoadGate gate;
    private final Leases leases;
    private final ExecutorService background;

    LoadRunner(
            String cache,
            Flights<K, V> flights,
            LoadedValues<K, V> loaded,
            Entries<V> entries,
            Counters counters,
            RetryPauses pauses,
            int maxLoads,
            EngineServices services) {
        this.cache = cache;
        this.flights = flights;
        this.loaded = loaded;
        this.entries = entries;
        this.counters = counters;
        this.pauses = pauses;
        this.services = services;
        this.gate = new LoadGate(maxLoads);
        this.leases = new Leases(services.timer(), services.nanoTime());
        this.background = BackgroundThreads.unbounded("holdfast-" + cache + "-load");
    }

    LoadGate gate() {
        return gate;
    }

    /** Where short work runs that must not hold the thread it arises on. */
    ExecutorService background() {
        return background;
    }

    /** Runs the load of a flight on the calling thread, which waits for it anyway. */
    Outcome<V> runHere(Flight<K, V> flight, Request<K, V> request) {
        Outcome<V> found = lookAgain(flight, request);
        if (found != null) {
            return found;
        }
        LoadRun run = newRun(true, flight, request);
        try {
            return run(flight, request, run);
        } finally {
            ended(run);
        }
    }

    /** Runs the load of a flight on a thread of its own, as soon as there is a place. */
    void runAside(Flight<K, V> flight, Request<K, V> request) {
        LoadRun run = newRun(false, flight, request);
        if (!flight.runBy(run)) {
            ended(run);
            return;
        }
        aside(
                run,
                () -> {
                    if (lookAgain(flight, request) == null) {
                        run(flight, request, run);
                    }
                },
                refusal -> failed(flight, request, refusal));
    }

    /** Runs something on a thread of its own, as soon as its run has a place. */
    void aside(LoadRun run, Runnable work, Consumer<Throwable> refused) {
        Runnable task = services.context().carry(() -> {
            try {
                work.run();
            } finally {
                ended(run);
                Thread.interrupted();
            }
        });
        CompletableFuture<?> unused = run.place().granted().thenRun(() -> {
            try {
                background.execute(task);
            } catch (RejectedExecutionException e) {
                ended(run);
                refused.accept(e);
            }
        });
    }

    /** A load of the key may have ended between the caller's look at the store and its flight: then its value is there. */
    @Nullable
    Outcome<V> lookAgain(Flight<K, V> flight, Request<K, V> request) {
        if (request.refresh() || flights.stamp(request.storeKey()) == request.stamp()) {
            return null;
        }
        Outcome<V> found = loaded.freshIn(request.storeKey());
        if (found != null) {
            counters.joins.increment();
            flight.ended(found);
            flights.done(flight);
        }
        return found;
    }

    private LoadRun newRun(boolean onCallersThread, Flight<K, V> flight, Request<K, V> request) {
        return newRun(onCallersThread, request.policy().loadTimeout(), new LoadRun.Owner() {
            @Override
            public void expired() {
                expire(flight, request);
            }

            @Override
            public void neverBegan() {
                flights.done(flight);
            }

            @Override
            public boolean isAbandoned() {
                return flight.isOver();
            }
        });
    }

    LoadRun newRun(boolean onCallersThread, Duration lease, LoadRun.Owner owner) {
        long deadline = services.nanoTime().getAsLong() + lease.toNanos();
        LoadRun run = new LoadRun(onCallersThread, gate.enter(), deadline, owner);
        leases.add(run);
        return run;
    }

    void ended(LoadRun run) {
        leases.remove(run);
        run.place().leave();
    }

    void expire(Flight<K, V> flight, Request<K, V> request) {
        if (flight.expire(overdue(flight))) {
            counters.leaseExpired(flight.storeKey());
            rest(request);
        }
    }

    Outcome<V> overdue(Flight<K, V> flight) {
        return new Outcome.Failed<>(
                null, "cache " + cache + ": the load of " + flight.storeKey() + " did not end within its lease");
    }

    private Outcome<V> run(Flight<K, V> flight, Request<K, V> request, LoadRun run) {
        if (!run.begin()) {
            return overdue(flight);
        }
        if (!flight.runBy(run)) {
            run.end();
            return overdue(flight);
        }
        Request<K, V> current = upToDate(request);
        LoadDecisions<V> decisions = new LoadDecisions<>(entries, counters, current);
        V value;
        try {
            value = timed(run, () -> request.loader().load(request.key(), decisions));
        } catch (Throwable e) {
            return failed(flight, request, run, e);
        }
        // Not of interest whether the lease has run out: the caller whose thread found a value late gets it all the
        // same.
        run.end();
        ended(run);
        return succeeded(flight, current, value, decisions);
    }

    /** A loader must not find a last value "not modified" that was removed after its caller had seen it. */
    private Request<K, V> upToDate(Request<K, V> request) {
        String storeKey = request.storeKey();
        boolean asSeen = request.last() == null || flights.stamp(storeKey) == request.stamp();
        return asSeen ? request : request.withLast(loaded.last(storeKey));
    }

    private Outcome<V> succeeded(
            Flight<K, V> flight, Request<K, V> request, @Nullable V value, LoadDecisions<V> decisions) {
        counters.loads.increment();
        pauses.end(flight.storeKey());
        Outcome<V> outcome = new Outcome.Loaded<>(value);
        flight.ended(outcome);
        loaded.keep(flight, request, value, decisions);
        return outcome;
    }

    /** Waits for a place and loads, measuring the loader alone. */
    <T> T timed(LoadRun run, Callable<T> loading) throws Exception {
        if (!run.place().granted().isDone()) {
            run.place().granted().get();
        }
        long start = System.nanoTime();
        try {
            return loading.call();
        } finally {
            counters.loadTime.record(System.nanoTime() - start);
        }
    }

    private Outcome<V> failed(Flight<K, V> flight, Request<K, V> request, LoadRun run, Throwable cause) {
        if (run.end()) {
            // The lease ran out and the others were told, or nobody waits any more.
            return closed(flight, overdue(flight));
        }
        if (run.servesItsOwnThread() && isInterruption(cause)) {
            follow(flight, request, flight.handOver());
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while loading " + flight.storeKey(), cause);
        }
        return failed(flight, request, cause);
    }

    /** Ends a flight with a failure of its loader. */
    Outcome<V> failed(Flight<K, V> flight, Request<K, V> request, Throwable cause) {
        counters.loadFailed(flight.storeKey(), cause);
        rest(request);
        return closed(
                flight,
                new Outcome.Failed<>(
                        cause, "cache " + cache + ": the loader of " + flight.storeKey() + " failed: " + cause));
    }

    Outcome<V> closed(Flight<K, V> flight, Outcome<V> outcome) {
        flight.ended(outcome);
        flights.done(flight);
        return outcome;
    }

    private void rest(Request<K, V> request) {
        if (request.last() != null) {
            pauses.begin(request.storeKey(), request.policy().retryLoadAfter());
        }
    }

    void follow(Flight<K, V> flight, Request<K, V> request, Flight.Succession succession) {
        switch (succession) {
            case GOES_ON -> {}
            case OVER -> {
                flights.done(flight);
                flight.abandon();
            }
            case UNATTENDED -> runAside(flight, request);
        }
    }

    /**
     * Whether the caller was interrupted while it loaded, as opposed to a loader that gave up by itself: the flag is set, or an
     * InterruptedException has cleared it. One that comes from another thread, inside an ExecutionException, is a failed load,
     * as are the loader's own timeouts and cancellations.
     */
    static boolean isInterruption(Throwable thrown) {
        if (Thread.currentThread().isInterrupted()) {
            return true;
        }
        Throwable cause = thrown;
        for (int depth = 0; cause != null && depth < 8; depth++) {
            if (cause instanceof InterruptedException || cause instanceof CacheInterruptedException) {
                return true;
            }
            if (cause instanceof ExecutionException || cause instanceof CompletionException) {
                return false;
            }
            cause = cause.getCause();
        }
        return false;
    }

    /** Ends loads in the background. */
    @Override
    public void close() {
        leases.expireAside();
        background.shutdown();
    }
}
