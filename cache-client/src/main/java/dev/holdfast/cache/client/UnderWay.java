package dev.holdfast.cache.client;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work that others may wait for. It ends exactly once, whatever is thrown on whichever thread has it in hand: by its loader, its
 * codec, its store, a context carrier that does not run what it was given, or an executor that has no thread left.
 */
abstract class UnderWay {
    private static final Logger LOG = LoggerFactory.getLogger(UnderWay.class);

    private final AtomicBoolean over = new AtomicBoolean();

    /**
     * Takes away whatever marks the work as under way, and tells those who wait. Called once.
     *
     * @param cause what kept the work from its end; {@code null} if nothing did
     */
    abstract void ended(@Nullable Throwable cause);

    /** Whether the work goes on elsewhere after the step that was done, by whoever ends it. */
    boolean goesOn() {
        return false;
    }

    /** Ends the work unless it has ended. Throws nothing. */
    final void end(@Nullable Throwable cause) {
        if (over.compareAndSet(false, true)) {
            try {
                ended(cause);
            } catch (Throwable e) {
                said("the end of a call or a load failed; others are not harmed", e);
            }
        }
    }

    /** Says what went wrong aside. Throws nothing. */
    static void said(String what, Throwable e) {
        try {
            LOG.warn(what, e);
        } catch (Throwable withoutWord) {
            // Ending work matters more than saying what is in the way.
        }
    }

    /** Does the last step of the work on another thread, and ends it. Throws nothing. */
    final void finishOn(Executor threads, Runnable step) {
        try {
            threads.execute(() -> finish(step));
        } catch (Throwable e) {
            end(e);
        }
    }

    private void finish(Runnable step) {
        Throwable failure = null;
        try {
            step.run();
        } catch (Throwable e) {
            failure = e;
        }
        if (failure != null || !goesOn()) {
            end(failure);
        }
    }
}
