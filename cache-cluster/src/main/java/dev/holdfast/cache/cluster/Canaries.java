package dev.holdfast.cache.cluster;

import java.util.BitSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * This client's canaries: keys that nobody else writes, one for each master, in a slot of its. A canary belongs to its slot and
 * goes where that goes; so after a failover the new master's tells whether the old one's last word arrived.
 */
final class Canaries {
    /** What the canaries of all clients begin with, after the key prefix. No cache's name begins like this. */
    static final String KEY_PREFIX = "#canary:";

    /** So long a master that lost writes is held back for somebody to ask. */
    private static final long UNTOLD_NANOS = TimeUnit.SECONDS.toNanos(3);

    private final ClusterConfig config;
    private final String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
    private final AtomicInteger made = new AtomicInteger();
    private final AtomicBoolean wentBack = new AtomicBoolean();
    private volatile long wentBackAt;
    /** Guarded by itself. */
    private final BitSet out = new BitSet(Slots.COUNT);

    private final ConcurrentMap<Integer, Canary> bySlot = new ConcurrentHashMap<>();

    Canaries(ClusterConfig config) {
        this.config = config;
    }

    /** The canary of a master that has these slots; {@code null} if none of this store's keys can be on it. */
    @Nullable
    Canary among(BitSet slots) {
        for (Canary canary : bySlot.values()) {
            if (slots.get(canary.slot()) && !isReplaced(canary)) {
                return canary;
            }
        }
        int slot = slots.nextSetBit(0);
        if (slot < 0) {
            return null;
        }
        Canary canary = create(slot);
        return slots.get(canary.slot()) ? bySlot.computeIfAbsent(canary.slot(), any -> canary) : null;
    }

    private boolean isReplaced(Canary canary) {
        return canary.isWornOut() && bySlot.remove(canary.slot(), canary);
    }

    /**
     * Notes that a question was answered.
     *
     * @param before what was there before, which may tell that the cluster has lost writes
     * @param link on which
     */
    void acknowledge(Canary canary, Canary.Question question, byte @Nullable [] before, Link link) {
        if (canary.acknowledge(question, before, link)) {
            wentBackAt = System.nanoTime();
            wentBack.set(true);
        }
    }

    /** Whether any canary told of a loss since this was last asked. */
    boolean takeWentBack() {
        return wentBack.getAndSet(false);
    }

    /** A master that has these slots is out of service, and may come back with older data, or another in its place. */
    void out(BitSet slots) {
        synchronized (out) {
            out.or(slots);
        }
    }

    /** The slots whose masters were out since this was last asked. */
    BitSet takeOut() {
        synchronized (out) {
            BitSet taken = (BitSet) out.clone();
            out.clear();
            return taken;
        }
    }

    /** Whether a canary has just told of a loss, and nobody has asked for that yet who could do something about it. */
    boolean isLossUntold() {
        return wentBack.get() && System.nanoTime() - wentBackAt < UNTOLD_NANOS;
    }

    /** Whether a canary was written in one of these slots. */
    boolean isKnown(BitSet slots) {
        for (Canary canary : bySlot.values()) {
            if (slots.get(canary.slot()) && canary.isKnown()) {
                return true;
            }
        }
        return false;
    }

    private Canary create(int slot) {
        byte[] key = config.keyPrefix()
                .encodeKey(KEY_PREFIX + id + '.' + made.incrementAndGet() + ":{" + Slots.tagOf(slot) + '}');
        return new Canary(key, Slots.of(key));
    }
}
