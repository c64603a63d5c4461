package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.Address;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What sentinels say where the master is, as far as they have answered. For one thread. */
final class Votes {
    private final int sentinels;
    private final Map<Address, Integer> named = new LinkedHashMap<>();
    private int answered;
    private int unknown;

    /**
     * Creates one without answers.
     *
     * @param sentinels how many were asked
     */
    Votes(int sentinels) {
        this.sentinels = sentinels;
    }

    /** Counts an answer; {@code null} for a sentinel that knows no such master. */
    void count(@Nullable Address address) {
        answered++;
        if (address == null) {
            unknown++;
        } else {
            named.merge(address, 1, Integer::sum);
        }
    }

    /** Counts a sentinel that gave no answer. */
    void countSilent() {
        answered++;
    }

    /** Whether those that have not answered can't change the result. */
    boolean isDecided() {
        return answered == sentinels || named.values().stream().anyMatch(count -> 2 * count > sentinels);
    }

    /** The address that most name; of several the first; {@code null} if none does. */
    @Nullable
    Address result() {
        return named.entrySet().stream()
                .max(Comparator.comparingInt(entry -> entry.getValue()))
                .map(Map.Entry::getKey)
                .orElse(null);
    }

    /** Whether a sentinel answered, and none knows such a master. */
    boolean isUnknown() {
        return unknown > 0 && named.isEmpty();
    }
}
