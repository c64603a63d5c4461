package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.upstash.Batch.Waiting;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Lets callers share requests: as long as fewer requests are under way than there are connections, a command goes out at
 * once and alone, on its caller's thread; beyond that, all who wait go together into the next request. Nothing waits for a
 * batch to fill. A large command shares with nobody, and a repetition with few. Where connections break, fewer requests are under way until those
 * may be replaced.
 */
final class Combiner {
    /** Whoever waits for a request of its own has one free permit in so many, if others wait to share one. */
    private static final int TURNS = 4;

    private final Requests rest;
    private final Permits permits;
    private final long requestTimeoutNanos;
    private final WaitingCommands waiting;
    private final AtomicInteger turns = new AtomicInteger();
    /** How many wait for a request of their own, and broke no connection alone. */
    private final AtomicInteger keptCount = new AtomicInteger();

    private final Saturation saturation;

    Combiner(
            Requests rest,
            int maxRequests,
            long requestTimeoutNanos,
            Saturation saturation,
            Replacements replacements) {
        this.rest = rest;
        this.saturation = saturation;
        this.waiting = new WaitingCommands(saturation);
        this.permits = new Permits(maxRequests, replacements, rest.threadPool(), this::next);
        this.requestTimeoutNanos = requestTimeoutNanos;
    }

    /** Sends a command, and with it as many others as it may share a request with, if there is no connection for each. */
    Reply run(Waiting mine, long timeoutNanos) {
        if (mine.most == 1) {
            return own(mine.command.name(), mine.broke, timeoutNanos, left -> alone(mine, left));
        }
        if (waiting.isEmpty() && !permits.isAwaited() && permits.tryAcquire()) {
            try {
                saturation.waited(mine.since);
                return alone(mine, timeoutNanos);
            } finally {
                release(false);
            }
        }
        waiting.add(mine);
        next();
        return await(mine, timeoutNanos);
    }

    private Reply alone(Waiting mine, long timeoutNanos) {
        mine.company = 1;
        return mine.isRepetition ? rest.oneAgain(mine.command, timeoutNanos) : rest.one(mine.command, timeoutNanos);
    }

    /** As {@link #runAll}, for commands that were sent before. */
    List<Reply> runAllAgain(List<Command> commands, long timeoutNanos) {
        return own(
                "pipeline of " + commands.size() + " commands",
                true,
                timeoutNanos,
                left -> rest.manyAgain(commands, left));
    }

    /** Runs commands of one caller in one request, which takes its turn among the others'. */
    List<Reply> runAll(List<Command> commands, long timeoutNanos) {
        return own(
                "pipeline of " + commands.size() + " commands", false, timeoutNanos, left -> rest.many(commands, left));
    }

    private <T> T own(String what, boolean broke, long timeoutNanos, LongFunction<T> request) {
        long start = System.nanoTime();
        long until = start + timeoutNanos;
        boolean acquired = false;
        keptCount.addAndGet(broke ? 0 : 1);
        try {
            acquired = permits.acquireOwn(until, this::sendWaiting);
        } catch (InterruptedException e) {
            throw rest.errors().interrupted(what, e);
        } finally {
            keptCount.addAndGet(broke ? 0 : -1);
        }
        if (!acquired) {
            throw saturated(what);
        }
        try {
            saturation.waited(start);
            return request.apply(Math.max(1, until - System.nanoTime()));
        } finally {
            release(true);
        }
    }

    /** Whether commands wait to be sent that are not known to have broken a connection by themselves. */
    boolean isAnybodyKept() {
        return waiting.count() > 0 || keptCount.get() > 0;
    }

    /** The permits for requests. */
    Permits permits() {
        return permits;
    }

    int waiting() {
        return waiting.count();
    }

    /** Fails every command that has not been sent. */
    void disconnect(Throwable cause) {
        Waiting next;
        while ((next = waiting.take()) != null) {
            next.reply.completeExceptionally(new CacheUnavailableException(
                    next.command.name() + " at " + rest.errors().address() + ": disconnected before it was sent",
                    cause,
                    Reason.DISCONNECTED,
                    false));
        }
    }

    private void release(boolean own) {
        try {
            permits.giveBack(own);
        } finally {
            next();
        }
    }

    /** Those who wait for a request of their own and those who share one have a free permit by turns: whoever has it, or does not get it, looks again. */
    private void next() {
        if (!permits.isAwaited() || turns.incrementAndGet() % TURNS != 0) {
            sendWaiting();
        }
    }

    /** Whether no more connections broke in a row than a restart breaks: so what broke is the exception, and most requests are answered. */
    boolean isMostlyAnswered() {
        return rest.brokenInARow() <= permits.most();
    }

    /** Withholds no permit any more. */
    void close() {
        permits.close();
        next();
    }

    /** Whoever adds a command or frees a connection looks afterwards, so no command is left behind. */
    private void sendWaiting() {
        boolean began = true;
        while (began && !waiting.isEmpty() && permits.tryAcquire()) {
            began = begin();
        }
    }

    /**
     * The permit that the calling thread has is given back by whichever thread sends the batch, and if there is none, here.
     *
     * @return false if there is no memory to begin one: those who wait are looked after when the next request ends
     */
    private boolean begin() {
        boolean failed = false;
        Batch batch = null;
        try {
            Batch next = new Batch();
            batch = next;
            waiting.fill(next);
            if (next.size() > 0) {
                rest.threadPool().execute(() -> send(next));
                return true;
            }
        } catch (RuntimeException | Error e) {
            // No thread can be had but this one, which was about to wait, or is done.
            failed = true;
        }
        if (batch != null && batch.size() > 0) {
            send(batch);
            return true;
        }
        permits.abandon();
        return !failed;
    }

    /** Whatever becomes of the request: the permit is given back, and every caller is told. */
    private void send(Batch batch) {
        List<Reply> replies = null;
        Throwable failure = null;
        try {
            replies = batch.isRepetition()
                    ? rest.manyAgain(batch.commands(), requestTimeoutNanos)
                    : rest.many(batch.commands(), requestTimeoutNanos);
        } catch (Throwable e) {
            failure = e;
        } finally {
            try {
                permits.giveBack(false);
            } finally {
                batch.end(replies, failure);
                next();
            }
        }
    }

    private Reply await(Waiting mine, long timeoutNanos) {
        long until = System.nanoTime() + timeoutNanos;
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
            if (e.getCause() instanceof CacheRejectedException && mine.company > 1 && until - System.nanoTime() > 0) {
                // A request as a whole was refused, and nothing of it executed: it need not be for this command's sake.
                return own(mine.command.name(), false, until - System.nanoTime(), left -> alone(mine, left));
            }
            throw ownCopy(mine.command.name(), e.getCause());
        }
    }

    /** Callers of one request fail together; each gets an exception with its own stack, and the common one as its cause. */
    private CacheException ownCopy(String what, @Nullable Throwable shared) {
        String message = String.valueOf(shared == null ? null : shared.getMessage());
        if (shared instanceof CacheUnavailableException e) {
            return Failures.copy(e, message, e, e.outcomeUnknown());
        }
        if (shared instanceof CacheRejectedException || shared instanceof CacheCodecException) {
            return new CacheRejectedException(message, shared);
        }
        return new CacheUnavailableException(
                what + " at " + rest.errors().address() + ": its request ended unexpectedly: "
                        + UpstashErrors.quoted(String.valueOf(shared)),
                shared,
                Reason.CONNECTION,
                true);
    }

    private CacheUnavailableException saturated(String what) {
        saturation.another(permits.active(), waiting.count());
        return new CacheUnavailableException(
                what + " at " + rest.errors().address()
                        + ": all connections were busy for the whole wait; raise "
                        + rest.errors().named("REDIS_CONNECTION_POOL_SIZE", "withMaxConnections") + '?',
                null,
                Reason.SATURATED,
                false);
    }
}
