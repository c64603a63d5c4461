package dev.holdfast.cache;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a cache holds for a key, and where it came from. Immutable, if the value is.
 *
 * @param state whether there is a value, and how good it is
 * @param value the value; {@code null} unless the state is {@link State#FRESH} or {@link State#STALE}
 * @param age how long ago the entry was made, by this process's clock; zero if there is none, or it does not say
 * @param etag what a loader stored with the value
 * @param tier the name of the tier that answered, as in health ({@code single}, {@code memory}, …); where a switch of tiers falls
 *     into the call, the one that serves after it
 * @param <V> the type of the values
 */
public record Lookup<V>(State state, @Nullable V value, Duration age, Optional<String> etag, String tier) {

    /** Whether there is a value, and how good it is. */
    public enum State {
        /** A value within its time to live. */
        FRESH,
        /** A value beyond its time to live that may still stand in for a failed load. */
        STALE,
        /** It is remembered that the source has no value. */
        KNOWN_ABSENT,
        /** Nothing. */
        ABSENT
    }

    /** Checks that state and value agree. */
    public Lookup {
        Objects.requireNonNull(age, "age");
        Objects.requireNonNull(etag, "etag");
        Objects.requireNonNull(tier, "tier");
        if ((value != null) != (state == State.FRESH || state == State.STALE)) {
            throw new IllegalArgumentException(state + " does not go with " + (value == null ? "no value" : "a value"));
        }
    }

    /** Says whether there is a value within its time to live. */
    public boolean isFresh() {
        return state == State.FRESH;
    }

    /** Says whether there is a value beyond its time to live, which may still stand in for a failed load. */
    public boolean isStale() {
        return state == State.STALE;
    }
}
