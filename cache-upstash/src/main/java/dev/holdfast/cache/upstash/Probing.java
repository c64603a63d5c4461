package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * One probe: it tells something about the database, not about a connection. If the kept connection gives no answer in the first
 * part of the time, or fails, a new one is tried beside it, and the probe fails only if that fails too. Commands must be harmless to
 * repeat, in any order with themselves.
 */
final class Probing {
    /** Sends one request and waits for its answer. */
    interface Sending {
        List<Reply> send(OkHttpClient client, RestCall body, long timeoutNanos);
    }

    /**
     * What a probe found.
     *
     * @param replies one for each command
     * @param doubtful whether an attempt was given up, so that its commands may be executed still
     */
    record Result(List<Reply> replies, boolean doubtful) {}

    private final Transport transport;
    private final Sending sending;
    private final UpstashErrors errors;

    Probing(Transport transport, Sending sending, UpstashErrors errors) {
        this.transport = transport;
        this.sending = sending;
        this.errors = errors;
    }

    private final class Attempt implements Runnable {
        final OkHttpClient client;
        final RestCall body;
        final long deadline;
        final CompletableFuture<List<Reply>> replies = new CompletableFuture<>();

        Attempt(OkHttpClient client, RestCall body, long deadline) {
            this.client = client;
            this.body = body;
            this.deadline = deadline;
        }

        Attempt begin() {
            try {
                transport.threadPool().execute(this);
            } catch (RuntimeException | Error e) {
                // There is no thread to be had, but this one.
                run();
            }
            return this;
        }

        @Override
        public void run() {
            List<Reply> answer = null;
            Throwable failure = null;
            try {
                answer = sending.send(client, body, Math.max(1, deadline - System.nanoTime()));
            } catch (Throwable e) {
                failure = e;
            } finally {
                if (answer != null) {
                    replies.complete(answer);
                } else {
                    replies.completeExceptionally(failure == null ? new IllegalStateException("no end") : failure);
                }
            }
        }

        /** Whether it failed in a way that says nothing about the database. */
        boolean isInconclusive() {
            Throwable failure = failure();
            return failure instanceof CacheUnavailableException e
                    && (e.reason() == Reason.CONNECTION || e.reason() == Reason.TIMEOUT);
        }

        @Nullable
        Throwable failure() {
            return replies.handle((value, e) -> e).getNow(null);
        }

        boolean answered() {
            return replies.isDone() && !replies.isCompletedExceptionally();
        }
    }

    /**
     * Sends the same on one connection or on two.
     *
     * @param bodies makes a request of the commands
     * @param timeoutNanos for both
     * @param firstNanos for how long the kept connection is tried alone
     */
    Result run(Supplier<RestCall> bodies, long timeoutNanos, long firstNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        Attempt first = new Attempt(transport.clients().probing(), bodies.get(), deadline).begin();
        Attempt second = null;
        try {
            await(first.replies, firstNanos);
            if (first.replies.isDone() && !first.isInconclusive()) {
                return result(first, null);
            }
            second = new Attempt(transport.clients().unconnected(), bodies.get(), deadline).begin();
            awaitBoth(first, second, deadline);
            if (second.answered() && !first.answered()) {
                transport.clients().probeBy(second.client);
                return result(second, first);
            }
            return result(first.answered() ? first : second, null);
        } catch (InterruptedException e) {
            throw errors.interrupted("probe", e);
        } finally {
            end(first);
            end(second);
        }
    }

    private static void await(CompletableFuture<?> replies, long nanos) throws InterruptedException {
        try {
            replies.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // Looked at by whoever waited.
        }
    }

    private static void awaitBoth(Attempt first, Attempt second, long deadline) throws InterruptedException {
        await(CompletableFuture.anyOf(first.replies, second.replies), deadline - System.nanoTime());
        while (!first.answered() && !second.answered() && !(first.replies.isDone() && second.replies.isDone())) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return;
            }
            await(first.replies.isDone() ? second.replies : first.replies, left);
        }
    }

    private Result result(Attempt attempt, @Nullable Attempt other) {
        if (attempt.answered()) {
            boolean doubtful = other != null && other.body.started() && !other.answered();
            return new Result(attempt.replies.join(), doubtful);
        }
        Throwable failure = attempt.failure();
        if (failure instanceof CacheException e) {
            throw e;
        }
        if (failure != null) {
            throw errors.unexpected(attempt.body, failure);
        }
        throw new CacheTimeoutException(
                "probe of " + errors.address() + ": no answer in time, on a new connection neither", null, true);
    }

    private void end(@Nullable Attempt attempt) {
        if (attempt == null) {
            return;
        }
        if (!attempt.replies.isDone()) {
            attempt.body.cancel();
        }
        if (attempt.client != transport.clients().probing()) {
            Clients.abandon(attempt.client);
        }
    }
}
