package dev.holdfast.cache.spi;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import java.util.Objects;
import java.util.function.Predicate;

/**
 * A part of a store was out of service, and may have come back, or come back yet, with older data than what it had acknowledged.
 * Until {@link #settled} is run the store says it whenever it is asked, and calls for keys of that part fail with
 * {@link CacheUnavailableException.Reason#PARTIAL}.
 *
 * @param keys whether a key, as a caller gives it, was in that part; asks nobody and does not wait
 * @param wentBack whether something is known to have come back with older data: as {@link ProbeResult#wentBack}, and said in one of
 *     the two places only
 * @param settled to be run once what follows from it is done, by any thread and as often as one likes; does not wait
 */
public record PartialOutage(Predicate<String> keys, boolean wentBack, Runnable settled) {
    /** The part that is the whole store. */
    public static final Predicate<String> EVERY_KEY = key -> true;

    /** Checks what it is given. */
    public PartialOutage {
        Objects.requireNonNull(keys, "keys");
        Objects.requireNonNull(settled, "settled");
    }

    /**
     * Says whether the part is the whole store: then what is known of it no better than "everything" is a reason to do everything once more.
     *
     * @return whether {@link #keys} is {@link #EVERY_KEY}
     */
    public boolean isWhole() {
        return keys.equals(EVERY_KEY);
    }
}
