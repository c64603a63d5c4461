package dev.holdfast.cache.failover;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** A bug planted in one rule, that the model test has to find. */
enum ModelMutant {
    NO_FENCE,
    DIRTY_FILTER_OFF,
    MARKED_AFTER,
    LOWER_TIER_NOT_MARKED,
    MEMORY_EMPTIED,
    EPOCH_CHECK_SKIPPED,
    DELTA_TWICE,
    MARKERS_SKIPPED,
    PREFIX_DROPPED,
    CANARY_IGNORED,
    RECENT_CHANGES_TRUSTED,
    PROBE_ON_ANY_CONNECTION,
    STALLS_UNNOTICED;

    /**
     * Where the search begins: for the rarest just before the first history that finds them. To be set anew when the model or
     * the decisions change what chance leads to.
     */
    int firstHistory() {
        return switch (this) {
            case NO_FENCE -> 5_400;
            case LOWER_TIER_NOT_MARKED -> 950;
            case CANARY_IGNORED -> 4_850;
            case MEMORY_EMPTIED -> 4_450;
            case EPOCH_CHECK_SKIPPED -> 7_350;
            case RECENT_CHANGES_TRUSTED -> 2_430;
            default -> 0;
        };
    }

    Set<ModelWorld.Outside> outside() {
        return switch (this) {
            case NO_FENCE -> EnumSet.of(ModelWorld.Outside.NO_FENCE);
            case MEMORY_EMPTIED -> EnumSet.of(ModelWorld.Outside.MEMORY_EMPTIED);
            case MARKERS_SKIPPED -> EnumSet.of(ModelWorld.Outside.MARKERS_SKIPPED);
            case CANARY_IGNORED -> EnumSet.of(ModelWorld.Outside.CANARY_IGNORED);
            case PROBE_ON_ANY_CONNECTION -> EnumSet.of(ModelWorld.Outside.PROBE_ON_ANY_CONNECTION);
            case STALLS_UNNOTICED -> EnumSet.of(ModelWorld.Outside.STALLS_UNNOTICED);
            default -> Set.of();
        };
    }

    FailoverState create(Tiers tiers) {
        Keys buggy = new Keys(this, tiers);
        return new FailoverState(buggy) {
            @Override
            void tick(long now) {
                buggy.markLate();
                super.tick(now);
            }
        };
    }

    private static final class Keys extends DirtyKeys {
        private final ModelMutant bug;
        private final Deque<Runnable> late = new ArrayDeque<>();

        Keys(ModelMutant bug, Tiers tiers) {
            super(tiers);
            this.bug = bug;
        }

        private void markLate() {
            while (late.size() > 2) {
                late.remove().run();
            }
        }

        @Override
        boolean dirty(TierState tier, String key) {
            return bug != DIRTY_FILTER_OFF && super.dirty(tier, key);
        }

        @Override
        int markAbove(TierState tier, Kind kind, List<String> keys) {
            if (bug == MARKED_AFTER) {
                late.add(() -> super.markAbove(tier, kind, keys));
                return 0;
            }
            return super.markAbove(tier, kind, keys);
        }

        @Override
        boolean markBelow(Attempt attempt, Kind kind, long now) {
            return bug != LOWER_TIER_NOT_MARKED && super.markBelow(attempt, kind, now);
        }

        @Override
        boolean confirmed(Attempt attempt, Kind kind) {
            return bug == EPOCH_CHECK_SKIPPED || super.confirmed(attempt, kind);
        }

        @Override
        void counted(Attempt attempt, Request request, long result, long now) {
            super.counted(attempt, request, result, now);
            if (bug == DELTA_TWICE) {
                super.counted(attempt, request, result, now);
            }
        }

        @Override
        void mayHaveForgotten(TierState tier) {
            if (bug != RECENT_CHANGES_TRUSTED) {
                super.mayHaveForgotten(tier);
            }
        }

        @Override
        boolean markPrefix(TierState tier, String prefix) {
            return bug != PREFIX_DROPPED && super.markPrefix(tier, prefix);
        }
    }
}
