package dev.holdfast.cache.client;

import dev.holdfast.cache.ContextCarrier;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** Takes slf4j's MDC and whatever the application's carriers know from a caller into the background. */
final class CarriedContext {
    private final List<ContextCarrier> carriers;

    CarriedContext(List<ContextCarrier> carriers) {
        this.carriers = List.copyOf(carriers);
    }

    Runnable carry(Runnable task) {
        Runnable carried = withMdc(task);
        for (ContextCarrier carrier : carriers) {
            carried = carrier.carry(carried);
        }
        return carried;
    }

    private static Runnable withMdc(Runnable task) {
        Map<String, String> captured = MDC.getCopyOfContextMap();
        return () -> {
            Map<String, String> before = MDC.getCopyOfContextMap();
            // A caller without one has none there either: a pool's thread may have inherited that of whoever came
            // first.
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
