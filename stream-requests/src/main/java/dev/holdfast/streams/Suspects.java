package dev.holdfast.streams;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The requests that a worker had when it fell silent, and those of ids whose runs have begun and never ended. One of them may kill whoever runs
 * it, and takes all with it that are run beside it. So a server runs one of them at a time, until its caller has given up: the one that kills is
 * soon the only one that goes on being suspected. For any number of threads.
 */
final class Suspects {
    private final AtomicReference<@Nullable Held> running = new AtomicReference<>();

    /** Whether one may begin. */
    boolean isFree() {
        Held present = running.get();
        return present == null || present.isOver();
    }

    /** Begins one, or goes on with it; says whether it may be run. */
    boolean begin(Held one) {
        Held present = running.get();
        return present == one || ((present == null || present.isOver()) && running.compareAndSet(present, one));
    }

    boolean isRunning(Held one) {
        return running.get() == one;
    }

    /** Ends one, if it was begun. */
    void end(Held one) {
        running.compareAndSet(one, null);
    }
}
