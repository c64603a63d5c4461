package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.spi.CallObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Runs loads, on their caller's thread or aside. */
final class LoadRunner<K, V> implements AutoCloseable {
    private final EngineParts<K, V> cache;
    private final LoadedValues<K, V> loaded;
    private final Counters counters;
    private final EngineServices services;
    private final LoadLocks<V> locks;
    private final LoadGate gate;
    private final RunningLoads running;

    LoadRunner(EngineParts<K, V> cache) {
        this.cache = cache;
        this.loaded = new LoadedValues<>(cache);
        this.counters = cache.counters();
        this.services = cache.services();
        this.locks = new LoadLocks<>(cache);
        this.gate = new LoadGate(cache.policy().maxLoads());
        this.running = new RunningLoads(services.deadlines());
    }

    LoadGate gate() {
        return gate;
    }

    /** Makes a load that has no keys yet. Whoever has it in hand runs it or ends it. */
    Load<K, V> load(Loading<K, V> loading) {
        return new Load<>(this, loading);
    }

    /** Makes the part of a load that has to do with one key. */
    LoadPart<K, V> part(Flight<K, V> flight, Request<K, V> request) {
        return new LoadPart<>(cache, loaded, flight, request);
    }

    Flights<K, V> flights() {
        return cache.flights();
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
            if (!load.isRunBy(run)) {
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

    private LoadRun begin(Load<K, V> load, boolean onCallersThread) {
        long deadline = services.deadlines().now() + load.lease().toNanos();
        LoadRun run = new LoadRun(onCallersThread, gate.enter(), deadline, load);
        load.neededByLeased(MarkedThreads.LEASED.isHere());
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
            load.parts().forEach(LoadPart::overdue);
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
                if (part.isWanted(run)) {
                    wanted.add(part);
                }
            }
            if (wanted.isEmpty()) {
                return;
            }
            if (wanted.size() == 1 && locks.isLoadedElsewhere(load, wanted.get(0))) {
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

    /** Waits for a place and loads, measuring the loader alone. */
    private void timed(Load<K, V> load, LoadRun run, List<LoadPart<K, V>> wanted) throws Exception {
        run.awaitPlace();
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
        wanted.forEach(LoadPart::answered);
        wanted.forEach(LoadPart::tell);
        try {
            loaded.keep(wanted);
        } finally {
            wanted.forEach(LoadPart::tellAll);
        }
    }

    private void failed(Load<K, V> load, LoadRun run, Throwable cause) {
        if (run.end()) {
            // The lease ran out and the others were told, or nobody waits any more.
            load.forEachOpen(part -> part.put(Outcome.overdue()));
        } else if (run.servesItsOwnThread() && LoadRun.isInterruption(cause)) {
            load.forEachOpen(this::handOver);
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while loading " + load.shownKeys(), cause);
        } else {
            load.forEachOpen(part -> part.failed(cause));
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

    private void follow(Flight<K, V> flight, Request<K, V> request, Succession succession) {
        switch (succession) {
            case GOES_ON -> {}
            case OVER -> {
                cache.flights().done(flight);
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

    /** Ends loads in the background, and lets nobody wait for the others. */
    @Override
    public void close() {
        running.close();
    }
}
