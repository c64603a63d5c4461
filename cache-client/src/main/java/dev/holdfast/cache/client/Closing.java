package dev.holdfast.cache.client;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The end of something that has several parts. Each step is taken, whatever the others throw; the first throwable is thrown when all
 * were. A step that threw is taken again by the next closing, one that did not is never. Thread-safe: who closes while another does
 * returns at once.
 */
final class Closing {
    private final AtomicBoolean busy = new AtomicBoolean();
    private final Runnable[] steps;
    /** Which steps are done; for whoever is busy. */
    private final boolean[] done;

    Closing(Runnable... steps) {
        this.steps = steps.clone();
        this.done = new boolean[steps.length];
    }

    /** Takes the steps that are left, in their order. */
    void close() {
        if (!busy.compareAndSet(false, true)) {
            return;
        }
        try {
            rethrow(takeAll());
        } finally {
            busy.set(false);
        }
    }

    /** Takes the steps after a failure, which is to be thrown whatever they throw. */
    static void after(Throwable failure, Runnable... steps) {
        Throwable another = new Closing(steps).takeAll();
        if (another != null) {
            suppress(failure, another);
        }
    }

    private @Nullable Throwable takeAll() {
        Throwable first = null;
        for (int i = 0; i < steps.length; i++) {
            if (!done[i]) {
                try {
                    steps[i].run();
                    done[i] = true;
                } catch (Throwable e) {
                    if (first == null) {
                        first = e;
                    } else {
                        suppress(first, e);
                    }
                }
            }
        }
        return first;
    }

    private static void suppress(Throwable first, Throwable another) {
        if (first == another) {
            return; // the JVM throws one OutOfMemoryError again and again
        }
        try {
            first.addSuppressed(another);
        } catch (Throwable e) {
            // For want of memory the first alone is told.
        }
    }

    private static void rethrow(@Nullable Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        if (thrown != null) {
            throw new IllegalStateException("a part could not be closed", thrown);
        }
    }
}
