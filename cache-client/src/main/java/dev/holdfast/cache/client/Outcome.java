package dev.holdfast.cache.client;

import org.jspecify.annotations.Nullable;

/** What a caller that waits for a load is told. */
sealed interface Outcome<V> {

    /** The load ended with this value, or with its absence. */
    record Loaded<V>(@Nullable V value) implements Outcome<V> {}

    /** The load failed; {@code cause} is what the loader threw, {@code null} if it did not end in time. */
    record Failed<V>(@Nullable Throwable cause, String what) implements Outcome<V> {}

    /** Whoever ran the load was interrupted: this caller is to run its own loader in its place. */
    record TakeOver<V>() implements Outcome<V> {}

    /** This caller's soft timeout has run out; the load goes on. */
    record Impatient<V>() implements Outcome<V> {}

    /** This caller's own timeout has run out, for a load that another began. */
    record Late<V>() implements Outcome<V> {}
}
