package dev.holdfast.cache.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** A caller that waits for a load without a thread: it has a future, and completing that otherwise leaves the load. */
final class AsyncLoad<K, V> {
    private record Joined<K, V>(Flight<K, V> flight, Waiter<K, V> waiter) {}

    private final CompletableFuture<@Nullable V> result = new CompletableFuture<>();
    private final Loads<K, V> loads;
    private final Executor elsewhere;
    private volatile @Nullable Joined<K, V> joined;

    AsyncLoad(Loads<K, V> loads, Executor elsewhere) {
        this.loads = loads;
        this.elsewhere = elsewhere;
        CompletableFuture<?> unused = result.whenComplete((value, failure) -> leaveIfDone());
    }

    CompletableFuture<@Nullable V> result() {
        return result;
    }

    void complete(@Nullable V value) {
        result.complete(value);
    }

    void fail(Throwable failure) {
        result.completeExceptionally(failure);
    }

    void waitFor(Flight<K, V> flight, Waiter<K, V> waiter) {
        Future<?> softTimeout = loads.softTimeout(waiter);
        joined = new Joined<>(flight, waiter);
        // Never on the thread that completes the waiter: that one runs a load of its own, or holds the flight's lock.
        waiter.thenAcceptAsync(
                        outcome -> {
                            if (softTimeout != null) {
                                softTimeout.cancel(false);
                            }
                            told(flight, waiter, outcome);
                        },
                        elsewhere)
                .exceptionally(failure -> {
                    fail(failure);
                    return null;
                });
        leaveIfDone();
    }

    private void told(Flight<K, V> flight, Waiter<K, V> waiter, Outcome<V> outcome) {
        if (result.isDone()) {
            // Gone with the load in its hands: the next one takes it.
            loads.leave(flight, waiter);
            return;
        }
        if (outcome instanceof Outcome.TakeOver) {
            Waiter<K, V> again = new Waiter<>(waiter.request());
            waitFor(flight, again);
            loads.takeOverAside(flight, again);
            return;
        }
        if (outcome instanceof Outcome.Impatient) {
            loads.walkAway(flight, waiter);
        }
        try {
            complete(loads.answer(waiter.request(), outcome));
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** However the future was completed, by a timeout of the caller's for instance, its load is of no interest any more. */
    private void leaveIfDone() {
        Joined<K, V> now = joined;
        if (now != null && result.isDone()) {
            loads.leave(now.flight(), now.waiter());
        }
    }
}
