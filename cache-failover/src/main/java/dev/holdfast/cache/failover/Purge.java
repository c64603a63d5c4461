package dev.holdfast.cache.failover;

import java.util.List;

/**
 * What is to be removed where an attempt goes, because no tier is clean of its keys.
 *
 * @param removals the removals, to be reported by {@link DirtyKeys#purged}; mostly none
 * @param version the version of the tier's record when that was decided: what made the keys dirty until then is no reason to
 *     distrust the attempt afterwards
 */
record Purge(List<DirtyRecord.Removal> removals, int version) {
    static final Purge NONE = new Purge(List.of(), 0);

    boolean isEmpty() {
        return removals.isEmpty();
    }
}
