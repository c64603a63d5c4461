package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The tiers in their order, and which one serves: the first that admits calls. What is decided for them gathers here. Pure;
 * guarded by the owner of its {@link FailoverState}.
 */
final class Tiers implements Iterable<TierState> {
    final FailoverConfig config;
    final RandomGenerator random;
    final Attendance attendance;
    final MemoryTier memory;
    private final List<TierState> tiers = new ArrayList<>();
    private final List<Effect> effects = new ArrayList<>();
    private int serving;

    /** Creates them, each closed; only the last may be memory. */
    Tiers(FailoverConfig config, List<TierState.Traits> traits, RandomGenerator random, Attendance attendance) {
        this.config = config;
        this.random = random;
        this.attendance = attendance;
        for (TierState.Traits each : traits) {
            tiers.add(new TierState(tiers.size(), each, this));
        }
        this.memory = new MemoryTier(tiers);
    }

    TierState get(int index) {
        return tiers.get(index);
    }

    int size() {
        return tiers.size();
    }

    @Override
    public Iterator<TierState> iterator() {
        return tiers.iterator();
    }

    /** Whether something is true of every tier. */
    boolean every(Predicate<TierState> what) {
        return tiers.stream().allMatch(what);
    }

    /** The first tier that admits calls, as the others know by now; {@link FailoverState#NONE} if none does. */
    int serving() {
        return serving;
    }

    /** The first tier that admits calls; {@link FailoverState#NONE} if none does. */
    int firstClosed() {
        return first(TierState::closed);
    }

    /** The first tier of which something is true; {@link FailoverState#NONE} if there is none. */
    int first(Predicate<TierState> what) {
        return tiers.stream()
                .filter(what)
                .mapToInt(tier -> tier.index)
                .findFirst()
                .orElse(FailoverState.NONE);
    }

    /** Lets the first tier that admits calls serve: one was opened or closed. */
    void serve(TierHealth.@Nullable Reason reason, long outage, long reconciled) {
        int next = firstClosed();
        if (next == serving) {
            return;
        }
        add(new Effect.Switched(serving, next, reason, outage, reconciled));
        int before = serving;
        serving = next;
        if (next != FailoverState.NONE) {
            tiers.get(next).occupancy.serves();
            tiers.subList(next + 1, tiers.size()).forEach(tier -> tier.occupancy.servedAbove());
        }
        memory.switched(before);
    }

    /** From now on a change above has to be remembered on a tier; those under way above do not know that yet. */
    void outdateAbove(TierState tier) {
        tiers.subList(0, tier.index).forEach(TierState::outdate);
    }

    /** What is under way below may have come there because of a tier that is different now. */
    void outdateBelow(TierState tier) {
        tiers.subList(tier.index + 1, tiers.size()).forEach(TierState::outdate);
    }

    void add(Effect effect) {
        effects.add(effect);
    }

    /** Takes what was decided and is yet to be done, in order. */
    List<Effect> takeEffects() {
        if (effects.isEmpty()) {
            return List.of();
        }
        List<Effect> taken = List.copyOf(effects);
        effects.clear();
        return taken;
    }
}
