package dev.holdfast.cache.single;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A thread that does nothing but note how long this process was kept from running, so that a limit in time can allow for it. */
final class Control implements AutoCloseable {
    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Thread thread = new Thread(this::run, "control");
    private volatile boolean closed;
    private volatile long longestNanos;

    Control() {
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        while (!closed) {
            long before = System.nanoTime();
            LockSupport.parkNanos(STEP_NANOS);
            longestNanos = Math.max(longestNanos, System.nanoTime() - before - STEP_NANOS);
        }
    }

    /** The longest stall since it was started, in milliseconds. */
    long stallMillis() {
        return TimeUnit.NANOSECONDS.toMillis(longestNanos);
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
