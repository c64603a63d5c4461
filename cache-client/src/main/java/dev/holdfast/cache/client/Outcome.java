package dev.holdfast.cache.client;

import org.jspecify.annotations.Nullable;

/** What a caller that waits for a load is told. */
sealed interface Outcome<V> {

    /** The load ended with this value, or with its absence. */
    record Loaded<V>(@Nullable V value) implements Outcome<V> {}

    /** The load failed; {@code cause} is what the loader threw, {@code null} if it did not end in time. */
    record Failed<V>(@Nullable Throwable cause) implements Outcome<V> {
        private static final Failed<?> OVERDUE = new Failed<>(null);
    }

    /** The load did not end in time. Takes no memory, so there is always something to tell. */
    @SuppressWarnings("unchecked") // without a value it is of any type
    static <V> Outcome<V> overdue() {
        return (Outcome<V>) Failed.OVERDUE;
    }

    /** Whoever ran the load was interrupted: this caller is to run its own loader in its place. */
    record TakeOver<V>() implements Outcome<V> {}

    /** This caller's soft timeout has run out; the load goes on. */
    record Impatient<V>() implements Outcome<V> {}

    /** This caller's own timeout has run out, for a load that another began. */
    record Late<V>() implements Outcome<V> {}
}
