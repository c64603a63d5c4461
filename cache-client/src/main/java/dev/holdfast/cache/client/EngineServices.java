package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheListener;
import dev.holdfast.cache.CallObservers;
import dev.holdfast.cache.ContextCarrier;
import java.time.Clock;
import java.time.InstantSource;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * What the caches of one client share: time, threads and whom to tell.
 *
 * @param clock the time that entries carry
 * @param nanoTime the time that leases are measured in
 * @param deadlines ends what takes too long
 * @param threads runs what its caller does not wait for
 * @param events tells the listener
 * @param context carries a caller's context into the background
 * @param loads those who observe loads
 */
record EngineServices(
        InstantSource clock,
        LongSupplier nanoTime,
        Deadlines deadlines,
        BackgroundThreads threads,
        Events events,
        CarriedContext context,
        CallObservers loads)
        implements AutoCloseable {

    static EngineServices start(String client, CacheListener listener, List<ContextCarrier> carriers) {
        return start(client, listener, carriers, Clock.systemUTC(), System::nanoTime);
    }

    static EngineServices start(
            String client,
            CacheListener listener,
            List<ContextCarrier> carriers,
            InstantSource clock,
            LongSupplier nanoTime) {
        return start(BackgroundThreads.of("holdfast-" + client), listener, carriers, clock, nanoTime);
    }

    static EngineServices start(
            BackgroundThreads threads,
            CacheListener listener,
            List<ContextCarrier> carriers,
            InstantSource clock,
            LongSupplier nanoTime) {
        return new EngineServices(
                clock,
                nanoTime,
                new Deadlines(threads.platform("deadlines"), nanoTime),
                threads,
                Events.to(listener, threads.platform("events")),
                new CarriedContext(carriers),
                new CallObservers());
    }

    /** Lets the threads end. Leases are kept, for loads that still run on their callers' threads. */
    @Override
    public void close() {
        new Closing(deadlines::close, threads::close, events::close).close();
    }
}
