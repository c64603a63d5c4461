package dev.holdfast.cache.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Threads that are marked while they run something. */
final class MarkedThreads {
    /**
     * The threads of this process that run a loader under a {@link LoadLease}, or a call or a loader that one waits for. What they wait for takes no lease: two who each have one and wait for that of
     * the other would wait until their time is over. Of whichever cache and client: a loader may ask another than its own.
     */
    static final MarkedThreads LEASED = new MarkedThreads();

    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();

    /** What runs on a marked thread. */
    @FunctionalInterface
    interface Call<T extends @Nullable Object, E extends Exception> {
        T run() throws E;
    }

    /** Whether the calling thread is one of them. */
    boolean isHere() {
        return !threads.isEmpty() && threads.contains(Thread.currentThread());
    }

    /** Runs what makes the calling thread one of them. */
    <T extends @Nullable Object, E extends Exception> T holding(Call<T, E> call) throws E {
        Thread thread = Thread.currentThread();
        boolean outermost = threads.add(thread);
        try {
            return call.run();
        } finally {
            if (outermost) {
                threads.remove(thread);
            }
        }
    }
}
