package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.IsolatedThreads;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GenericFutureListener;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The event loops of a store. An Error that a loop meets where Netty calls nobody of ours, as for want of memory in its selector, ends that loop for good:
 * another takes its place for what is opened from then on, and what stood on it is told. For any thread.
 */
final class Loops {
    private static final int COUNT = 2;

    private final ThreadFactory threads = IsolatedThreads.platform("holdfast-cluster-io");
    private final AtomicInteger turn = new AtomicInteger();
    private final ReentrantLock lock = new ReentrantLock();
    /** A group of one each; a new array whenever one is replaced. */
    private volatile EventLoopGroup[] groups = {group(), group()};

    private boolean closed;

    @SuppressWarnings("deprecation") // What stands in for it is not in Netty 4.1.
    private EventLoopGroup group() {
        return new NioEventLoopGroup(1, threads);
    }

    /**
     * Returns the event loop for another connection.
     *
     * @throws RejectedExecutionException if the store is closed
     */
    EventLoop next() {
        int index = Math.floorMod(turn.getAndIncrement(), COUNT);
        EventLoopGroup group = groups[index];
        return (group.isShuttingDown() ? replaced(index) : group).next();
    }

    private EventLoopGroup replaced(int index) {
        lock.lock();
        try {
            if (closed) {
                throw new RejectedExecutionException("the store is closed");
            }
            if (groups[index].isShuttingDown()) {
                EventLoopGroup[] others = groups.clone();
                others[index] = group();
                groups = others;
            }
            return groups[index];
        } finally {
            lock.unlock();
        }
    }

    /**
     * Runs something when a loop has ended, on no thread of that loop's.
     *
     * @return takes it back
     */
    static Runnable whenEnded(EventLoop loop, Runnable action) {
        GenericFutureListener<Future<Object>> listener = ended -> action.run();
        @SuppressWarnings("unchecked") // the listener looks at no result
        Future<Object> end = (Future<Object>) loop.terminationFuture();
        end.addListener(listener);
        return () -> end.removeListener(listener);
    }

    /** Runs something once a channel is closed, or its loop has ended, which says nothing to its channels. */
    static void whenClosed(Channel channel, Runnable action) {
        Runnable forget = whenEnded(channel.eventLoop(), action);
        channel.closeFuture().addListener(closed -> {
            forget.run();
            action.run();
        });
    }

    /** Ends all; waits two seconds at most. */
    void close() {
        EventLoopGroup[] last;
        lock.lock();
        try {
            closed = true;
            last = groups;
        } finally {
            lock.unlock();
        }
        for (EventLoopGroup group : last) {
            Future<?> unused = group.shutdownGracefully(0, 2, TimeUnit.SECONDS);
        }
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
        for (EventLoopGroup group : last) {
            group.terminationFuture()
                    .awaitUninterruptibly(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        }
    }
}
