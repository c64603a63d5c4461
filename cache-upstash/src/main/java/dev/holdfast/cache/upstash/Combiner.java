package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Lets callers share requests: as long as fewer requests are under way than there are connections, a command goes out at
 * once and alone, on its caller's thread; beyond that, all who wait go together into the next request. Nothing waits for a
 * batch to fill.
 */
final class Combiner {
    /** As many as the official client sends in one pipeline. */
    private static final int MAX_COMMANDS = 1_000;

    private static final int MAX_BATCH_BYTES = 1 << 20;

    private final RestClient rest;
    private final Semaphore free;
    private final long requestTimeoutNanos;
    private final Queue<Waiting> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waitingCount = new AtomicInteger();
    private final int maxRequests;
    private final LongAdder exhausted;

    Combiner(RestClient rest, int maxRequests, long requestTimeoutNanos, LongAdder exhausted) {
        this.rest = rest;
        this.maxRequests = maxRequests;
        this.exhausted = exhausted;
        this.free = new Semaphore(maxRequests);
        this.requestTimeoutNanos = requestTimeoutNanos;
    }

    /** A caller's command on its way into a shared request. */
    private static final class Waiting {
        final Command command;
        final AtomicBoolean taken = new AtomicBoolean();
        final CompletableFuture<Reply> reply = new CompletableFuture<>();

        Waiting(Command command) {
            this.command = command;
        }
    }

    Reply run(Command command, long timeoutNanos) {
        if (waiting.isEmpty() && free.tryAcquire()) {
            try {
                return rest.one(command, timeoutNanos);
            } finally {
                release();
            }
        }
        Waiting mine = new Waiting(command);
        waitingCount.incrementAndGet();
        waiting.add(mine);
        sendWaiting();
        return await(mine, timeoutNanos);
    }

    /** Runs commands of one caller in one request, which takes its turn among the others'. */
    List<Reply> runAll(List<Command> commands, long timeoutNanos) {
        long start = System.nanoTime();
        boolean acquired;
        try {
            acquired = free.tryAcquire(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw rest.errors().interrupted("pipeline", e);
        }
        if (!acquired) {
            throw saturated("pipeline of " + commands.size() + " commands");
        }
        try {
            return rest.many(commands, timeoutNanos - (System.nanoTime() - start));
        } finally {
            release();
        }
    }

    int waiting() {
        return waitingCount.get();
    }

    int active() {
        return Math.max(0, maxRequests - free.availablePermits());
    }

    /** Fails every command that has not been sent. */
    void disconnect(Throwable cause) {
        Waiting next;
        while ((next = poll()) != null) {
            next.reply.completeExceptionally(new CacheUnavailableException(
                    next.command.name() + " at " + rest.errors().address() + ": disconnected before it was sent",
                    cause,
                    Reason.DISCONNECTED,
                    false));
        }
    }

    private void release() {
        free.release();
        sendWaiting();
    }

    /** Whoever adds a command or frees a connection looks afterwards, so no command is left behind. */
    private void sendWaiting() {
        while (!waiting.isEmpty() && free.tryAcquire()) {
            List<Waiting> batch = nextBatch();
            if (batch.isEmpty()) {
                free.release();
            } else {
                send(batch);
            }
        }
    }

    private List<Waiting> nextBatch() {
        List<Waiting> batch = new ArrayList<>();
        long bytes = 0;
        while (batch.size() < MAX_COMMANDS && bytes < MAX_BATCH_BYTES) {
            Waiting next = poll();
            if (next == null) {
                break;
            }
            batch.add(next);
            bytes += next.command.json().length;
        }
        return batch;
    }

    private @Nullable Waiting poll() {
        Waiting next;
        while ((next = waiting.poll()) != null) {
            waitingCount.decrementAndGet();
            if (next.taken.compareAndSet(false, true)) {
                return next;
            }
        }
        return null;
    }

    private void send(List<Waiting> batch) {
        List<Command> commands = new ArrayList<>(batch.size());
        for (Waiting caller : batch) {
            commands.add(caller.command);
        }
        rest.send(
                commands,
                requestTimeoutNanos,
                replies -> {
                    release();
                    for (int i = 0; i < replies.size(); i++) {
                        batch.get(i).reply.complete(replies.get(i));
                    }
                },
                failure -> {
                    release();
                    for (Waiting caller : batch) {
                        caller.reply.completeExceptionally(failure);
                    }
                });
    }

    private Reply await(Waiting mine, long timeoutNanos) {
        try {
            return mine.reply.get(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            mine.taken.set(true);
            throw rest.errors().interrupted(mine.command.name(), e);
        } catch (TimeoutException e) {
            boolean sent = !mine.taken.compareAndSet(false, true);
            if (!sent) {
                throw saturated(mine.command.name());
            }
            throw new CacheTimeoutException(
                    mine.command.name() + " at " + rest.errors().address() + ": no answer in "
                            + TimeUnit.NANOSECONDS.toMillis(timeoutNanos) + " ms",
                    e,
                    true);
        } catch (ExecutionException e) {
            throw ownCopy(e.getCause());
        }
    }

    /** Callers of one request fail together; each gets an exception with its own stack. */
    private static RuntimeException ownCopy(@Nullable Throwable shared) {
        if (shared instanceof CacheTimeoutException timeout) {
            return new CacheTimeoutException(String.valueOf(timeout.getMessage()), timeout, timeout.outcomeUnknown());
        }
        if (shared instanceof CacheUnavailableException e) {
            return new CacheUnavailableException(String.valueOf(e.getMessage()), e, e.reason(), e.outcomeUnknown());
        }
        if (shared instanceof CacheException e) {
            return new dev.holdfast.cache.CacheRejectedException(String.valueOf(e.getMessage()), e);
        }
        return new IllegalStateException("a request ended without an outcome", shared);
    }

    private CacheUnavailableException saturated(String what) {
        exhausted.increment();
        return new CacheUnavailableException(
                what + " at " + rest.errors().address()
                        + ": all connections were busy for the whole wait; raise REDIS_CONNECTION_POOL_SIZE?",
                null,
                Reason.SATURATED,
                false);
    }
}
