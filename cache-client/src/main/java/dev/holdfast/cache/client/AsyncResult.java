package dev.holdfast.cache.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The future of an asynchronous call. Who waits for it has the result as soon as it is there; what is chained to it runs on the
 * threads for deliveries, never on those that the calls themselves need.
 */
final class AsyncResult<T extends @Nullable Object> extends CompletableFuture<T> {
    /** Decides what the result is. Nothing is chained to it, so completing it runs no foreign code. */
    private final CompletableFuture<T> answer = new CompletableFuture<>();

    private final BackgroundThreads threads;

    AsyncResult(BackgroundThreads threads) {
        this.threads = threads;
    }

    /** Gives the result, or the failure if there is one, to those who wait and then to what is chained. */
    void settle(T value, @Nullable Throwable failure) {
        if (threads.areVirtual()) {
            deliver(() -> completed(value, failure));
        } else if (failure == null ? answer.complete(value) : answer.completeExceptionally(failure)) {
            deliver(() -> publish(value, failure));
        }
    }

    /** Like {@link #settle}, on a thread that may run what is chained if it is virtual. */
    void settleHere(T value, @Nullable Throwable failure) {
        if (threads.areVirtual()) {
            completed(value, failure);
        } else {
            settle(value, failure);
        }
    }

    private void deliver(Runnable delivery) {
        try {
            threads.deliveries().execute(delivery);
        } catch (Throwable e) {
            // Closed, or no thread to be had: what is chained must not be lost. Delivered twice, it runs once.
            delivery.run();
        }
    }

    private void completed(T value, @Nullable Throwable failure) {
        boolean unused = failure == null ? complete(value) : completeExceptionally(failure);
    }

    private void publish(T value, @Nullable Throwable failure) {
        boolean unused = failure == null ? super.complete(value) : super.completeExceptionally(failure);
    }

    @Override
    public boolean complete(T value) {
        return answer.complete(value) && super.complete(value);
    }

    @Override
    public boolean completeExceptionally(Throwable failure) {
        return answer.completeExceptionally(failure) && super.completeExceptionally(failure);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return completeExceptionally(new CancellationException()) || isCancelled();
    }

    @Override
    public void obtrudeValue(T value) {
        answer.obtrudeValue(value);
        super.obtrudeValue(value);
    }

    @Override
    public void obtrudeException(Throwable failure) {
        answer.obtrudeException(failure);
        super.obtrudeException(failure);
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        return answer.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        return answer.get(timeout, unit);
    }

    @Override
    public T join() {
        return answer.join();
    }

    @Override
    public T getNow(T absent) {
        return answer.getNow(absent);
    }

    @Override
    public boolean isDone() {
        return answer.isDone();
    }

    @Override
    public boolean isCancelled() {
        return answer.isCancelled();
    }

    @Override
    public boolean isCompletedExceptionally() {
        return answer.isCompletedExceptionally();
    }
}
