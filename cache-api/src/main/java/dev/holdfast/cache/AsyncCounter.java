package dev.holdfast.cache;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A {@link Counter} whose operations return at once. A future fails with the exception that the blocking operation throws. */
public interface AsyncCounter {

    /** {@link Counter#increment()}. */
    default CompletableFuture<Long> increment() {
        return increment(1);
    }

    /** {@link Counter#increment(long)}. */
    CompletableFuture<Long> increment(long delta);

    /** {@link Counter#get()}. */
    CompletableFuture<Long> get();

    /** {@link Counter#reset()}. */
    CompletableFuture<@Nullable Void> reset();

    /** {@link Counter#ttl()}. */
    CompletableFuture<Optional<Duration>> ttl();
}
