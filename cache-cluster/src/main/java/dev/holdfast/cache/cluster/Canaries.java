package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.CanaryLog;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * This client's canaries: keys that nobody else writes, one for each master, in a slot of its. A canary belongs to its slot and
 * goes where that goes; so after a failover the new master's tells whether the old one's last word arrived.
 */
final class Canaries {
    private final ClusterConfig config;
    private final String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
    private final AtomicInteger made = new AtomicInteger();
    private final Outages outages = new Outages();
    private final ConcurrentMap<Integer, CanaryLog> bySlot = new ConcurrentHashMap<>();

    /** The slot of the canary that was given up last; negative if none was. */
    private volatile int leaving = -1;

    Canaries(ClusterConfig config) {
        this.config = config;
    }

    /** What is made of a loss, and of what else happens to masters. */
    Outages outages() {
        return outages;
    }

    /** The canary of a master that has these slots; {@code null} if none of this store's keys can be on it. */
    @Nullable
    CanaryLog among(BitSet slots) {
        for (Map.Entry<Integer, CanaryLog> canary : bySlot.entrySet()) {
            if (slots.get(canary.getKey())) {
                return canary.getValue();
            }
        }
        int lowest = slots.nextSetBit(0);
        if (lowest < 0) {
            return null;
        }
        // Slots leave one after the other, the lowest first as a rule.
        CanaryLog canary = create(lowest == leaving ? slots.length() - 1 : lowest);
        int slot = Slots.of(canary.key());
        return slots.get(slot) ? bySlot.computeIfAbsent(slot, any -> canary) : null;
    }

    /** Gives one up whose slot is on its way elsewhere: it is neither here nor there for as long as that takes. The next is in another slot. */
    void giveUp(CanaryLog canary) {
        int slot = Slots.of(canary.key());
        leaving = slot;
        bySlot.remove(slot, canary);
    }

    /** Whether a canary was written in one of these slots. */
    boolean isKnown(BitSet slots) {
        return bySlot.entrySet().stream()
                .anyMatch(canary ->
                        slots.get(canary.getKey()) && canary.getValue().isKnown());
    }

    private CanaryLog create(int slot) {
        return new CanaryLog(config.keyPrefix()
                .encodeKey(SparedKeys.CANARY + id + '.' + made.incrementAndGet() + ":{" + Slots.tagOf(slot) + '}'));
    }
}
