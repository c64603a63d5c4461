package dev.holdfast.cache.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A caller that waits for a flight; whoever completes it first decides what the caller is told. */
final class Waiter<K, V> extends CompletableFuture<Outcome<V>> implements Deadlines.Deadline {
    private final Flight<K, V> flight;
    private final Request<K, V> request;
    private final Patience patience;
    /** The caller's context, for a load that it takes over in the background; {@code null} if its own thread would load. */
    private final CarriedContext.@Nullable Captured context;

    /** Whether its caller has nothing more to do with the flight. */
    private final AtomicBoolean left = new AtomicBoolean();

    /**
     * How long a caller waits.
     *
     * @param hard until when by the deadlines' time, if {@code bounded}
     * @param soft until when by {@link System#nanoTime()}, if {@code walksAway}
     */
    record Patience(boolean bounded, long hard, boolean walksAway, long soft) {
        static final Patience ENDLESS = new Patience(false, 0, false, 0);

        boolean isEndless() {
            return !bounded && !walksAway;
        }

        long remainingHard(long now) {
            return bounded ? hard - now : Long.MAX_VALUE;
        }

        long remainingSoft() {
            return walksAway ? soft - System.nanoTime() : Long.MAX_VALUE;
        }
    }

    Waiter(Flight<K, V> flight, Request<K, V> request, Patience patience, CarriedContext.@Nullable Captured context) {
        this.flight = flight;
        this.request = request;
        this.patience = patience;
        this.context = context;
    }

    Flight<K, V> flight() {
        return flight;
    }

    Request<K, V> request() {
        return request;
    }

    CarriedContext.@Nullable Captured context() {
        return context;
    }

    boolean hasDeadline() {
        return !patience.isEndless();
    }

    /** Its caller has nothing more to do with the flight. Returns whether it had before. */
    boolean leaves() {
        return left.compareAndSet(false, true);
    }

    @Override
    public long remainingNanos(long now) {
        return Math.min(patience.remainingHard(now), patience.remainingSoft());
    }

    @Override
    public void passed() {
        boolean soft = patience.remainingSoft() <= 0;
        complete(soft ? new Outcome.Impatient<>() : new Outcome.Late<>());
    }
}
