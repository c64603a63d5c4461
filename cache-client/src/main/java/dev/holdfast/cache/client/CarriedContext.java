package dev.holdfast.cache.client;

import dev.holdfast.cache.ContextCarrier;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
        private @Nullable Runnable carried;
        private volatile @Nullable Runnable task;

        /** Runs a task in the context. Throws what a carrier throws, which may be before the task has run. */
        void run(Runnable inside) {
            task = inside;
            Objects.requireNonNull(carried, "a context carrier returned null").run();
        }

        private void runTask() {
            Objects.requireNonNull(task).run();
        }
    }

    /** Captures the calling thread's context. Throws what a carrier throws. */
    Captured capture() {
        Captured captured = new Captured();
        Runnable carried = withMdc(captured::runTask);
        for (ContextCarrier carrier : carriers) {
            carried = carrier.carry(carried);
        }
        captured.carried = carried;
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
