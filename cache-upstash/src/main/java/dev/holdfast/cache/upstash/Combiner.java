package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.DeadlineWatch;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.upstash.Batch.Waiting;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
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

    /** What was sent before, and broke its connection in company: it goes again in a smaller one. */
    private final Queue<Waiting> again = new ConcurrentLinkedQueue<>();

    private final List<Queue<Waiting>> queues = List.of(harmless, once, again);
    private final AtomicInteger filled = new AtomicInteger();
    private final AtomicInteger turns = new AtomicInteger();
    private final AtomicInteger waitingCount = new AtomicInteger();
    /** Those of them that wait for a request of their own, and broke no connection alone. */
    private final AtomicInteger keptCount = new AtomicInteger();

    private final int maxRequests;
    private final Saturation saturation;
    private final Replacements replacements;
    /** Permits that nobody may have yet, since a connection broke under their last request. */
    private final Set<Withheld> withheld = ConcurrentHashMap.newKeySet();

    private final DeadlineWatch<Withheld> watch;
    private final Allotment ownRequests;

    private static final class Withheld {
        /** Whether its last request was one caller's own. */
        final boolean own;

        /** 0 once somebody is about to give it back. */
        volatile long until;

        private final AtomicBoolean taken = new AtomicBoolean();

        Withheld(boolean own, long until) {
            this.own = own;
            this.until = until == 0 ? 1 : until;
        }

        /** True for one only, who is to give it back. */
        boolean isTaken() {
            return taken.compareAndSet(false, true);
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
                withheld, permit -> permit.until, (permit, until) -> handOver(permit), rest.threadPool());
        this.rest = rest;
        this.maxRequests = maxRequests;
        this.saturation = saturation;
        this.free = new Semaphore(maxRequests);
        this.ownRequests = new Allotment(this::mostOwn);
        this.requestTimeoutNanos = requestTimeoutNanos;
    }

    /** Sends a command, and with it as many others as it may share a request with, if there is no connection for each. */
    Reply run(Waiting mine, long timeoutNanos) {
        if (mine.most == 1) {
            return own(mine.command.name(), mine.broke, timeoutNanos, left -> alone(mine, left));
        }
        if (isNobodyWaiting() && !free.hasQueuedThreads() && free.tryAcquire()) {
            try {
                saturation.waited(mine.since);
                return alone(mine, timeoutNanos);
            } finally {
                release(false);
            }
        }
        waitingCount.incrementAndGet();
        queueOf(mine).add(mine);
        next();
        return await(mine, timeoutNanos);
    }

    private Reply alone(Waiting mine, long timeoutNanos) {
        mine.company = 1;
        return mine.isRepetition ? rest.oneAgain(mine.command, timeoutNanos) : rest.one(mine.command, timeoutNanos);
    }

    private Queue<Waiting> queueOf(Waiting mine) {
        return mine.isRepetition ? again : mine.command.isHarmless() ? harmless : once;
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
        boolean entered = false;
        boolean acquired = false;
        keptCount.addAndGet(broke ? 0 : 1);
        try {
            entered = ownRequests.enter(timeoutNanos);
            acquired = entered && free.tryAcquire(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw rest.errors().interrupted(what, e);
        } finally {
            keptCount.addAndGet(broke ? 0 : -1);
            if (entered && !acquired) {
                ownRequests.leave();
                // Somebody may have left a permit to this one.
                sendWaiting();
            }
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

    /** While permits are scarce, half of those that others have not lost. */
    private int mostOwn() {
        if (!isScarce()) {
            return maxRequests;
        }
        long lostByOthers = withheld.stream().filter(permit -> !permit.own).count();
        return (int) Math.max(1, (maxRequests - lostByOthers) / 2);
    }

    /** Whether half of the permits are withheld: a restart, which breaks each connection once, has one or two withheld for a moment. */
    boolean isScarce() {
        return 2 * withheld.size() >= maxRequests;
    }

    /** Whether commands wait to be sent that are not known to have broken a connection by themselves. */
    boolean isAnybodyKept() {
        return waitingCount.get() > 0 || keptCount.get() > 0;
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

    private void release(boolean own) {
        try {
            giveBack(own);
        } finally {
            next();
        }
    }

    /** At once, or if a connection was lost when it may be replaced. Whatever is thrown, the permit is given back once. */
    private void giveBack(boolean own) {
        Withheld permit = null;
        try {
            long now = System.nanoTime();
            long pause = replacements.pause(now);
            if (pause > 0) {
                permit = new Withheld(own, now + pause);
                withheld.add(permit);
                watch.expect(permit.until);
                return;
            }
        } catch (RuntimeException | Error e) {
            // For want of memory or of a thread that would give it back in time: the answer that its holder has matters
            // more than the pace.
        }
        if (permit != null) {
            giveBack(permit);
        } else {
            free.release();
            if (own) {
                ownRequests.leave();
            }
        }
    }

    private void giveBack(Withheld permit) {
        if (!permit.isTaken()) {
            return;
        }
        permit.until = 0;
        free.release();
        withheld.remove(permit);
        if (permit.own) {
            ownRequests.leave();
        }
        ownRequests.widened();
    }

    /** For the watch, whose thread sends nothing itself: if no other can be had, it comes again a moment later. */
    private void handOver(Withheld permit) {
        rest.threadPool().execute(() -> {
            giveBack(permit);
            next();
        });
        permit.until = 0;
    }

    /** Those who wait for a request of their own and those who share one have a free permit by turns: whoever has it, or does not get it, looks again. */
    private void next() {
        if (!free.hasQueuedThreads() || turns.incrementAndGet() % TURNS != 0) {
            sendWaiting();
        }
    }

    /** Whether no more connections broke in a row than a restart breaks: so what broke is the exception, and most requests are answered. */
    boolean isMostlyAnswered() {
        return rest.brokenInARow() <= maxRequests;
    }

    /** Withholds no permit any more. */
    void close() {
        watch.stop();
        withheld.forEach(this::giveBack);
        next();
    }

    /** Whoever adds a command or frees a connection looks afterwards, so no command is left behind. */
    private void sendWaiting() {
        boolean began = true;
        while (began && !isNobodyWaiting() && free.tryAcquire()) {
            began = begin();
        }
    }

    private boolean isNobodyWaiting() {
        return harmless.isEmpty() && once.isEmpty() && again.isEmpty();
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
            fill(next);
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
        free.release();
        return !failed;
    }

    /** By turns, so that no kind waits for another's last. */
    private void fill(Batch batch) {
        int first = filled.getAndIncrement();
        for (int i = 0; i < queues.size() && batch.size() == 0; i++) {
            fill(batch, queues.get(Math.floorMod(first + i, queues.size())));
        }
    }

    private void fill(Batch batch, Queue<Waiting> queue) {
        // Who is next says how many there may be, and must be the same when it is taken.
        synchronized (queue) {
            while (batch.size() < MAX_COMMANDS && batch.bytes() < MAX_BATCH_BYTES) {
                Waiting next = queue.peek();
                if (next == null || batch.isFullFor(next) || (next = queue.poll()) == null) {
                    return;
                }
                waitingCount.decrementAndGet();
                if (next.taken.compareAndSet(false, true)) {
                    batch.add(next);
                    saturation.waited(next.since);
                }
            }
        }
    }

    private @Nullable Waiting pollAny() {
        for (Queue<Waiting> queue : queues) {
            Waiting next = poll(queue);
            if (next != null) {
                return next;
            }
        }
        return null;
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
            replies = batch.isRepetition()
                    ? rest.manyAgain(batch.commands(), requestTimeoutNanos)
                    : rest.many(batch.commands(), requestTimeoutNanos);
        } catch (Throwable e) {
            failure = e;
        } finally {
            try {
                giveBack(false);
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
        saturation.another(active(), waiting());
        return new CacheUnavailableException(
                what + " at " + rest.errors().address()
                        + ": all connections were busy for the whole wait; raise "
                        + rest.errors().named("REDIS_CONNECTION_POOL_SIZE", "withMaxConnections") + '?',
                null,
                Reason.SATURATED,
                false);
    }
}
