package dev.holdfast.cache.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The threads of this process that run a loader under a {@link LoadLease}, or a call or a loader that one waits for. What they wait for takes no lease: two who each have one and wait for that of
 * the other would wait until their time is over. Of whichever cache and client: a loader may ask another than its own.
 */
final class LeasedThreads {
    private static final Set<Thread> THREADS = ConcurrentHashMap.newKeySet();

    private LeasedThreads() {}

    /** Whether the calling thread is one of them. */
    static boolean isHere() {
        return !THREADS.isEmpty() && THREADS.contains(Thread.currentThread());
    }

    /** Runs what makes the calling thread one of them. */
    static <T extends @Nullable Object, E extends Exception> T holding(LoadGate.Held<T, E> call) throws E {
        Thread thread = Thread.currentThread();
        boolean outermost = THREADS.add(thread);
        try {
            return call.run();
        } finally {
            if (outermost) {
                THREADS.remove(thread);
            }
        }
    }
}
