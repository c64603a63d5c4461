package dev.holdfast.cache.redis;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * From when until when credentials are good.
 *
 * @param since when they were first given
 * @param until when a server stops taking them; {@code null} if that is not known
 */
record Lifetime(Instant since, @Nullable Instant until) {
    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
    private static final int PAUSES = 20;

    /** Whether four fifths are over, so that there is time to ask more than once. */
    boolean isDue(Instant now) {
        return until != null
                && !now.isBefore(since.plus(
                        Duration.between(since, until).multipliedBy(4).dividedBy(5)));
    }

    /** How long to wait before looking again: a twentieth of the whole, from 50 ms to 1 s, and 1 s once it is over. */
    Duration pause(Instant now) {
        if (until == null || !now.isBefore(until)) {
            return LONGEST_PAUSE;
        }
        Duration part = Duration.between(since, until).dividedBy(PAUSES);
        return part.compareTo(SHORTEST_PAUSE) < 0
                ? SHORTEST_PAUSE
                : part.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : part;
    }
}
