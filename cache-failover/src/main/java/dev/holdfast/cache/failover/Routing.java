package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which tier a call goes to: the first closed one that has not failed it yet, can answer in the time left, and for which its
 * key is not dirty; and if the key is dirty everywhere, the first that is left, where it is removed first. What depends on the
 * key's value goes to none for which it would stay dirty: each call would remove what the one before had stored, and find its
 * condition met. What has to be remembered before the call is sent there is remembered by then. Pure; guarded by the owner of its {@link FailoverState}.
 */
final class Routing {
    private final Tiers tiers;
    private final DirtyKeys keys;
    private final MemoryTier memory;
    /** So much later than it was admitted a call may still store something. */
    private final long latest;

    Routing(DirtyKeys keys) {
        this.tiers = keys.tiers;
        this.keys = keys;
        this.memory = tiers.memory;
        this.latest = tiers.config.failoverTimeout().toNanos()
                + tiers.config.unknownQuarantine().toNanos();
    }

    /**
     * Finds the tier for the first of the keys asked for, and for those of the others that belong there too, and remembers
     * what must be before they are changed there.
     *
     * @param mask tiers not to ask, as bits
     * @param ttlNanos how long what the call stores may live; 0 if it stores nothing
     * @param rest how much time the call has left; without any the memory alone may answer, which takes none
     * @return the attempt; {@code null} if no tier is left
     */
    @Nullable
    Attempt admit(Kind kind, List<String> asked, int mask, int tries, long ttlNanos, long rest, long now) {
        int index = tierFor(kind, asked.get(0), mask, rest);
        boolean purge = index == FailoverState.NONE;
        if (purge) {
            index = lastResort(kind, asked.get(0), mask, rest, now);
            if (index == FailoverState.NONE) {
                return null;
            }
        }
        List<String> mine = asked;
        if (asked.size() > 1) {
            mine = new ArrayList<>(asked.size());
            for (String key : asked) {
                int other = tierFor(kind, key, mask, rest);
                if (purge ? other == FailoverState.NONE : other == index) {
                    mine.add(key);
                }
            }
        }
        TierState tier = tiers.get(index);
        boolean elsewhere = index != tiers.serving();
        if (tier.remote && elsewhere) {
            tier.occupancy.lead(now);
        }
        int marked = kind.invalidates ? keys.markAbove(tier, kind, mine) : 0;
        if (ttlNanos > 0) {
            // It is stored when it arrives, not now.
            tier.occupancy.store(DirtyKeys.after(now, ttlNanos + latest), now);
        }
        if (memory.is(tier) && elsewhere) {
            if (!memory.used()) {
                tiers.outdateAbove(tier);
            }
            memory.use(now);
        }
        DirtyRecord.Purge purged = purge ? tier.dirty.planned(mine, now) : DirtyRecord.Purge.NONE;
        return new Attempt(index, mine, tier.stamp(), mask, tries, purged, marked);
    }

    private int tierFor(Kind kind, String key, int mask, long rest) {
        return tiers.first(tier -> admits(tier, mask, rest) && (kind == Kind.PREFIX || !keys.dirty(tier, key)));
    }

    /** Where a key goes that is dirty everywhere: it is removed there before it is read or changed. */
    private int lastResort(Kind kind, String key, int mask, long rest, long now) {
        return tiers.first(
                tier -> admits(tier, mask, rest) && (kind != Kind.CONDITIONAL || !tier.dirty.staysDirty(key, now)));
    }

    /** Whether a call that found no tier would have found one if it did not depend on its key's value. */
    boolean refusesCondition(Kind kind, int mask, long rest) {
        return kind == Kind.CONDITIONAL && !tiers.every(tier -> !admits(tier, mask, rest));
    }

    private static boolean admits(TierState tier, int mask, long rest) {
        return tier.closed() && (mask & 1 << tier.index) == 0 && tier.fits(rest);
    }

    /** Full jitter: any wait up to the delay, which doubles with each retry. */
    long retryPause(int retry) {
        long delay = tiers.config.retryDelay().toNanos() << Math.min(retry, 10);
        return tiers.random.nextLong(Math.max(1, delay));
    }
}
