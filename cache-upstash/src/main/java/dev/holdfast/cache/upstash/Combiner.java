package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.DeadlineWatch;
import dev.holdfast.cache.upstash.Batch.Waiting;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Lets callers share requests: as long as fewer requests are under way than there are connections, a command goes out at
 * once and alone, on its caller's thread; beyond that, all who wait go together into the next request. Nothing waits for a
 * batch to fill. A large command shares with nobody. Where connections break, fewer requests are under way until those may be replaced.
 */
final class Combiner {
    /** As many as the official client sends in one pipeline. */
    private static final int MAX_COMMANDS = 1_000;

    private static final int MAX_BATCH_BYTES = 1 << 20;

    /** Whoever waits for a request of its own has one free permit in so many, if others wait to share one. */
    private static final int TURNS = 4;

    private final Requests rest;
    private final Semaphore free;
    private final long requestTimeoutNanos;
    private final Queue<Waiting> harmless = new ConcurrentLinkedQueue<>();
    /** What may not be repeated shares with its like: it is given up later than others, if its connection is silent. */
    private final Queue<Waiting> once = new ConcurrentLinkedQueue<>();

    private volatile boolean onceFirst;
    private final AtomicInteger turns = new AtomicInteger();
    private final AtomicInteger waitingCount = new AtomicInteger();
    private final int maxRequests;
    private final Saturation saturation;
    private final Replacements replacements;
    /** Permits that nobody may have yet, since a connection broke under their last request. */
    private final Set<Withheld> withheld = ConcurrentHashMap.newKeySet();

    private final DeadlineWatch<Withheld> watch;

    private static final class Withheld {
        final long until;

        Withheld(long until) {
            this.until = until == 0 ? 1 : until;
        }
    }

    Combiner(
            Requests rest,
            int maxRequests,
            long requestTimeoutNanos,
            Saturation saturation,
            Replacements replacements) {
        this.replacements = replacements;
        this.watch = new DeadlineWatch<>(
                withheld, permit -> permit.until, (permit, until) -> giveBack(permit), rest.threadPool());
        this.rest = rest;
        this.maxRequests = maxRequests;
        this.saturation = saturation;
        this.free = new Semaphore(maxRequests);
        this.requestTimeoutNanos = requestTimeoutNanos;
    }

    Reply run(Command command, long timeoutNanos) {
        if (isNobodyWaiting() && !free.hasQueuedThreads() && free.tryAcquire()) {
            try {
                return rest.one(command, timeoutNanos);
            } finally {
                release();
            }
        }
        if (command.isLarge()) {
            return own(command.name(), timeoutNanos, left -> rest.one(command, left));
        }
        Waiting mine = new Waiting(command);
        waitingCount.incrementAndGet();
        (command.isHarmless() ? harmless : once).add(mine);
        next();
        return await(mine, timeoutNanos);
    }

    /** Repeats a command in a request of its own. */
    Reply runAgain(Command command, long timeoutNanos) {
        return own(command.name(), timeoutNanos, left -> rest.oneAgain(command, left));
    }

    /** As {@link #runAll}, for commands that were sent before. */
    List<Reply> runAllAgain(List<Command> commands, long timeoutNanos) {
        return own(
                "pipeline of " + commands.size() + " commands", timeoutNanos, left -> rest.manyAgain(commands, left));
    }

    /** Runs commands of one caller in one request, which takes its turn among the others'. */
    List<Reply> runAll(List<Command> commands, long timeoutNanos) {
        return own("pipeline of " + commands.size() + " commands", timeoutNanos, left -> rest.many(commands, left));
    }

    private <T> T own(String what, long timeoutNanos, LongFunction<T> request) {
        long until = System.nanoTime() + timeoutNanos;
        boolean acquired = false;
        try {
            acquired = free.tryAcquire(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw rest.errors().interrupted(what, e);
        } finally {
            if (!acquired) {
                // Somebody may have left a permit to this one.
                sendWaiting();
            }
        }
        if (!acquired) {
            throw saturated(what);
        }
        try {
            return request.apply(Math.max(1, until - System.nanoTime()));
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
        while ((next = pollAny()) != null) {
            next.reply.completeExceptionally(new CacheUnavailableException(
                    next.command.name() + " at " + rest.errors().address() + ": disconnected before it was sent",
                    cause,
                    Reason.DISCONNECTED,
                    false));
        }
    }

    private void release() {
        try {
            giveBack();
        } finally {
            next();
        }
    }

    /** At once, or if a connection was lost when it may be replaced. */
    private void giveBack() {
        boolean kept = false;
        try {
            long now = System.nanoTime();
            long pause = replacements.pause(now);
            kept = pause > 0 && isWithheld(new Withheld(now + pause));
        } finally {
            if (!kept) {
                free.release();
            }
        }
    }

    private boolean isWithheld(Withheld permit) {
        withheld.add(permit);
        try {
            watch.expect(permit.until);
            return true;
        } catch (RejectedExecutionException e) {
            // Nobody is there to give it back in time, unless somebody was.
            return !withheld.remove(permit);
        }
    }

    private void giveBack(Withheld permit) {
        if (withheld.remove(permit)) {
            free.release();
            next();
        }
    }

    /** Those who wait for a request of their own and those who share one have a free permit by turns: whoever has it, or does not get it, looks again. */
    private void next() {
        if (!free.hasQueuedThreads() || turns.incrementAndGet() % TURNS != 0) {
            sendWaiting();
        }
    }

    /** Whether one more request would be at the expense of others: as many are under way as may be, or fewer may be, since connections broke. */
    boolean isShort() {
        return free.availablePermits() == 0 || !withheld.isEmpty();
    }

    /** Withholds no permit any more. */
    void close() {
        watch.stop();
        withheld.forEach(this::giveBack);
    }

    /** Whoever adds a command or frees a connection looks afterwards, so no command is left behind. */
    private void sendWaiting() {
        while (!isNobodyWaiting() && free.tryAcquire()) {
            begin();
        }
    }

    private boolean isNobodyWaiting() {
        return harmless.isEmpty() && once.isEmpty();
    }

    /** The permit that the calling thread has is given back by whichever thread sends the batch, and if there is none, here. */
    private void begin() {
        Batch batch = new Batch();
        boolean handedOver = false;
        boolean here = false;
        try {
            // By turns, so that neither kind waits for the other's last.
            onceFirst = !onceFirst;
            fill(batch, onceFirst ? once : harmless);
            if (batch.size() == 0) {
                fill(batch, onceFirst ? harmless : once);
            }
            if (batch.size() > 0) {
                rest.threadPool().execute(() -> send(batch));
                handedOver = true;
            }
        } catch (RuntimeException | Error e) {
            // No thread can be had but this one, which was about to wait, or is done.
            here = true;
        } finally {
            if (!handedOver && !here) {
                free.release();
            }
        }
        if (here) {
            send(batch);
        }
    }

    private void fill(Batch batch, Queue<Waiting> queue) {
        while (batch.size() < MAX_COMMANDS && batch.bytes() < MAX_BATCH_BYTES) {
            Waiting next = poll(queue);
            if (next == null) {
                return;
            }
            batch.add(next);
        }
    }

    private @Nullable Waiting pollAny() {
        Waiting next = poll(harmless);
        return next == null ? poll(once) : next;
    }

    private @Nullable Waiting poll(Queue<Waiting> queue) {
        Waiting next;
        while ((next = queue.poll()) != null) {
            waitingCount.decrementAndGet();
            if (next.taken.compareAndSet(false, true)) {
                return next;
            }
        }
        return null;
    }

    /** Whatever becomes of the request: the permit is given back, and every caller is told. */
    private void send(Batch batch) {
        List<Reply> replies = null;
        Throwable failure = null;
        try {
            replies = rest.many(batch.commands(), requestTimeoutNanos);
        } catch (Throwable e) {
            failure = e;
        } finally {
            try {
                giveBack();
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
            if (e.getCause() instanceof CacheRejectedException && mine.isShared && until - System.nanoTime() > 0) {
                // A request as a whole was refused, and nothing of it executed: it need not be for this command's sake.
                return own(mine.command.name(), until - System.nanoTime(), left -> rest.one(mine.command, left));
            }
            throw ownCopy(mine.command.name(), e.getCause());
        }
    }

    /** Whether a command failed in a request that others may have had a part in. */
    static boolean wasShared(CacheUnavailableException failure) {
        return failure.getCause() instanceof CacheUnavailableException;
    }

    /** Callers of one request fail together; each gets an exception with its own stack, and the common one as its cause. */
    private CacheException ownCopy(String what, @Nullable Throwable shared) {
        String message = String.valueOf(shared == null ? null : shared.getMessage());
        if (shared instanceof CacheTimeoutException timeout) {
            return new CacheTimeoutException(message, timeout, timeout.outcomeUnknown());
        }
        if (shared instanceof CacheUnavailableException e) {
            return new CacheUnavailableException(message, e, e.reason(), e.outcomeUnknown());
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
        saturation.another(active(), waiting());
        return new CacheUnavailableException(
                what + " at " + rest.errors().address()
                        + ": all connections were busy for the whole wait; raise REDIS_CONNECTION_POOL_SIZE?",
                null,
                Reason.SATURATED,
                false);
    }
}
