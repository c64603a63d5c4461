package dev.holdfast.cache.failover;

import java.util.List;

/**
 * One try of a call on one tier.
 *
 * @param tier the tier's place
 * @param keys the keys it is about, those of the call that belong on this tier; of a prefix removal, the prefix
 * @param stamp the tier's stamp when it was admitted: as long as it is the same, these keys belong there
 * @param mask tiers that have already failed these keys
 * @param tries how often this tier has already failed them
 * @param purge what is to be removed there first; mostly nothing
 * @param marked the tiers, as bits, from whose records the prefix can be taken back if it is refused
 */
record Attempt(int tier, List<String> keys, long stamp, int mask, int tries, DirtyRecord.Purge purge, int marked) {

    static Attempt of(int tier, List<String> keys, long stamp) {
        return new Attempt(tier, keys, stamp, 0, 0, DirtyRecord.Purge.NONE, 0);
    }
}
