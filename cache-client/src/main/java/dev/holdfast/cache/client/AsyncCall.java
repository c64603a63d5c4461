package dev.holdfast.cache.client;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One call of the asynchronous view. Its call of the store is made on a thread of ours; for loads it waits without one. Whoever completes
 * its future otherwise, by cancelling it for instance, leaves its loads.
 *
 * @param <R> what it returns
 */
final class AsyncCall<K, V, R extends @Nullable Object> extends UnderWay {
    private final AsyncResult<R> result;
    private final BackgroundThreads threads;
    /** {@code null} for calls that wait for none. */
    private final @Nullable Loads<K, V> loads;
    /** Makes the result of the values of the keys. */
    private final Function<Map<K, V>, R> shape;

    private final AtomicInteger untold = new AtomicInteger();
    /** Its caller's. Without it the store is asked all the same, so that no carrier decides what that answers, and nothing is loaded. */
    private final CarriedContext.Captured context;

    private @Nullable R value;
    private volatile @Nullable List<Waiter<K, V>> waiters;
    private volatile @Nullable Thread thread;

    AsyncCall(
            BackgroundThreads threads,
            @Nullable Loads<K, V> loads,
            CarriedContext.Captured context,
            Function<Map<K, V>, R> shape) {
        this.context = context;
        this.threads = threads;
        this.loads = loads;
        this.shape = shape;
        this.result = new AsyncResult<>(threads);
        CompletableFuture<?> unused = result.whenComplete((any, failure) -> leave());
    }

    /** A call of something that loads nothing. */
    static <R extends @Nullable Object> AsyncCall<Object, Object, R> withoutLoads(EngineServices services) {
        return new AsyncCall<>(services.threads(), null, services.context().capture(), values -> {
            throw new AssertionError("a call without a loader waits for no load");
        });
    }

    private Loads<K, V> loads() {
        return Objects.requireNonNull(loads, "loads");
    }

    CompletableFuture<R> result() {
        return result;
    }

    CarriedContext.Captured context() {
        return context;
    }

    /** Makes the call. Throws nothing: its future fails. */
    CompletableFuture<R> start(Supplier<R> call) {
        finishOn(threads.calls(), () -> {
            thread = Thread.currentThread();
            if (!result.isDone() && !context.tryRun(() -> answered(call.get()))) {
                answered(call.get());
            }
        });
        return result;
    }

    /** What a call returns that waits for loads has no meaning. */
    private void answered(R returned) {
        if (!goesOn()) {
            value = returned;
        }
    }

    @Override
    boolean goesOn() {
        return waiters != null;
    }

    @Override
    @SuppressWarnings("NullAway") // R is what the call returned, null included where it may be
    void ended(@Nullable Throwable cause) {
        if (Thread.currentThread() == thread) {
            result.settleHere(value, cause);
        } else {
            result.settle(value, cause);
        }
    }

    /** Lets the call end when its loads do, with their values beside those that were found. */
    void waitFor(List<Waiter<K, V>> joined, Map<K, V> found) {
        untold.set(joined.size() + 1);
        waiters = joined;
        for (Waiter<K, V> waiter : joined) {
            CompletableFuture<?> unused = waiter.whenComplete((outcome, failure) -> told(waiter, outcome, found));
        }
        countDown(found);
        if (result.isDone()) {
            leave();
        }
    }

    private void told(Waiter<K, V> waiter, Outcome<V> outcome, Map<K, V> found) {
        try {
            loads().told(waiter, outcome);
            countDown(found);
        } catch (Throwable e) {
            end(e);
        }
    }

    private void countDown(Map<K, V> found) {
        if (untold.decrementAndGet() > 0) {
            return;
        }
        if (allLoaded()) {
            assemble(found);
            return;
        }
        try {
            // What stands in must be decoded, which is nothing for a thread that ends loads.
            threads.calls().execute(() -> assemble(found));
        } catch (Throwable e) {
            assemble(found);
        }
    }

    private boolean allLoaded() {
        for (Waiter<K, V> waiter : joined()) {
            if (!(waiter.join() instanceof Outcome.Loaded)) {
                return false;
            }
        }
        return true;
    }

    private void assemble(Map<K, V> found) {
        try {
            for (Waiter<K, V> waiter : joined()) {
                V loaded = loads().answer(waiter, waiter.join());
                if (loaded != null) {
                    found.put(waiter.request().key(), loaded);
                }
            }
            value = shape.apply(found);
            end(null);
        } catch (Throwable e) {
            end(e);
        }
    }

    private List<Waiter<K, V>> joined() {
        List<Waiter<K, V>> joined = waiters;
        return joined == null ? List.of() : joined;
    }

    private void leave() {
        joined().forEach(waiter -> loads().leave(waiter));
    }
}
