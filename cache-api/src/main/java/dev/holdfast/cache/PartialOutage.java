package dev.holdfast.cache;

import java.util.Objects;
import java.util.function.Predicate;

/**
 * A part of a store was out of service, and may have come back, or come back yet, with older data than what it had acknowledged.
 *
 * @param keys whether a key, as a caller gives it, was in that part; asks nobody and does not wait
 * @param wentBack whether it is known to have come back with older data: as {@link ProbeResult#wentBack}, and said in one of the two
 *     places only
 */
public record PartialOutage(Predicate<String> keys, boolean wentBack) {
    /** Checks what it is given. */
    public PartialOutage {
        Objects.requireNonNull(keys, "keys");
    }
}
