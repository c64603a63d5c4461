package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.PartialOutage;
import java.util.List;

/**
 * What must be remembered of a call, so that an acknowledged removal stays: which keys are dirty for which tier, when a change
 * may be acknowledged, and until when a command may still arrive. Pure; guarded by the owner of its {@link FailoverState}.
 *
 * <p>The rules, each argued in {@code docs/failover.md}:
 * <ul>
 *   <li>A key is neither read nor changed on a tier for which it is dirty ({@link #dirty}).
 *   <li>Before a change goes to a tier, its key is dirty for every tier above ({@link #markAbove}); before it is acknowledged, for
 *       every tier below that may still hold something ({@link #markBelow}).
 *   <li>A change is acknowledged only if its key belonged on that tier all the while ({@link #confirmed}).
 *   <li>A key is clean again only after it was removed there and nothing sent before can arrive ({@link TierState#unsettledUntil}).
 * </ul>
 */
class DirtyKeys {
    final Tiers tiers;
    private final MemoryTier memory;

    DirtyKeys(Tiers tiers) {
        this.tiers = tiers;
        this.memory = tiers.memory;
    }

    /** Whether a key must be neither read nor changed on a tier. */
    boolean dirty(TierState tier, String key) {
        return tier.dirty.contains(key);
    }

    /** Makes keys dirty for every tier above one. Returns the tiers, as bits, for which that of a prefix can be taken back. */
    int markAbove(TierState tier, Kind kind, List<String> keys) {
        int marked = 0;
        for (int i = 0; i < tier.index; i++) {
            marked |= mark(tiers.get(i), kind, keys);
        }
        return marked;
    }

    /**
     * After a change: makes its keys dirty for every server below that may hold an older value.
     *
     * @return whether the memory below may hold one too: the caller has to remove it there
     */
    boolean markBelow(Attempt attempt, Kind kind, long now) {
        for (int i = attempt.tier() + 1; i < tiers.size(); i++) {
            TierState below = tiers.get(i);
            if (below.remote && below.occupancy.isFollowed(now)) {
                mark(below, kind, attempt.keys());
            }
        }
        if (!memory.used() || memory.is(tiers.get(attempt.tier()))) {
            return false;
        }
        memory.stamp();
        return true;
    }

    private int mark(TierState tier, Kind kind, List<String> keys) {
        if (kind == Kind.PREFIX) {
            return markPrefix(tier, keys.get(0)) ? 1 << tier.index : 0;
        }
        for (String key : keys) {
            tier.dirty.remove(key, 0);
        }
        return 0;
    }

    /** Makes a prefix dirty for a tier. Returns whether that can be taken back: nothing was dirty there before. */
    boolean markPrefix(TierState tier, String prefix) {
        return tier.dirty.removePrefix(prefix);
    }

    /** Takes back the marks of a prefix removal that was refused as a whole, before anything was removed. */
    void retractPrefix(Attempt attempt) {
        for (TierState tier : tiers) {
            if ((attempt.marked() & 1 << tier.index) != 0) {
                tier.dirty.prefixes.remove(attempt.keys().get(0));
            }
        }
    }

    /** The keys that no tier was clean of were removed where the call goes. */
    void purged(Attempt attempt, long now) {
        TierState tier = tiers.get(attempt.tier());
        for (DirtyRecord.Removal removal : attempt.purge().removals()) {
            tier.dirty.removed(removal, now);
        }
    }

    /** Whether the keys of an attempt that succeeded belonged where it went, all the while. */
    boolean confirmed(Attempt attempt, Kind kind) {
        TierState tier = tiers.get(attempt.tier());
        if (tier.stamp() != attempt.stamp()) {
            return false;
        }
        // One that was dirty in between and is clean again has changed the stamp.
        return kind == Kind.PREFIX
                || attempt.keys().stream().noneMatch(key -> dirty(tier, key) && !purged(attempt, tier, key));
    }

    /** Whether a key is dirty there for no other reasons than those for which it was removed before the attempt. */
    private static boolean purged(Attempt attempt, TierState tier, String key) {
        return !attempt.purge().isEmpty()
                && !tier.dirty.markedSince(key, attempt.purge().version());
    }

    /**
     * What was stored on a tier may not belong there any more.
     *
     * @return whether the caller has to remove it there; else it is dirty
     */
    boolean forget(Attempt attempt) {
        TierState tier = tiers.get(attempt.tier());
        if (!tier.remote) {
            return true;
        }
        attempt.keys().forEach(key -> tier.dirty.remove(key, 0));
        return false;
    }

    /** A lower tier added to a counter: the tiers above have to as well. */
    void counted(Attempt attempt, Request request, long result, long now) {
        String key = request.keys().get(0);
        long expiresAt = after(now, request.ttlNanos());
        for (int i = 0; i < attempt.tier(); i++) {
            tiers.get(i).dirty.increment(key, request.delta(), result == request.delta(), expiresAt, now);
        }
    }

    /** Commands for these keys may still be applied on a tier, now or later. */
    void unsettled(int index, List<String> keys, long now) {
        TierState tier = tiers.get(index);
        if (tier.remote) {
            keys.forEach(key -> tier.dirty.remove(key, tier.unsettledUntil(now)));
        }
    }

    /** Whether a call that failed so can't be applied any more: its connection is gone at both ends, with nothing in between. */
    boolean settled(int index, CacheUnavailableException failure) {
        return !tiers.get(index).buffered
                && (failure.reason() == Reason.CONNECTION || failure.reason() == Reason.DISCONNECTED);
    }

    /**
     * A tier's server may have been restarted from a snapshot that holds its last canary, and not what followed: that is to be
     * done once more. Whoever was acknowledged on the route before the fence has said so by now, or finds another route.
     */
    void mayHaveForgotten(TierState tier) {
        if (tier.recent != null && !tier.recent.drain(tier.dirty::forgotten, tier.dirty::forgottenPrefix)) {
            tier.dirty.prefixes.everything();
        }
    }

    /** A part of a tier's server was out, and may come back from such a snapshot: what was changed there is to be done once more. */
    void mayHaveForgotten(TierState tier, PartialOutage outage) {
        boolean known = tier.recent == null
                || tier.recent.each(
                        key -> {
                            if (outage.keys().test(key)) {
                                tier.dirty.forgotten(key);
                            }
                        },
                        tier.dirty::forgottenPrefix);
        if (!known && outage.isWhole()) {
            tier.dirty.prefixes.everything();
        }
    }

    /** A time from now, however long. */
    static long after(long now, long nanos) {
        return now + Math.min(nanos, Long.MAX_VALUE / 4);
    }
}
