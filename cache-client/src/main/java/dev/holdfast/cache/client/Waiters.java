package dev.holdfast.cache.client;

import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who waits for a load, in the order of their coming; each leaves in constant time, however many there are. Guarded by the monitor of its {@link Flight}. */
final class Waiters<K, V> {
    private final Set<Waiter<K, V>> waiters = new LinkedHashSet<>(2);

    boolean add(Waiter<K, V> waiter) {
        return waiters.add(waiter);
    }

    void remove(Waiter<K, V> waiter) {
        waiters.remove(waiter);
    }

    /** Takes the first; {@code null} if there is none. */
    @Nullable
    Waiter<K, V> poll() {
        Waiter<K, V> first = first();
        if (first != null) {
            waiters.remove(first);
        }
        return first;
    }

    /** The first who still waits; those before are forgotten. */
    @Nullable
    Waiter<K, V> live() {
        Waiter<K, V> first = first();
        while (first != null && first.isDone()) {
            waiters.remove(first);
            first = first();
        }
        return first;
    }

    private @Nullable Waiter<K, V> first() {
        return waiters.isEmpty() ? null : waiters.iterator().next();
    }

    /**
     * Hands the load to the first who still waits and takes it, unless its loader runs in the background.
     *
     * @param unattended whether the load must go on if nobody waits
     */
    Succession handOver(boolean unattended) {
        for (Waiter<K, V> next = live(); next != null; next = live()) {
            if (next.context() != null) {
                return Succession.ASIDE;
            }
            waiters.remove(next);
            if (next.complete(new Outcome.TakeOver<>())) {
                return Succession.GOES_ON;
            }
        }
        return unattended ? Succession.ASIDE : Succession.OVER;
    }
}
