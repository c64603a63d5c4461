package dev.holdfast.cache.spi;

import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the clients stand that share a server, as an answer to a {@link Beat}. For implementations of stores and for composites.
 *
 * @param serverMillis the server's clock when it answered, in epoch milliseconds; never lower than in an answer a tenth of a second before
 * @param oldestMillis how long ago the last {@link Beat.Standing#CLEAN clean} beat was sent of that other member whose is the oldest, in
 *     milliseconds; -1 if there are no others
 * @param paceMillis how often the member beats that has to know most of the others; -1 if none has to
 * @param version of the floors
 * @param floors entries made before these times are absent, by the server's clock in epoch milliseconds: by what the keys of their cache begin
 *     with, {@link #ALL} or {@link #AGREEING}; empty if {@code version} is the one that the client knows
 */
public record Roll(long serverMillis, long oldestMillis, long paceMillis, long version, Map<String, Long> floors) {
    /** The floor of all caches: a member was struck off that may have removed what the server still has. */
    public static final String ALL = "*";

    /** The floor of caches with {@link CachePolicy#agreeWithin}: a member was struck off. */
    public static final String AGREEING = "+";

    /** What the keys begin with that hold it, after the key prefix: removals by prefix leave them alone. */
    public static final String PREFIX = "#roll:";

    /**
     * The keys, all in one slot of a cluster: two sorted sets of members, by their last clean beat and by their last beat, and a hash of the
     * floors, and with {@code #} before them, of what else belongs to the roll.
     */
    public static final List<String> KEYS = List.of("#roll:{roll}:clean", "#roll:{roll}:heard", "#roll:{roll}:floors");

    /** Copies the floors. */
    public Roll {
        floors = Map.copyOf(floors);
    }

    /**
     * Returns the arguments of {@link RedisScript#BEAT}, for implementations of stores.
     *
     * @param beat what is said
     * @return text
     */
    public static List<String> arguments(Beat beat) {
        List<String> arguments = new ArrayList<>(List.of(
                beat.member(),
                beat.standing().name().substring(0, 1),
                Long.toString(beat.sentMillis()),
                Long.toString(beat.period().toMillis()),
                Long.toString(beat.forget().toMillis()),
                beat.wasAway() ? "1" : "0",
                Long.toString(beat.version()),
                Long.toString(beat.knownMillis())));
        beat.floors().forEach((name, floor) -> {
            arguments.add(name);
            arguments.add(floor.toString());
        });
        return arguments;
    }

    /**
     * Reads the answer of {@link RedisScript#BEAT}, for implementations of stores.
     *
     * @param answer text
     * @return the roll
     * @throws IllegalArgumentException if it is not such an answer
     */
    public static Roll of(List<String> answer) {
        if (answer.size() < 4 || answer.size() % 2 != 0) {
            throw new IllegalArgumentException("a roll has an even number of parts, 4 at least: " + answer.size());
        }
        Map<String, Long> floors = new HashMap<>();
        for (int i = 4; i < answer.size(); i += 2) {
            floors.put(answer.get(i), Long.parseLong(answer.get(i + 1)));
        }
        return new Roll(
                Long.parseLong(answer.get(0)),
                Long.parseLong(answer.get(1)),
                Long.parseLong(answer.get(2)),
                Long.parseLong(answer.get(3)),
                floors);
    }
}
