package dev.holdfast.spring.boot;

import dev.holdfast.cache.CacheLoadException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Loads whose values come in futures. */
final class FutureLoads {
    private FutureLoads() {}

    /** Waits for a value on the load's own thread; whoever interrupts that cancels the future. */
    static <T> @Nullable T await(@Nullable CompletableFuture<T> future) throws Exception {
        if (future == null) {
            throw new IllegalStateException("the loader returned no future");
        }
        try {
            return future.get();
        } catch (InterruptedException e) {
            future.cancel(true);
            throw e;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    /** The same, failing with what the loader failed with. Cancelling it leaves the load. */
    static <T> CompletableFuture<T> unwrapped(CompletableFuture<T> loaded) {
        CompletableFuture<T> result = new CompletableFuture<>();
        var unusedTold = loaded.whenComplete((value, failure) -> {
            if (failure == null) {
                result.complete(value);
            } else {
                result.completeExceptionally(cause(failure));
            }
        });
        var unusedLeft = result.whenComplete((value, failure) -> {
            if (result.isCancelled()) {
                loaded.cancel(true);
            }
        });
        return result;
    }

    private static Throwable cause(Throwable failure) {
        Throwable cause = failure.getCause();
        boolean wrapper = failure instanceof CompletionException
                || failure instanceof ExecutionException
                || failure instanceof CacheLoadException;
        return wrapper && cause != null ? cause(cause) : failure;
    }
}
