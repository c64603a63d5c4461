package dev.holdfast.streams;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The threads that complete the futures of callers, who may have put anything behind them: one for each, and one of them kept. Where no thread is to be had,
 * a future waits for one, since what is behind it may hold whoever completes it for ever. For any number of threads.
 */
final class Deliveries implements AutoCloseable {
    private final ThreadPoolExecutor threads;
    private final AtomicInteger held = new AtomicInteger();
    private final AtomicReference<@Nullable Delivery> late = new AtomicReference<>();

    /** What one future ends with. Made before its call ends, so that the end needs no memory. */
    final class Delivery implements Runnable {
        private final CompletableFuture<byte[]> future;
        private final byte @Nullable [] answer;
        private final @Nullable RequestException failure;
        private @Nullable Delivery next;

        private Delivery(
                CompletableFuture<byte[]> future, byte @Nullable [] answer, @Nullable RequestException failure) {
            this.future = future;
            this.answer = answer;
            this.failure = failure;
        }

        /** Completes it here. */
        void complete() {
            if (failure != null) {
                future.completeExceptionally(failure);
            } else {
                future.complete(answer);
            }
        }

        @Override
        public void run() {
            boolean kept = false;
            try {
                complete();
            } catch (OutOfMemoryError e) {
                if (future.isDone()) {
                    throw e;
                }
                kept = true;
                keep(this, this);
            } finally {
                if (!kept) {
                    held.decrementAndGet();
                }
            }
        }
    }

    Deliveries(ThreadFactory factory) {
        threads = new ThreadPoolExecutor(1, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
    }

    /** Starts the thread that is kept, unless it lives; says whether it does. */
    boolean ensure() {
        try {
            var unused = threads.prestartCoreThread();
            return true;
        } catch (OutOfMemoryError e) {
            return false;
        }
    }

    Delivery of(CompletableFuture<byte[]> future, byte[] answer) {
        return new Delivery(future, answer, null);
    }

    Delivery of(CompletableFuture<byte[]> future, RequestException failure) {
        return new Delivery(future, null, failure);
    }

    /** How many are held by what is behind them, or wait for a thread. */
    int held() {
        return held.get();
    }

    /** Has it be completed on a thread of its own, now or when there is one. */
    void begin(Delivery one) {
        held.incrementAndGet();
        if (!given(one)) {
            keep(one, one);
        }
    }

    /** Begins those that wait for a thread. */
    void again() {
        if (late.get() == null) {
            return;
        }
        Delivery next = late.getAndSet(null);
        while (next != null) {
            Delivery one = next;
            next = one.next;
            // Else one that is held would hold all that came after it.
            one.next = null;
            if (!given(one)) {
                one.next = next;
                keep(one, last(one));
                return;
            }
        }
    }

    private static Delivery last(Delivery first) {
        Delivery last = first;
        while (last.next != null) {
            last = last.next;
        }
        return last;
    }

    /** Puts a chain before those that wait. Needs no memory. */
    private void keep(Delivery first, Delivery last) {
        while (true) {
            Delivery present = late.get();
            last.next = present;
            if (late.compareAndSet(present, first)) {
                return;
            }
        }
    }

    private boolean given(Delivery one) {
        try {
            threads.execute(one);
            return true;
        } catch (RejectedExecutionException e) {
            // The client is closed; nobody waits for this thread but who closes it.
            one.run();
            return true;
        } catch (OutOfMemoryError e) {
            return false;
        }
    }

    /** Completes those that wait still, and gives the threads back as they become free. */
    @Override
    public void close() {
        threads.shutdown();
        again();
    }
}
