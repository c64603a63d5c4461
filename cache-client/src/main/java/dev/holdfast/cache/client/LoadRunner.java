package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CallObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Runs loads, on their caller's thread or aside. */
final class LoadRunner<K, V> implements AutoCloseable {
    private final Flights<K, V> flights;
    private final LoadedValues<K, V> loaded;
    private final Entries<V> entries;
    private final Counters counters;
    private final RetryPauses pauses;
    private final EngineServices services;
    private final LoadLocks<V> locks;
    private final LoadGate gate;
    private final RunningLoads running;

    LoadRunner(
            Flights<K, V> flights,
            LoadedValues<K, V> loaded,
            Entries<V> entries,
            Counters counters,
            RetryPauses pauses,
            LoadLocks<V> locks,
            int maxLoads,
            EngineServices services) {
        this.flights = flights;
        this.loaded = loaded;
        this.entries = entries;
        this.counters = counters;
        this.pauses = pauses;
        this.services = services;
        this.locks = locks;
        this.gate = new LoadGate(maxLoads);
        this.running = new RunningLoads(services.deadlines());
    }

    LoadGate gate() {
        return gate;
    }

    /** Makes a load that has no keys yet. Whoever has it in hand runs it or ends it. */
    Load<K, V> load(Loading<K, V> loading) {
        return new Load<>(this, flights, loading);
    }

    /** Runs a load on the calling thread, which waits for it anyway. Then each part has its outcome. */
    void runHere(Load<K, V> load) {
        try {
            begin(load, true);
            run(load);
            load.end(null);
        } catch (Throwable e) {
            load.end(e);
            throw e;
        }
    }

    /** Runs a load in the background, as soon as there is a place, in a context for it alone. Throws nothing. */
    void runAside(Load<K, V> load, CarriedContext.Captured context) {
        try {
            LoadRun run = begin(load, false);
            if (!flightsRunBy(run, load)) {
                load.end(null);
                return;
            }
            Runnable begin = () -> load.finishOn(services.threads()::load, () -> context.run(() -> run(load)));
            CompletableFuture<?> granted = run.place().granted();
            if (granted.isDone()) {
                begin.run();
            } else {
                CompletableFuture<?> unused = granted.thenRun(() -> beginElsewhere(load, begin));
            }
        } catch (Throwable e) {
            load.end(e);
        }
    }

    /** Whoever has left a place has callers to tell, or leases to end: loads that an executor runs at once are none of that thread's. Throws nothing. */
    private void beginElsewhere(Load<K, V> load, Runnable begin) {
        try {
            services.threads().handingOver().execute(begin);
        } catch (Throwable e) { // no thread could be had: whoever waits for the load is told that
            load.end(e);
        }
    }

    private static <K, V> boolean flightsRunBy(LoadRun run, Load<K, V> load) {
        boolean any = false;
        for (LoadPart<K, V> part : load.parts()) {
            any |= part.flight().runBy(run);
        }
        return any;
    }

    private LoadRun begin(Load<K, V> load, boolean onCallersThread) {
        long deadline = services.deadlines().now() + load.lease().toNanos();
        LoadRun run = new LoadRun(onCallersThread, gate.enter(), deadline, load);
        load.neededByLeased(LeasedThreads.isHere());
        load.runBy(run);
        running.add(run);
        return run;
    }

    /** Gives a run's place and its lease back. Idempotent. */
    void leave(LoadRun run) {
        running.remove(run);
        run.place().leave();
    }

    private void run(Load<K, V> load) {
        LoadRun run = load.run();
        if (!run.begin()) {
            // The lease ran out, or all have left, before it began.
            load.parts().forEach(part -> part.outcome(Outcome.overdue()));
            return;
        }
        try {
            run(load, run);
        } finally {
            if (!load.goesOn()) {
                run.end();
            }
        }
    }

    private void run(Load<K, V> load, LoadRun run) {
        List<LoadPart<K, V>> wanted = new ArrayList<>(load.parts().size());
        try {
            for (LoadPart<K, V> part : load.parts()) {
                if (isWanted(part, run)) {
                    wanted.add(part);
                }
            }
            if (wanted.isEmpty()) {
                return;
            }
            if (isLoadedElsewhere(load, run, wanted)) {
                return;
            }
            loaded.readTags(wanted);
            CacheLoader<? super K, V> loader = wanted.get(0).request().loader();
            if (loader instanceof LaterLoader<? super K, V> later && !run.servesItsOwnThread()) {
                begin(later, load, run, wanted.get(0));
                return;
            }
            timed(load, run, wanted);
        } catch (Throwable e) {
            failed(load, run, e);
            return;
        }
        // Not of interest whether the lease has run out: the caller whose thread found a value late gets it all the
        // same.
        run.end();
        leave(run);
        succeeded(wanted);
    }

    /** Begins what is answered later: then, and not before, the load is over. */
    private void begin(LaterLoader<? super K, V> later, Load<K, V> load, LoadRun run, LoadPart<K, V> part)
            throws Exception {
        long start = System.nanoTime();
        CompletableFuture<@Nullable V> answer =
                load.holding(gate, () -> later.begin(part.request().key()));
        load.waitsForAnswer();
        boolean heard = false;
        try {
            // Whatever the application has chained to it runs elsewhere than on the thread that ends leases.
            run.waitsFor(() -> services.threads().aside(() -> answer.cancel(true)));
            CompletableFuture<?> unused = answer.whenComplete((value, failure) -> load.finishOn(
                    services.threads()::load,
                    () -> answered(load, run, part, value, failure, System.nanoTime() - start)));
            heard = true;
        } finally {
            if (!heard) {
                load.end(null);
            }
        }
    }

    private void answered(
            Load<K, V> load,
            LoadRun run,
            LoadPart<K, V> part,
            @Nullable V value,
            @Nullable Throwable failure,
            long nanos) {
        try {
            counters.loadTime.record(nanos);
            if (failure == null) {
                part.value(value);
                run.end();
                leave(run);
                succeeded(List.of(part));
            } else {
                failed(
                        load,
                        run,
                        failure instanceof CompletionException e && e.getCause() != null ? e.getCause() : failure);
            }
        } finally {
            load.end(null);
        }
    }

    /** Whether a key must be loaded: its lease lasts, and no load of it has ended between the caller's look at the store and its flight. */
    private boolean isWanted(LoadPart<K, V> part, LoadRun run) {
        Request<K, V> request = part.request();
        String storeKey = request.storeKey();
        if (!part.flight().runBy(run)) {
            part.outcome(Outcome.overdue());
            return false;
        }
        Request<K, V> upToDate = request;
        if (flights.stamp(storeKey) != request.stamp()) {
            Found<V> now = loaded.look(storeKey);
            boolean mayDo = !request.refresh() && !part.flight().isRefresh() && now.isAnswer();
            Outcome<V> found = mayDo ? new Outcome.Loaded<>(now.fresh()) : null;
            if (found != null && part.flight().endedUnloaded(found)) {
                counters.joins.increment();
                put(part, found);
                return false;
            }
            // A loader must not find a last value "not modified" that was removed after its caller had seen it.
            upToDate = request.withLook(request.last() == null ? null : now.last(true), now.entry());
        }
        part.begin(upToDate, new LoadDecisions<>(entries, counters, upToDate));
        return true;
    }

    /**
     * Waits for this client's turn to load a key that one client at a time is to load. Returns whether another has loaded it: then its callers were told. A
     * refresh that was asked for wants what the source has from now on, whatever another has begun to load. A load that one waits for which has a lease waits for none: whoever has it
     * might wait for that lease.
     */
    private boolean isLoadedElsewhere(Load<K, V> load, LoadRun run, List<LoadPart<K, V>> wanted) throws Exception {
        LoadPart<K, V> part = wanted.get(0);
        Request<K, V> request = part.request();
        if (wanted.size() > 1
                || request.policy().loadLock().isZero()
                || part.flight().isRefresh()
                || load.isNeededByLeased()
                || !loaded.isShared()) {
            return false;
        }
        awaitPlace(run);
        LoadLocks.Turn<V> turn = locks.await(request, part.flight()::isNeededByLeased);
        load.under(turn.lease());
        Found<V> now = turn.now();
        if (now == null) {
            return false;
        }
        if (turn.answered()) {
            Outcome<V> found = new Outcome.Loaded<>(now.fresh());
            if (part.flight().endedUnloaded(found)) {
                counters.joins.increment();
                put(part, found);
                return true;
            }
        }
        Request<K, V> upToDate =
                request.withLook(request.last() == null ? null : now.last(request.refresh()), now.entry());
        part.begin(upToDate, new LoadDecisions<>(entries, counters, upToDate));
        return false;
    }

    private static void awaitPlace(LoadRun run) throws Exception {
        if (!run.place().granted().isDone()) {
            run.place().granted().get();
        }
    }

    /** Waits for a place and loads, measuring the loader alone. */
    private void timed(Load<K, V> load, LoadRun run, List<LoadPart<K, V>> wanted) throws Exception {
        awaitPlace(run);
        CallObserver.Ended observed = services.loads().began("load", counters.cache());
        Throwable failure = null;
        long start = System.nanoTime();
        try {
            load.holding(gate, () -> {
                load.loading().load(wanted);
                return wanted;
            });
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            counters.loadTime.record(System.nanoTime() - start);
            observed.ended(failure);
        }
    }

    /** Values are encoded before anybody else gets hold of them: who changes one does not change what is stored. */
    private void succeeded(List<LoadPart<K, V>> wanted) {
        for (LoadPart<K, V> part : wanted) {
            part.encoded(loaded.encode(part));
            counters.loads.increment();
            pauses.end(part.request().storeKey());
        }
        for (LoadPart<K, V> part : wanted) {
            Outcome<V> outcome = new Outcome.Loaded<>(part.value());
            part.outcome(outcome);
            part.flight().loaded(outcome);
        }
        try {
            loaded.keep(wanted);
        } finally {
            wanted.forEach(part -> part.flight().ended(new Outcome.Loaded<>(part.value())));
        }
    }

    private void failed(Load<K, V> load, LoadRun run, Throwable cause) {
        if (run.end()) {
            // The lease ran out and the others were told, or nobody waits any more.
            forEachOpen(load, part -> put(part, Outcome.overdue()));
        } else if (run.servesItsOwnThread() && isInterruption(cause)) {
            forEachOpen(load, this::handOver);
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while loading " + named(load), cause);
        } else {
            forEachOpen(load, part -> failed(part, cause));
        }
    }

    private void forEachOpen(Load<K, V> load, Consumer<LoadPart<K, V>> action) {
        for (LoadPart<K, V> part : load.parts()) {
            if (part.outcome() == null && !part.isOver()) {
                try {
                    action.accept(part);
                } catch (Throwable e) {
                    // Its outcome is decided, or whoever ends the load ends it; the others are none the worse.
                    UnderWay.said("the end of a failed load went wrong; others are not harmed", e);
                }
            }
        }
    }

    private String named(Load<K, V> load) {
        int size = load.parts().size();
        return size == 1 ? load.parts().get(0).request().shownKey() : size + " keys";
    }

    private void failed(LoadPart<K, V> part, Throwable cause) {
        try {
            counters.loadFailed(part.request().storeKey(), cause);
            rest(part.flight(), part.request());
        } finally {
            put(part, new Outcome.Failed<>(cause));
        }
    }

    /** A load has ended and this part of it has not: nobody must wait for it any longer. Once told, it takes no memory to end it. */
    void broken(LoadPart<K, V> part, @Nullable Throwable cause) {
        Outcome<V> outcome = part.outcome();
        try {
            if (outcome == null && cause != null) {
                failed(part, cause);
            }
        } finally {
            if (!part.isOver()) {
                put(part, outcome == null ? Outcome.overdue() : outcome);
            }
        }
    }

    /** Tells everyone and puts the flight away, with nothing to store. */
    private void put(LoadPart<K, V> part, Outcome<V> outcome) {
        part.outcome(outcome);
        try {
            part.flight().ended(outcome);
        } finally {
            loaded.done(part);
        }
    }

    void expire(LoadPart<K, V> part) {
        if (part.flight().expire(Outcome.overdue())) {
            counters.leaseExpired(part.request().storeKey());
            rest(part.flight(), part.request());
        }
    }

    /** Lets a key rest whose load has failed, unless it was changed since that began. */
    void rest(Flight<K, V> flight, Request<K, V> request) {
        if (request.last() != null && !flight.isInvalidated()) {
            pauses.begin(request.storeKey(), request.policy().retryLoadAfter());
            if (flight.isInvalidated()) {
                pauses.end(request.storeKey());
            }
        }
    }

    /** Gives a part out of hand: whoever waits first takes it over, and if nobody does it is over. */
    void handOver(LoadPart<K, V> part) {
        part.over();
        follow(part.flight(), part.request(), part.flight().handOver());
    }

    /** A caller stops waiting. */
    void leave(Waiter<K, V> waiter) {
        Flight<K, V> flight = waiter.flight();
        follow(flight, waiter.request(), flight.leave(waiter));
    }

    private void follow(Flight<K, V> flight, Request<K, V> request, Flight.Succession succession) {
        switch (succession) {
            case GOES_ON -> {}
            case OVER -> {
                flights.done(flight);
                flight.abandon();
            }
            case ASIDE -> succeed(flight, request);
        }
    }

    private void succeed(Flight<K, V> flight, Request<K, V> request) {
        Waiter<K, V> next = flight.next();
        Load<K, V> successor = load(Loading.one());
        successor.adopt(flight, next == null ? request : next.request());
        CarriedContext.Captured context = next == null ? null : next.context();
        runAside(successor, context == null ? services.context().capture() : context);
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

    /** Ends loads in the background, and lets nobody wait for the others. */
    @Override
    public void close() {
        running.close();
    }
}
