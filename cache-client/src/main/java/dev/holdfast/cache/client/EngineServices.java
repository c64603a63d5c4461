package dev.holdfast.cache.client;

import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.internal.CallObservers;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the caches of one client share: time, threads and whom to tell.
 *
 * @param clock the time that entries carry
 * @param nanoTime the time that leases are measured in
 * @param deadlines ends what takes too long
 * @param threads runs what its caller does not wait for
 * @param events tells listeners
 * @param context carries a caller's context into the background
 * @param loads those who observe loads
 * @param nearClock says whether the time of what is kept near has come
 */
record EngineServices(
        InstantSource clock,
        LongSupplier nanoTime,
        Deadlines deadlines,
        BackgroundThreads threads,
        Events events,
        CarriedContext context,
        CallObservers loads,
        NearClock nearClock)
        implements AutoCloseable {

    /** By a clock of the caller's, in which all spans are measured too; {@code null}: by those of the system. */
    static EngineServices start(
            BackgroundThreads threads, Events events, List<ContextCarrier> carriers, @Nullable InstantSource clock) {
        return clock == null
                ? start(threads, events, carriers, Clock.systemUTC(), System::nanoTime)
                : start(threads, events, carriers, clock, () -> nanosOf(clock.instant()));
    }

    private static long nanosOf(Instant instant) {
        return TimeUnit.SECONDS.toNanos(instant.getEpochSecond()) + instant.getNano();
    }

    static EngineServices start(
            BackgroundThreads threads,
            Events events,
            List<ContextCarrier> carriers,
            InstantSource clock,
            LongSupplier nanoTime) {
        return new EngineServices(
                clock,
                nanoTime,
                new Deadlines(threads.platform("deadlines"), nanoTime),
                threads,
                events,
                new CarriedContext(carriers),
                new CallObservers(),
                new NearClock(clock, threads.platform("near-clock")));
    }

    /** Lets the threads end. Leases are kept, for loads that still run on their callers' threads. */
    @Override
    public void close() {
        new Closing(nearClock::close, deadlines::close, threads::close, events::close).close();
    }
}
