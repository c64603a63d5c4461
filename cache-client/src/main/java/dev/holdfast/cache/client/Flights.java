package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The loads under way, by key, and the changes that win over them.
 *
 * <p>A change (removal, write, clearing) is announced first, so that no load begins to store; then it marks the loads that are
 * under way and waits for those that are being stored; then it sends its command; then it marks the loads that began
 * meanwhile, and only then returns. So what a load found before the change is never stored after it.
 */
final class Flights<K, V> {
    private static final int STAMPS = 1024;
    /** Beyond what a store promises: it must have been this process that was held up. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private final ConcurrentHashMap<String, Flight<K, V>> byKey = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Integer> changing = new ConcurrentHashMap<>();
    private final AtomicInteger changingAll = new AtomicInteger();
    /** Made when first counted in: many a cache is only ever read. */
    private final AtomicReference<@Nullable AtomicIntegerArray> stamps = new AtomicReference<>();

    private final AtomicInteger stampOfAll = new AtomicInteger();
    private final Supplier<Duration> storeBound;

    Flights(Supplier<Duration> storeBound) {
        this.storeBound = storeBound;
    }

    /**
     * A number that changes when a load of the key ends, and when a change of it has reached the store. Whoever looked into
     * the store and then finds another number saw what is outdated, and looks again.
     */
    int stamp(String storeKey) {
        AtomicIntegerArray counts = stamps.get();
        return (counts == null ? 0 : counts.get(storeKey.hashCode() & (STAMPS - 1))) + stampOfAll.get();
    }

    /** How many keys are being loaded. */
    int count() {
        return byKey.size();
    }

    /** How many changes are under way. */
    int changes() {
        return changing.size() + changingAll.get();
    }

    @Nullable
    Flight<K, V> find(String storeKey) {
        return byKey.get(storeKey);
    }

    /** Makes a flight that may take the place of {@code present}, one that can't be joined, or of none. */
    Flight<K, V> next(String storeKey, @Nullable Flight<K, V> present) {
        AtomicIntegerArray unused = counts(); // so that its end takes no memory
        Flight<K, V> before = firstToReckonWith(present);
        if (before != null) {
            // Where each finds the one before under way, the row would grow for ever.
            before.previous(firstToReckonWith(before.previous()));
        }
        return new Flight<>(storeKey, before);
    }

    /** Starts a flight in the place of {@code present} or of none; returns false if another was faster. */
    boolean start(Flight<K, V> next, @Nullable Flight<K, V> present) {
        return present == null
                ? byKey.putIfAbsent(next.storeKey(), next) == null
                : byKey.replace(next.storeKey(), present, next);
    }

    /** Begins to store what a flight loaded. Loads of the key that are late lose their right to. */
    boolean tryStore(Flight<K, V> flight) {
        String storeKey = flight.storeKey();
        boolean blocked = changingAll.get() > 0 || changing.containsKey(storeKey);
        if (blocked || !await(invalidated(flight.previous()))) {
            blocked = true;
        }
        return flight.tryStore(blocked);
    }

    /** A flight is over. Returns whether its entry must be removed again. */
    boolean done(Flight<K, V> flight) {
        // First: whoever then does not join it, and begins another load, knows that it must look again.
        outdate(flight.storeKey());
        boolean remove = flight.done();
        forget(flight);
        return remove;
    }

    /** Takes a flight that is over out of the way, leaving an earlier one of the same key that is not. */
    private void forget(Flight<K, V> flight) {
        String storeKey = flight.storeKey();
        Flight<K, V> earlier = firstToReckonWith(flight.previous());
        if (earlier == null) {
            byKey.remove(storeKey, flight);
        } else if (byKey.replace(storeKey, flight, earlier) && !earlier.mayStillBeStored()) {
            // It ended before it was back in its place, and could not take itself out of it.
            forget(earlier);
        }
    }

    // Before the loads of the key are marked: one that began since is marked, or finds the new number.
    private void outdate(String storeKey) {
        counts().getAndIncrement(storeKey.hashCode() & (STAMPS - 1));
    }

    private AtomicIntegerArray counts() {
        AtomicIntegerArray counts = stamps.get();
        if (counts == null) {
            AtomicIntegerArray made = new AtomicIntegerArray(STAMPS);
            counts = stamps.compareAndSet(null, made) ? made : Objects.requireNonNull(stamps.get());
        }
        return counts;
    }

    private @Nullable Flight<K, V> firstToReckonWith(@Nullable Flight<K, V> newest) {
        Flight<K, V> flight = newest;
        while (flight != null && !flight.mayStillBeStored()) {
            flight = flight.previous();
        }
        return flight;
    }

    /** Runs a command that changes a key. */
    <T> T changing(String storeKey, Supplier<T> command) {
        changing.merge(storeKey, 1, Integer::sum);
        try {
            boolean stored = await(invalidated(byKey.get(storeKey)));
            T result = command.get();
            outdate(storeKey);
            invalidated(byKey.get(storeKey));
            requireStored(stored);
            return result;
        } finally {
            changed(storeKey);
        }
    }

    /** Runs a command that changes a key or says that it has not: then loads under way are as good as before. */
    boolean changingIf(String storeKey, BooleanSupplier command) {
        changing.merge(storeKey, 1, Integer::sum);
        List<Flight<K, V>> doubted = new ArrayList<>(1);
        boolean changed = true;
        try {
            boolean stored = await(doubted(storeKey, doubted));
            changed = command.getAsBoolean();
            if (changed) {
                outdate(storeKey);
                requireStored(stored);
            }
            return changed;
        } finally {
            for (Flight<K, V> flight : doubted) {
                flight.settle(changed);
            }
            if (changed) {
                invalidated(byKey.get(storeKey));
            }
            changed(storeKey);
        }
    }

    /** Keeps the loads of a key from storing until they are settled. Returns those that are being stored. */
    private List<Flight<K, V>> doubted(String storeKey, List<Flight<K, V>> doubted) {
        List<Flight<K, V>> storing = new ArrayList<>(1);
        for (Flight<K, V> flight = byKey.get(storeKey); flight != null; flight = flight.previous()) {
            doubted.add(flight);
            if (flight.doubt()) {
                storing.add(flight);
            }
        }
        return storing;
    }

    /** Runs a command that changes keys. */
    void changing(Collection<String> storeKeys, Runnable command) {
        List<String> announced = new ArrayList<>(storeKeys.size());
        try {
            for (String storeKey : storeKeys) {
                changing.merge(storeKey, 1, Integer::sum);
                announced.add(storeKey);
            }
            boolean stored = await(invalidated(storeKeys));
            command.run();
            storeKeys.forEach(this::outdate);
            invalidated(storeKeys);
            requireStored(stored);
        } finally {
            announced.forEach(this::changed);
        }
    }

    /** Runs a command that changes every key. */
    <T> T changingAll(Supplier<T> command) {
        changingAll.getAndIncrement();
        try {
            boolean stored = await(invalidated(byKey.keySet()));
            T result = command.get();
            stampOfAll.getAndIncrement();
            invalidated(byKey.keySet());
            requireStored(stored);
            return result;
        } finally {
            changingAll.getAndDecrement();
        }
    }

    /** What the loads under way find is not for callers who come later, if it has a tag that was removed; it may be stored all the same. */
    void overtake(String tag) {
        byKey.values().forEach(flight -> {
            for (Flight<K, V> each = flight; each != null; each = each.previous()) {
                each.overtake(tag);
            }
        });
    }

    /** Lets no load store any more: a later cache of the same name would not know of it. Waits for those that are storing. */
    void close() {
        changingAll.getAndIncrement();
        try {
            boolean unused = await(invalidated(byKey.keySet()));
        } catch (CacheInterruptedException e) {
            return; // its thread's flag is set, and what is being stored is removed again
        }
    }

    private void changed(String storeKey) {
        changing.computeIfPresent(storeKey, (key, count) -> count == 1 ? null : count - 1);
    }

    private List<Flight<K, V>> invalidated(Collection<String> storeKeys) {
        List<Flight<K, V>> storing = new ArrayList<>();
        for (String storeKey : storeKeys) {
            storing.addAll(invalidated(byKey.get(storeKey)));
        }
        return storing;
    }

    /** Marks a flight and the late ones before it. Returns those that are being stored. */
    private List<Flight<K, V>> invalidated(@Nullable Flight<K, V> newest) {
        if (newest == null) {
            return List.of();
        }
        List<Flight<K, V>> storing = new ArrayList<>(1);
        for (Flight<K, V> flight = newest; flight != null; flight = flight.previous()) {
            if (flight.invalidate()) {
                storing.add(flight);
            }
        }
        if (storing.isEmpty()) {
            // Later callers load anew.
            byKey.remove(newest.storeKey(), newest);
        }
        return storing;
    }

    /**
     * Waits for flights to end storing. They do within the store's bound. If one does not, this process was held up: the flight
     * is told to remove its entry as soon as it can, and the change must not be acknowledged.
     */
    private boolean await(List<Flight<K, V>> storing) {
        if (storing.isEmpty()) {
            return true;
        }
        long deadline = System.nanoTime() + storeBound.get().plus(GRACE).toNanos();
        boolean all = true;
        for (Flight<K, V> flight : storing) {
            all &= awaitOne(flight, deadline - System.nanoTime());
        }
        return all;
    }

    private boolean awaitOne(Flight<K, V> flight, long nanos) {
        CompletableFuture<@Nullable Void> stored = flight.stored();
        try {
            stored.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return !flight.removeAfterStore();
        } catch (InterruptedException e) {
            if (!flight.removeAfterStore()) {
                Thread.currentThread().interrupt();
                return true;
            }
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while a load of the key was being stored", e);
        } catch (ExecutionException e) {
            throw new AssertionError("the end of a store carries no failure", e);
        }
    }

    private static void requireStored(boolean stored) {
        if (!stored) {
            throw new CacheTimeoutException(
                    "a load of the key was being stored for longer than the store allows; its entry will be removed when that"
                            + " ends, but may be read until then",
                    null,
                    true);
        }
    }
}
