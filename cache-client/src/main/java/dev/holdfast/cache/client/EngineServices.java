package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheListener;
import dev.holdfast.cache.ContextCarrier;
import java.time.Clock;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.LongSupplier;

/**
 * What the caches of one client share: time, threads and whom to tell.
 *
 * @param clock the time that entries carry
 * @param nanoTime the time that leases are measured in
 * @param timer runs short tasks later; never a load, never I/O
 * @param calls runs asynchronous calls
 * @param events tells the listener
 * @param context carries a caller's context into the background
 */
record EngineServices(
        InstantSource clock,
        LongSupplier nanoTime,
        ScheduledExecutorService timer,
        ExecutorService calls,
        Events events,
        CarriedContext context)
        implements AutoCloseable {
    private static final int CALL_THREADS = 64;

    static EngineServices start(String client, CacheListener listener, List<ContextCarrier> carriers) {
        return start(client, listener, carriers, Clock.systemUTC(), System::nanoTime);
    }

    static EngineServices start(
            String client,
            CacheListener listener,
            List<ContextCarrier> carriers,
            InstantSource clock,
            LongSupplier nanoTime) {
        ScheduledThreadPoolExecutor timer =
                new ScheduledThreadPoolExecutor(1, BackgroundThreads.platform("holdfast-" + client + "-timer"));
        timer.setRemoveOnCancelPolicy(true);
        return new EngineServices(
                clock,
                nanoTime,
                timer,
                BackgroundThreads.upTo(CALL_THREADS, "holdfast-" + client + "-call"),
                Events.to(listener, client),
                new CarriedContext(carriers));
    }

    /** Ends the threads; the caches must be closed before. */
    @Override
    public void close() {
        timer.shutdownNow();
        calls.shutdown();
        events.close();
    }
}
