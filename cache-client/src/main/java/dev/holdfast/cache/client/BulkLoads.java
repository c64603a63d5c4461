package dev.holdfast.cache.client;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Loads several keys: those that nobody else is loading by one call of the loader, each under a flight of its own that single
 * callers may join; the others by waiting for whoever loads them. The own load comes first, so that two bulk callers
 * never wait for each other.
 */
final class BulkLoads<K, V> {
    private final Flights<K, V> flights;
    private final Loads<K, V> loads;
    private final LoadRunner<K, V> runner;
    private final LoadedValues<K, V> loaded;
    private final Counters counters;
    private final RetryPauses pauses;

    BulkLoads(
            Flights<K, V> flights,
            Loads<K, V> loads,
            LoadRunner<K, V> runner,
            LoadedValues<K, V> loaded,
            Counters counters,
            RetryPauses pauses) {
        this.flights = flights;
        this.loads = loads;
        this.runner = runner;
        this.loaded = loaded;
        this.counters = counters;
        this.pauses = pauses;
    }

    /** A loader of single keys, for one that takes a key of a bulk load over. */
    static <K, V> CacheLoader<K, V> single(BulkCacheLoader<K, V> loader) {
        return key -> answerOf(loader.loadAll(Set.of(key))).get(key);
    }

    private static <K, V> Map<K, V> answerOf(Map<K, V> answer) {
        return Objects.requireNonNull(answer, "a bulk loader returned null instead of a map");
    }

    /** Puts the values of the requested keys into {@code values}; keys without a value are left out. */
    void load(Map<K, Request<K, V>> missing, BulkCacheLoader<K, V> loader, CachePolicy policy, Map<K, V> values) {
        Map<Flight<K, V>, Request<K, V>> own = new LinkedHashMap<>();
        Map<K, AsyncLoad<K, V>> joined = new LinkedHashMap<>();
        try {
            findAll(missing.values(), own, joined, values);
            loadOwn(own, joined, loader, policy, values);
            await(joined, values);
        } finally {
            // Of those that have completed nothing changes.
            joined.values().forEach(caller -> caller.result().cancel(false));
        }
    }

    private void findAll(
            Collection<Request<K, V>> missing,
            Map<Flight<K, V>, Request<K, V>> own,
            Map<K, AsyncLoad<K, V>> joined,
            Map<K, V> values) {
        try {
            missing.forEach(request -> find(request, own, joined, values));
        } catch (RuntimeException | Error e) {
            own.forEach((flight, request) -> runner.failed(flight, request, e));
            throw e;
        }
    }

    private void find(
            Request<K, V> request,
            Map<Flight<K, V>, Request<K, V>> own,
            Map<K, AsyncLoad<K, V>> joined,
            Map<K, V> values) {
        V resting = loads.resting(request);
        if (resting != null) {
            values.put(request.key(), resting);
            return;
        }
        while (true) {
            Flight<K, V> present = flights.find(request.storeKey());
            Waiter<K, V> waiter = new Waiter<>(request);
            if (present != null && loads.joins(present, waiter)) {
                joined.put(request.key(), waiting(present, waiter));
                return;
            }
            Flight<K, V> flight = flights.start(request.storeKey(), present);
            if (flight != null) {
                own.put(flight, request);
                return;
            }
        }
    }

    private AsyncLoad<K, V> waiting(Flight<K, V> flight, Waiter<K, V> waiter) {
        AsyncLoad<K, V> caller = new AsyncLoad<>(loads, runner.background());
        caller.waitFor(flight, waiter);
        return caller;
    }

    private void loadOwn(
            Map<Flight<K, V>, Request<K, V>> own,
            Map<K, AsyncLoad<K, V>> joined,
            BulkCacheLoader<K, V> loader,
            CachePolicy policy,
            Map<K, V> values) {
        if (own.isEmpty()) {
            return;
        }
        // Whoever has no stale value must wait for the load anyway, so it may as well run here.
        boolean aside = own.values().stream().allMatch(loads::mayWalkAway);
        LoadRun run = runner.newRun(!aside, policy.loadTimeout(), owner(own));
        if (aside) {
            own.forEach((flight, request) -> {
                Waiter<K, V> waiter = new Waiter<>(request);
                flight.joinOwn(waiter);
                joined.put(request.key(), waiting(flight, waiter));
                flight.runBy(run);
            });
            runner.aside(
                    run,
                    () -> run(own, loader, policy, run),
                    refusal -> own.forEach((flight, request) -> runner.failed(flight, request, refusal)));
            return;
        }
        Map<Flight<K, V>, Outcome<V>> outcomes;
        try {
            outcomes = run(own, loader, policy, run);
        } finally {
            runner.ended(run);
        }
        own.forEach((flight, request) -> putIfPresent(
                values, request.key(), loads.answer(request, Objects.requireNonNull(outcomes.get(flight)))));
    }

    private static <K, V> void putIfPresent(Map<K, V> values, K key, @Nullable V value) {
        if (value != null) {
            values.put(key, value);
        }
    }

    private LoadRun.Owner owner(Map<Flight<K, V>, Request<K, V>> own) {
        return new LoadRun.Owner() {
            @Override
            public void expired() {
                own.forEach(runner::expire);
            }

            @Override
            public void neverBegan() {
                own.keySet().forEach(flights::done);
            }

            @Override
            public boolean isAbandoned() {
                return own.keySet().stream().allMatch(Flight::isOver);
            }
        };
    }

    private Map<Flight<K, V>, Outcome<V>> run(
            Map<Flight<K, V>, Request<K, V>> own, BulkCacheLoader<K, V> loader, CachePolicy policy, LoadRun run) {
        Map<Flight<K, V>, Outcome<V>> outcomes = new LinkedHashMap<>();
        Map<Flight<K, V>, Request<K, V>> needed = new LinkedHashMap<>();
        boolean begun = run.begin();
        own.forEach((flight, request) -> {
            Outcome<V> found = begun && flight.runBy(run) ? runner.lookAgain(flight, request) : runner.overdue(flight);
            if (found == null) {
                needed.put(flight, request);
            } else {
                outcomes.put(flight, found);
            }
        });
        if (needed.isEmpty()) {
            run.end();
            return outcomes;
        }
        Map<K, V> values;
        try {
            values = runner.timed(run, () -> answerOf(loader.loadAll(keysOf(needed))));
        } catch (Throwable e) {
            outcomes.putAll(failed(needed, run, e));
            return outcomes;
        }
        run.end();
        runner.ended(run);
        needed.forEach((flight, request) -> {
            Outcome<V> outcome = new Outcome.Loaded<>(values.get(request.key()));
            counters.loads.increment();
            pauses.end(flight.storeKey());
            flight.ended(outcome);
            outcomes.put(flight, outcome);
        });
        loaded.keepAll(needed, values, policy);
        return outcomes;
    }

    private Set<K> keysOf(Map<Flight<K, V>, Request<K, V>> needed) {
        Set<K> keys = new LinkedHashSet<>();
        needed.values().forEach(request -> keys.add(request.key()));
        return Collections.unmodifiableSet(keys);
    }

    private Map<Flight<K, V>, Outcome<V>> failed(
            Map<Flight<K, V>, Request<K, V>> needed, LoadRun run, Throwable cause) {
        Map<Flight<K, V>, Outcome<V>> outcomes = new LinkedHashMap<>();
        boolean stopped = run.end();
        if (!stopped && run.servesItsOwnThread() && LoadRunner.isInterruption(cause)) {
            needed.forEach((flight, request) -> runner.follow(flight, request, flight.handOver()));
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while loading " + needed.size() + " keys", cause);
        }
        needed.forEach((flight, request) -> outcomes.put(
                flight,
                stopped ? runner.closed(flight, runner.overdue(flight)) : runner.failed(flight, request, cause)));
        return outcomes;
    }

    private void await(Map<K, AsyncLoad<K, V>> joined, Map<K, V> values) {
        try {
            for (Map.Entry<K, AsyncLoad<K, V>> entry : joined.entrySet()) {
                putIfPresent(values, entry.getKey(), entry.getValue().result().get());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while waiting for loads", e);
        } catch (ExecutionException e) {
            throw asUnchecked(e);
        }
    }

    private static RuntimeException asUnchecked(ExecutionException e) {
        if (e.getCause() instanceof Error error) {
            throw error;
        }
        return e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    }
}
