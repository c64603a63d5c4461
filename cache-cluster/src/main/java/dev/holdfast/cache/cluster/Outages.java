package dev.holdfast.cache.cluster;

import dev.holdfast.cache.spi.PartialOutage;
import java.util.BitSet;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What happened to masters that a composite has to make up for: slots whose masters were out of service, and writes that were
 * lost. Once somebody has asked for that, no call is sent where it happened before it was settled. Thread-safe.
 */
final class Outages {
    /** Guarded by this, as what follows. */
    private final BitSet out = new BitSet(Slots.COUNT);

    private boolean lost;
    private long events;
    private @Nullable PartialOutage told;

    private volatile boolean unsettled;
    /** Whether there is somebody who asks, so that it is worth to wait for. */
    private volatile boolean heard;

    /** A master that has these slots is out of service, and may come back with older data, or another in its place. */
    synchronized void out(BitSet slots) {
        if (slots.isEmpty()) {
            return;
        }
        out.or(slots);
        happened();
    }

    /** A canary tells that the cluster lost writes. */
    synchronized void lost() {
        lost = true;
        happened();
    }

    private void happened() {
        events++;
        told = null;
        unsettled = true;
    }

    /** Whether calls for a slot have to wait until somebody has done what follows from an outage. */
    boolean holds(int slot) {
        return unsettled && heard && isAffected(slot);
    }

    private synchronized boolean isAffected(int slot) {
        return lost || out.get(slot);
    }

    /** What is to be settled, the same to everybody until something else happens; {@code null} if nothing is. Whoever asks is waited for from now on. */
    @Nullable
    PartialOutage ask(ToIntFunction<String> slotOf) {
        heard = true;
        return unsettled ? present(slotOf) : null;
    }

    private synchronized PartialOutage present(ToIntFunction<String> slotOf) {
        PartialOutage present = told;
        if (present == null) {
            BitSet slots = (BitSet) out.clone();
            long now = events;
            present = new PartialOutage(key -> slots.get(slotOf.applyAsInt(key)), lost, () -> settle(now));
            told = present;
        }
        return present;
    }

    /** If something happened since, it is settled with that. */
    private synchronized void settle(long known) {
        if (known == events) {
            out.clear();
            lost = false;
            told = null;
            unsettled = false;
        }
    }

    /** Whether there is somebody who asks. */
    boolean isHeard() {
        return heard;
    }

    /** Whether writes were lost since this was last asked; never if somebody asks for outages, and hears it there. */
    synchronized boolean takeLoss() {
        boolean taken = lost && !heard;
        lost &= !taken;
        return taken;
    }
}
