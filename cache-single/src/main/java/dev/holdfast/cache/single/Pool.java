package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.PoolHealth;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;

/**
 * A connection for each call, at most a fixed number at a time. Who comes first is served first, within a millisecond: a
 * connection that comes back goes to whoever runs already, unless the first in the queue has waited for longer than that;
 * strict order would cost a change of threads for every call.
 */
final class Pool implements Connections {
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long DISTRUST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Dialer dialer;
    private final JedisErrors errors;
    private final int size;
    private final long connectNanos;
    private final long commandNanos;
    private final LongAdder exhausted = new LongAdder();

    /** Guards what follows; never held across I/O. */
    private final ReentrantLock lock = new ReentrantLock();

    private final ArrayDeque<Link> idle = new ArrayDeque<>();
    private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();
    private int generation;
    private int open;
    private int dialling;
    private boolean closed;

    Pool(SingleConfig config, Dialer dialer, JedisErrors errors) {
        this.dialer = dialer;
        this.errors = errors;
        this.size = config.poolSize();
        this.connectNanos = config.connectTimeout().toNanos();
        this.commandNanos = config.commandTimeout().toNanos();
        this.generation = dialer.generation();
    }

    @Override
    public <T> @Nullable T call(CommandArguments command, Class<T> type, long start, long until) {
        return use(start, until, link -> {
            Object reply = link.call(command);
            if (reply != null && !type.isInstance(reply)) {
                throw errors.outOfStep(command, reply);
            }
            return type.cast(reply);
        });
    }

    @Override
    public List<@Nullable Object> callAll(List<CommandArguments> commands, long start, long until) {
        List<@Nullable Object> replies = use(start, until, link -> new ArrayList<>(link.callAll(commands)));
        if (replies.stream().anyMatch(errors::isReadOnly)) {
            renew();
        }
        replies.replaceAll(reply -> reply instanceof RuntimeException refusal ? errors.refusal(refusal) : reply);
        return replies;
    }

    private <T> T use(long start, long until, Function<Link, T> work) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null);
        }
        Link link = borrow(start, until);
        long now = System.nanoTime();
        long deadline = until - now < commandNanos ? until : now + commandNanos;
        link.begin(deadline);
        dialer.watch().expect(deadline);
        boolean intact = false;
        try {
            if (link.doom() != null) {
                throw errors.lost(null, link, false);
            }
            T reply = work.apply(link);
            intact = true;
            return reply;
        } catch (RuntimeException e) {
            intact = errors.isRefusal(e);
            if (intact) {
                if (errors.isReadOnly(e)) {
                    renew();
                }
                throw errors.refusal(e);
            }
            throw errors.lost(e, link, true);
        } finally {
            intact &= link.end();
            link.usedAt(now);
            giveBack(link, intact);
        }
    }

    private Link borrow(long start, long until) {
        for (; ; ) {
            Link link = take(start, until);
            if (start - link.usedAt() < DISTRUST_NANOS || !link.isStale()) {
                return link;
            }
            giveBack(link, false);
        }
    }

    private Link take(long start, long until) {
        Waiter waiter;
        int dials;
        lock.lock();
        try {
            if (closed) {
                throw errors.closed();
            }
            Link link = idle.pollFirst();
            if (link != null) {
                return link;
            }
            waiter = new Waiter(Thread.currentThread(), System.nanoTime());
            waiters.addLast(waiter);
            dials = dialsWanted();
        } finally {
            lock.unlock();
        }
        dial(dials);
        return await(waiter, start, until);
    }

    private Link await(Waiter waiter, long start, long until) {
        long patience = start + Math.min(commandNanos / 2, (until - start) / 2);
        long withDialling = until - patience < connectNanos ? until : patience + connectNanos;
        for (; ; ) {
            long left = patience - System.nanoTime();
            if (left > 0 && waiter.waits()) {
                LockSupport.parkNanos(this, left);
            }
            Thread next = null;
            lock.lock();
            try {
                if (waiter.failure != null) {
                    throw errors.again(waiter.failure);
                }
                Link link = waiter.link != null ? waiter.link : idle.pollFirst();
                if (link != null) {
                    waiters.remove(waiter);
                    next = idle.isEmpty() ? null : firstWaiting();
                    return link;
                }
                if (Thread.currentThread().isInterrupted()) {
                    waiters.remove(waiter);
                    throw errors.interrupted(null);
                }
                if (System.nanoTime() - patience >= 0) {
                    if (open == 0 && dialling > 0 && withDialling - patience > 0) {
                        patience = withDialling;
                        continue;
                    }
                    waiters.remove(waiter);
                    exhausted.increment();
                    throw errors.exhausted(patience - start, open, size, waiters.size());
                }
            } finally {
                lock.unlock();
                LockSupport.unpark(next);
            }
        }
    }

    private void giveBack(Link link, boolean intact) {
        int dials = 0;
        Thread next = null;
        boolean kept = false;
        List<Link> distrusted = List.of();
        boolean closedByServer =
                !intact && link.doom() == null && !Thread.currentThread().isInterrupted();
        lock.lock();
        try {
            if (link.generation() == generation) {
                if (intact) {
                    next = offer(link);
                    kept = true;
                } else {
                    open--;
                    if (closedByServer) {
                        // It has closed the others too, more likely than not.
                        distrusted = emptied();
                    }
                    dials = dialsWanted();
                }
            }
        } finally {
            lock.unlock();
        }
        LockSupport.unpark(next);
        if (!kept) {
            dialer.discard(link);
        }
        distrusted.forEach(dialer::discard);
        dial(dials);
    }

    /** Makes a connection available; returns whom to wake. The lock is held. */
    private @Nullable Thread offer(Link link) {
        Waiter first = waiters.peekFirst();
        if (first != null && System.nanoTime() - first.since > PATIENCE_NANOS) {
            waiters.removeFirst();
            first.link = link;
            return first.thread;
        }
        idle.addFirst(link);
        return first == null ? null : first.thread;
    }

    private @Nullable Thread firstWaiting() {
        Waiter first = waiters.peekFirst();
        return first == null ? null : first.thread;
    }

    /** How many connections to open for those who wait; counts them as being opened. The lock is held. */
    private int dialsWanted() {
        int dials = Math.min(waiters.size() - idle.size() - dialling, size - open - dialling);
        if (closed || dials <= 0) {
            return 0;
        }
        dialling += dials;
        return dials;
    }

    private void dial(int count) {
        for (int i = 0; i < count; i++) {
            Link link = dialer.dial();
            CompletableFuture<Link> unused = link.opened().whenComplete((same, failure) -> dialled(link, failure));
        }
    }

    private void dialled(Link link, @Nullable Throwable failure) {
        List<Waiter> failed = List.of();
        Thread next = null;
        boolean kept = false;
        int dials = 0;
        lock.lock();
        try {
            dialling--;
            if (link.generation() != generation || closed) {
                dials = dialsWanted();
            } else if (failure == null) {
                open++;
                next = offer(link);
                kept = true;
            } else if (open == 0) {
                failed = failWaiters(errors.failureOf(failure));
            }
        } finally {
            lock.unlock();
        }
        LockSupport.unpark(next);
        failed.forEach(waiter -> LockSupport.unpark(waiter.thread));
        if (!kept) {
            dialer.discard(link);
        }
        dial(dials);
    }

    private List<Waiter> failWaiters(CacheUnavailableException failure) {
        List<Waiter> failed = List.copyOf(waiters);
        waiters.clear();
        for (Waiter waiter : failed) {
            waiter.failure = failure;
        }
        return failed;
    }

    private List<Link> emptied() {
        List<Link> all = List.copyOf(idle);
        idle.clear();
        open -= all.size();
        return all;
    }

    @Override
    public void renew() {
        List<Link> unused;
        int dials;
        lock.lock();
        try {
            generation = dialer.advance();
            unused = emptied();
            open = 0;
            dials = dialsWanted();
        } finally {
            lock.unlock();
        }
        unused.forEach(dialer::discard);
        dial(dials);
    }

    @Override
    public void disconnect(Throwable cause) {
        disconnect(cause, false);
    }

    private void disconnect(Throwable cause, boolean forGood) {
        List<Waiter> failed;
        int next;
        lock.lock();
        try {
            closed |= forGood;
            next = generation = dialer.advance();
            idle.clear();
            open = 0;
            failed = failWaiters(errors.disconnected(cause, false));
        } finally {
            lock.unlock();
        }
        failed.forEach(waiter -> LockSupport.unpark(waiter.thread));
        dialer.resetBefore(next, new Doom(false, cause));
    }

    @Override
    public void close() {
        disconnect(errors.closed(), true);
        dialer.close();
    }

    @Override
    public PoolHealth figures() {
        lock.lock();
        try {
            return new PoolHealth(size, open, open - idle.size(), waiters.size(), exhausted.sum());
        } finally {
            lock.unlock();
        }
    }

    /** A caller that waits for a connection; its fields are guarded by the lock. */
    private static final class Waiter {
        final Thread thread;
        final long since;
        volatile @Nullable Link link;
        volatile @Nullable CacheUnavailableException failure;

        Waiter(Thread thread, long since) {
            this.thread = thread;
            this.since = since;
        }

        boolean waits() {
            return link == null && failure == null;
        }
    }
}
