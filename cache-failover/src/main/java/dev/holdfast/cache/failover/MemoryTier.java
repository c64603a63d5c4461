package dev.holdfast.cache.failover;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory below the servers, if there is one. Nothing in it may be found again after it was out of use: whenever another
 * tier begins to serve, and soon after the last key led here, a new, empty instance takes its place. While keys lead here
 * though a server serves, changes above remove them here too. Pure; guarded by the owner of its {@link FailoverState}.
 */
final class MemoryTier {
    private final List<TierState> tiers;
    private final @Nullable TierState memory;
    private int generation;
    private boolean used;
    private long usedAt;

    /** Creates one; only the last of the tiers may be memory. */
    MemoryTier(List<TierState> tiers) {
        this.tiers = List.copyOf(tiers);
        TierState last = tiers.get(tiers.size() - 1);
        this.memory = last.remote ? null : last;
    }

    /** Which instance is in use; when it changes, a new, empty one takes the place of the old. */
    int generation() {
        return generation;
    }

    boolean is(TierState tier) {
        return tier == memory;
    }

    /** Whether keys may be here though another tier serves. */
    boolean used() {
        return used;
    }

    /** A key leads here though another tier serves. */
    void use(long now) {
        used = true;
        usedAt = now;
    }

    /** Replaces it if it was used, and is not any more. */
    void tick(long now) {
        if (used && now - usedAt >= Occupancy.LINGERS && nothingLeadsHere()) {
            replace();
        }
    }

    private boolean nothingLeadsHere() {
        return tiers.stream().allMatch(tier -> !tier.closed() || tier.dirty.isEmpty());
    }

    /** Another tier serves from now on: whoever came here before must not be found here when it serves next. */
    void switched(int before) {
        if (memory == null || used || before == memory.index) {
            replace();
        } else {
            // Nobody has been here since it was made.
            stamp();
        }
    }

    /** What it holds is older than it says. */
    void renew() {
        generation++;
        stamp();
    }

    private void replace() {
        used = false;
        renew();
    }

    /** Those under way here can't be sure any more that their keys belong here. */
    void stamp() {
        if (memory != null) {
            memory.outdate();
        }
    }
}
