package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One execution of a loader, by one thread, for one flight or the flights of a bulk load. Interrupts its thread only while
 * the loader runs, so that an interrupt of the cache's never reaches the caller's own code.
 */
final class LoadRun implements Deadlines.Deadline {
    private enum State {
        QUEUED,
        RUNNING,
        INTERRUPTING,
        INTERRUPTED,
        ENDED
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.QUEUED);
    private final boolean onCallersThread;
    private final LoadGate.Place place;
    private final long deadlineNanos;
    private final Owner owner;
    private volatile @Nullable Thread thread;
    /** Ends what the run waits for without a thread. */
    private volatile @Nullable Runnable cancellation;

    /** Whose run it is. */
    interface Owner {
        /** The lease ran out. */
        void expired();

        /** The lease ran out before there was a place: no late result will come. */
        void neverBegan();

        /** Whether nobody waits for anything that the run is to find. */
        boolean isAbandoned();
    }

    LoadRun(boolean onCallersThread, LoadGate.Place place, long deadlineNanos, Owner owner) {
        this.onCallersThread = onCallersThread;
        this.place = place;
        this.deadlineNanos = deadlineNanos;
        this.owner = owner;
    }

    LoadGate.Place place() {
        return place;
    }

    /** Waits until it may run. */
    void awaitPlace() throws InterruptedException, ExecutionException {
        if (!place.granted().isDone()) {
            place.granted().get();
        }
    }

    /** The calling thread begins to wait for its place or to load. Returns false if the run was stopped before. */
    boolean begin() {
        thread = Thread.currentThread();
        return state.compareAndSet(State.QUEUED, State.RUNNING);
    }

    /** The run goes on without its thread: instead of that, what it waits for is ended. */
    void waitsFor(Runnable howToCancel) {
        cancellation = howToCancel;
        State now = state.get();
        if (now == State.INTERRUPTING || now == State.INTERRUPTED) {
            howToCancel.run();
        }
    }

    /**
     * The loader has returned. Returns whether it was interrupted by the cache; the interrupt has arrived then, and the
     * thread's flag is clear. Called again it does nothing. An interrupt by others that came in between the two can't be told apart and is lost with it.
     */
    boolean end() {
        if (state.get() == State.ENDED || state.compareAndSet(State.RUNNING, State.ENDED)) {
            return false;
        }
        while (state.get() == State.INTERRUPTING) {
            Thread.onSpinWait();
        }
        state.set(State.ENDED);
        Thread.interrupted();
        return true;
    }

    /** Stops the run. Returns whether it had not begun. */
    boolean interrupt() {
        if (state.compareAndSet(State.QUEUED, State.INTERRUPTED)) {
            return true;
        }
        if (state.compareAndSet(State.RUNNING, State.INTERRUPTING)) {
            Thread target = thread;
            Runnable cancel = cancellation;
            try {
                if (cancel != null) {
                    cancel.run();
                } else if (target != null) {
                    target.interrupt();
                }
            } finally {
                state.set(State.INTERRUPTED);
            }
        }
        return false;
    }

    /** All who waited for one of its loads have left: stops the run if that was the last. */
    void abandon() {
        if (owner.isAbandoned()) {
            interrupt();
        }
    }

    @Override
    public long remainingNanos(long now) {
        return deadlineNanos - now;
    }

    /** The lease ran out: the callers are told, the place is free for another load, and the loader is interrupted. */
    @Override
    public void passed() {
        try {
            owner.expired();
        } finally {
            try {
                if (interrupt()) {
                    owner.neverBegan();
                }
            } finally {
                giveUp();
            }
        }
    }

    /** The place is for others; a thread of ours that runs on, deaf to its interrupt, still counts. */
    private void giveUp() {
        if (onCallersThread) {
            place.leave();
        } else {
            place.overdue();
        }
    }

    /** The cache closes: nobody waits any longer, and a loader that serves no thread of a caller's is interrupted. */
    void close() {
        if (onCallersThread) {
            owner.expired();
        } else {
            passed();
        }
    }

    boolean isOn(Thread candidate) {
        return thread == candidate;
    }

    boolean servesItsOwnThread() {
        return onCallersThread;
    }

    /**
     * Whether the caller was interrupted while it loaded, as opposed to a loader that gave up by itself: the flag is set, or an
     * InterruptedException has cleared it. One that comes from another thread, inside an ExecutionException, is a failed load,
     * as are the loader's own timeouts and cancellations.
     */
    static boolean isInterruption(Throwable thrown) {
        if (Thread.currentThread().isInterrupted()) {
            return true;
        }
        Throwable cause = thrown;
        for (int depth = 0; cause != null && depth < 8; depth++) {
            if (cause instanceof InterruptedException || cause instanceof CacheInterruptedException) {
                return true;
            }
            if (cause instanceof ExecutionException || cause instanceof CompletionException) {
                return false;
            }
            cause = cause.getCause();
        }
        return false;
    }
}
