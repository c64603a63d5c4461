package dev.holdfast.cache.failover;

import java.util.concurrent.TimeUnit;

/**
 * What of this client's a tier may hold though one above serves: while it may, changes above are marked here. A period is the time
 * from when calls begin to come here after one in which they were not: what is there from before may be outdated. Pure;
 * guarded by the owner of its {@link FailoverState}.
 */
final class Occupancy {
    /** Keys that lead below once, as while a pool is exhausted, do so again soon. */
    static final long LINGERS = TimeUnit.SECONDS.toNanos(5);

    private final TierState tier;
    private final Tiers tiers;
    /** Until when something written here by this client may live; meaningful if {@link #stored}. */
    private long storedUntil;

    private boolean stored;
    /** When a key last led here though a tier above serves; meaningful if {@link #led}. */
    private long ledAt;

    private boolean led;
    private int periods = 1;
    /** Whether one above has served in this period: when this begins to serve, another begins. */
    private boolean outdated;

    Occupancy(TierState tier, Tiers tiers) {
        this.tier = tier;
        this.tiers = tiers;
        this.outdated = tier.index > 0;
    }

    /** Whether changes above have to be marked here: something of this client's may be here, or keys lead here. */
    boolean isFollowed(long now) {
        return (stored && storedUntil - now > 0) || (led && now - ledAt < LINGERS);
    }

    /** A call may store something here that lives until then. */
    void store(long until, long now) {
        if (tier.remote && !isFollowed(now)) {
            tiers.outdateAbove(tier);
        }
        boolean later = stored && storedUntil - now > 0 && storedUntil - until > 0;
        storedUntil = later ? storedUntil : until;
        stored = true;
    }

    /** A key leads to this server though one above serves. */
    void lead(long now) {
        if (!isFollowed(now)) {
            tiers.outdateAbove(tier);
            periods++;
        }
        led = true;
        ledAt = now;
    }

    /** This tier serves from now on. */
    void serves() {
        if (outdated) {
            periods++;
            outdated = false;
        }
    }

    /** A tier above serves from now on. */
    void servedAbove() {
        outdated = true;
    }

    /** How many periods have begun. */
    int periods() {
        return periods;
    }

    /** When what was written here last by this client is over; meaningful if something was. */
    long storedUntil() {
        return storedUntil;
    }
}
