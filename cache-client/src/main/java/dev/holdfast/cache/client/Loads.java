package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Answers callers that found no fresh entry: each joins the load under way, or begins one. */
final class Loads<K, V> {
    private final Flights<K, V> flights;
    private final LoadRunner<K, V> runner;
    private final Entries<V> entries;
    private final Counters counters;
    private final RetryPauses pauses;
    private final EngineServices services;

    Loads(
            Flights<K, V> flights,
            LoadRunner<K, V> runner,
            Entries<V> entries,
            Counters counters,
            RetryPauses pauses,
            EngineServices services) {
        this.flights = flights;
        this.runner = runner;
        this.entries = entries;
        this.counters = counters;
        this.pauses = pauses;
        this.services = services;
    }

    /** Answers a caller on its own thread. */
    @Nullable
    V load(Request<K, V> request) {
        V resting = resting(request);
        if (resting != null) {
            return resting;
        }
        while (true) {
            Waiter<K, V> waiter = new Waiter<>(request);
            Flight<K, V> present = flights.find(request.storeKey());
            if (present != null && joins(present, waiter)) {
                return await(present, waiter);
            }
            Flight<K, V> own = flights.start(request.storeKey(), present);
            if (own == null) {
                continue;
            }
            if (!mayWalkAway(request)) {
                return answer(request, runner.runHere(own, request));
            }
            own.joinOwn(waiter);
            runner.runAside(own, request);
            return await(own, waiter);
        }
    }

    /** Answers a caller that does not wait: its future completes on another thread. */
    void load(Request<K, V> request, AsyncLoad<K, V> caller) {
        V resting = resting(request);
        if (resting != null) {
            caller.complete(resting);
            return;
        }
        while (true) {
            Waiter<K, V> waiter = new Waiter<>(request);
            Flight<K, V> present = flights.find(request.storeKey());
            if (present != null && joins(present, waiter)) {
                caller.waitFor(present, waiter);
                return;
            }
            Flight<K, V> own = flights.start(request.storeKey(), present);
            if (own != null) {
                own.joinOwn(waiter);
                caller.waitFor(own, waiter);
                runner.runAside(own, request);
                return;
            }
        }
    }

    /** Starts a load that nobody waits for, unless one is under way, rests, or has just ended. */
    void refreshAhead(Request<K, V> due) {
        String storeKey = due.storeKey();
        if (flights.find(storeKey) != null || pauses.holds(storeKey)) {
            return;
        }
        Flight<K, V> flight = flights.start(storeKey, null);
        if (flight == null) {
            return;
        }
        if (flights.stamp(storeKey) != due.stamp()) {
            runner.follow(flight, due, flight.handOver());
            return;
        }
        flight.goOnUnattended();
        runner.runAside(flight, due);
    }

    boolean joins(Flight<K, V> present, Waiter<K, V> waiter) {
        if (present.runsHere()) {
            throw new IllegalStateException(
                    "a loader asked its cache for the key that it is loading: " + present.storeKey());
        }
        if (!present.join(waiter)) {
            return false;
        }
        counters.joins.increment();
        return true;
    }

    private @Nullable V await(Flight<K, V> flight, Waiter<K, V> waiter) {
        Request<K, V> request = waiter.request();
        Future<?> softTimeout = softTimeout(waiter);
        Outcome<V> outcome;
        try {
            outcome = waiter.get();
        } catch (InterruptedException e) {
            leave(flight, waiter);
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while waiting for the load of " + flight.storeKey(), e);
        } catch (ExecutionException e) {
            throw new AssertionError("a waiter is never completed with an exception", e);
        } finally {
            if (softTimeout != null) {
                softTimeout.cancel(false);
            }
        }
        if (outcome instanceof Outcome.TakeOver) {
            return answer(request, runner.runHere(flight, request));
        }
        if (outcome instanceof Outcome.Impatient) {
            walkAway(flight, waiter);
        }
        return answer(request, outcome);
    }

    /** With a stale value at hand and a soft timeout a caller does not wait for the end of a load, unless it asked for just that. */
    boolean mayWalkAway(Request<K, V> request) {
        return !request.refresh() && !request.policy().loadSoftTimeout().isZero() && canStandIn(request);
    }

    /** Completes the waiter when its caller has waited enough; {@code null} if it waits to the end. */
    @Nullable
    Future<?> softTimeout(Waiter<K, V> waiter) {
        if (!mayWalkAway(waiter.request())) {
            return null;
        }
        long nanos = waiter.request().policy().loadSoftTimeout().toNanos();
        return services.timer().schedule(() -> waiter.complete(new Outcome.Impatient<>()), nanos, TimeUnit.NANOSECONDS);
    }

    void walkAway(Flight<K, V> flight, Waiter<K, V> waiter) {
        flight.goOnUnattended();
        leave(flight, waiter);
    }

    void leave(Flight<K, V> flight, Waiter<K, V> waiter) {
        runner.follow(flight, waiter.request(), flight.leave(waiter));
    }

    /** A caller without a thread was handed a load whose runner was interrupted. */
    void takeOverAside(Flight<K, V> flight, Waiter<K, V> again) {
        if (flight.joinOwn(again)) {
            runner.runAside(flight, again.request());
        } else {
            again.complete(runner.overdue(flight));
        }
    }

    /** What a caller gets for an outcome. */
    @Nullable
    V answer(Request<K, V> request, Outcome<V> outcome) {
        if (outcome instanceof Outcome.Loaded<V> loaded) {
            return loaded.value();
        }
        V standIn = request.refresh() || !canStandIn(request) ? null : staleValue(request);
        if (outcome instanceof Outcome.Failed<V> failed) {
            if (standIn == null) {
                throw new CacheLoadException(failed.what(), failed.cause());
            }
            pauses.begin(request.storeKey(), request.policy().retryLoadAfter());
        }
        if (standIn == null) {
            throw new CacheLoadException(
                    "the load of " + request.storeKey() + " takes longer than its soft timeout", null);
        }
        return standIn;
    }

    /** The stale value of a key whose last load failed a moment ago, else {@code null}. */
    @Nullable
    V resting(Request<K, V> request) {
        return !request.refresh() && pauses.holds(request.storeKey()) && canStandIn(request)
                ? staleValue(request)
                : null;
    }

    private boolean canStandIn(Request<K, V> request) {
        byte[] last = request.last();
        return last != null
                && !request.policy().staleFor().isZero()
                && entries.state(last, entries.now()) == Entries.State.STALE;
    }

    private @Nullable V staleValue(Request<K, V> request) {
        byte[] last = request.last();
        V value = last == null ? null : entries.decode(request.storeKey(), last, counters);
        if (value != null) {
            counters.staleHits.increment();
        }
        return value;
    }
}
