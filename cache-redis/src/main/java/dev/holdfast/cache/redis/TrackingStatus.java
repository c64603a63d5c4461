package dev.holdfast.cache.redis;

import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Tracking;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/** Whether servers tell of changes, since when, and if they refuse to, why. Thread-safe. */
public final class TrackingStatus {
    private final Logger log;
    private final String rule;
    private volatile @Nullable String untracked;
    private volatile Instant since = Instant.now();
    private volatile boolean warned;

    /**
     * Creates one.
     *
     * @param log what a refusal is written to, once
     * @param rule what a user needs to be told of changes
     */
    public TrackingStatus(Logger log, String rule) {
        this.log = log;
        this.rule = rule;
    }

    /** Notes that a server tells of changes. */
    public void told() {
        untracked = null;
        since = Instant.now();
    }

    /** Notes that a server tells of changes no more. */
    public void interrupted() {
        since = Instant.now();
    }

    /** Notes that a server refuses to tell of changes. */
    public void refused(String server, UntrackedException why) {
        untracked = server + " does not tell of changes: " + why.getMessage() + ". Its user needs " + rule;
        since = Instant.now();
        if (!warned) {
            warned = true;
            log.warn(
                    "near cache: {}. Until then entries are kept for their untrackedTtl where there is one, else not at all",
                    untracked);
        }
    }

    /** Says whether a server refuses. */
    public boolean isRefused() {
        return untracked != null;
    }

    /** Returns the guard of what is read; {@code present}: {@code null} where nothing is told. */
    public @Nullable Guard guard(@Nullable Guard present) {
        return present != null ? present : isRefused() ? Guard.UNTRACKED : null;
    }

    /**
     * Returns the state.
     *
     * @param told whether changes are told of
     * @param interruption why not, if nobody refuses; {@code null} for no reason
     */
    public Tracking.State state(boolean told, @Nullable String interruption) {
        String why = untracked;
        if (told) {
            return new Tracking.State(Tracking.Kind.TRACKED, since, null);
        }
        return why == null
                ? new Tracking.State(Tracking.Kind.INTERRUPTED, since, interruption)
                : new Tracking.State(Tracking.Kind.UNTRACKED, since, why);
    }
}
