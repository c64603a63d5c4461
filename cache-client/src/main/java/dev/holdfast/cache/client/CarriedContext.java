package dev.holdfast.cache.client;

import dev.holdfast.cache.ContextCarrier;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** Takes slf4j's MDC and whatever the application's carriers know from a caller into the background. */
final class CarriedContext {
    private final List<ContextCarrier> carriers;

    CarriedContext(List<ContextCarrier> carriers) {
        this.carriers = List.copyOf(carriers);
    }

    /** One caller's context, for one task that is not known yet. */
    static final class Captured {
        private final AtomicBoolean ran = new AtomicBoolean();
        private @Nullable Runnable carried;
        private volatile @Nullable Throwable refusal;
        private volatile @Nullable Runnable task;
        private volatile @Nullable Throwable failure;

        /**
         * Runs a task in the context, on this thread, and throws what it throws. What a carrier throws matters only if it kept the task
         * from running.
         */
        void run(Runnable inside) {
            task = inside;
            try {
                carry();
            } catch (Throwable e) {
                if (!ran.get()) {
                    throw e;
                }
                UnderWay.said("a context carrier failed after its task; the cache goes on", e);
            }
            if (!ran.get()) {
                throw new IllegalStateException("a context carrier did not run the task that it was given");
            }
            rethrow(failure);
        }

        /**
         * Runs a task in the context, on this thread, unless a carrier keeps it from running.
         *
         * @return whether it ran; if not, it will not, and {@link #requireCarried} throws why
         */
        boolean tryRun(Runnable inside) {
            task = inside;
            try {
                carry();
            } catch (Throwable e) {
                if (ran.compareAndSet(false, true)) {
                    refusal = e;
                    return false;
                }
                UnderWay.said("a context carrier failed after its task; the cache goes on", e);
            }
            if (ran.compareAndSet(false, true)) {
                refusal = new IllegalStateException("a context carrier did not run the task that it was given");
                return false;
            }
            rethrow(failure);
            return true;
        }

        /** Whether it could not be had, for which {@link #requireCarried} throws. */
        boolean isRefused() {
            return refusal != null;
        }

        /** Throws what kept the context from being had. */
        void requireCarried() {
            rethrow(refusal);
        }

        private void carry() {
            rethrow(refusal);
            Objects.requireNonNull(carried, "a context carrier returned null").run();
        }

        private void runTask() {
            if (!ran.compareAndSet(false, true)) {
                return;
            }
            try {
                Objects.requireNonNull(task).run();
            } catch (Throwable e) {
                failure = e;
            }
        }

        private static void rethrow(@Nullable Throwable thrown) {
            if (thrown != null) {
                Captured.<RuntimeException>raise(thrown);
            }
        }

        @SuppressWarnings("unchecked") // whatever it is: Kotlin and others throw what they don't declare
        private static <X extends Throwable> void raise(Throwable thrown) throws X {
            throw (X) thrown;
        }
    }

    /** Captures the calling thread's context. Throws nothing: what a carrier throws, {@link Captured#run} throws. */
    Captured capture() {
        Captured captured = new Captured();
        try {
            Runnable carried = withMdc(captured::runTask);
            for (ContextCarrier carrier : carriers) {
                carried = carrier.carry(carried);
            }
            captured.carried = carried;
        } catch (Throwable e) {
            captured.refusal = e;
        }
        return captured;
    }

    private static Runnable withMdc(Runnable task) {
        Map<String, String> captured = MDC.getCopyOfContextMap();
        return () -> {
            Map<String, String> before = MDC.getCopyOfContextMap();
            // A caller without one has none there either: a pool's thread may have kept that of an earlier task.
            restore(captured);
            try {
                task.run();
            } finally {
                restore(before);
            }
        };
    }

    private static void restore(@Nullable Map<String, String> context) {
        if (context == null || context.isEmpty()) {
            MDC.clear();
        } else {
            MDC.setContextMap(context);
        }
    }
}
