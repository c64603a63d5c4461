package dev.holdfast.cache.cluster;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * This client's canaries: keys that nobody else writes, one for each master, in a slot of its. A canary belongs to its slot and
 * goes where that goes; so after a failover the new master's tells whether the old one's last word arrived.
 */
final class Canaries {
    /** What the canaries of all clients begin with, after the key prefix. No cache's name begins like this. */
    static final String KEY_PREFIX = "#canary:";

    /** How long a canary lives, in milliseconds: a day. */
    static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

    private final ClusterConfig config;
    private final String id = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
    private final ConcurrentMap<Integer, Canary> bySlot = new ConcurrentHashMap<>();

    Canaries(ClusterConfig config) {
        this.config = config;
    }

    /** The canary of a master that has these slots; {@code null} if none of this store's keys can be on it. */
    @Nullable
    Canary among(BitSet slots) {
        for (Canary canary : bySlot.values()) {
            if (slots.get(canary.slot)) {
                return canary;
            }
        }
        int slot = slots.nextSetBit(0);
        if (slot < 0) {
            return null;
        }
        Canary canary = create(slot);
        return slots.get(canary.slot) ? bySlot.computeIfAbsent(canary.slot, any -> canary) : null;
    }

    private Canary create(int slot) {
        byte[] key = config.keyPrefix().encodeKey(KEY_PREFIX + id + ":{" + Slots.tagOf(slot) + '}');
        return new Canary(key, Slots.of(key));
    }

    /** A key, the last number that was sent for it, and the last that was acknowledged. */
    static final class Canary {
        private final byte[] key;
        private final int slot;
        private final AtomicLong number = new AtomicLong();
        private volatile long acknowledged;
        private volatile long acknowledgedAt;

        Canary(byte[] key, int slot) {
            this.key = key;
            this.slot = slot;
        }

        byte[] key() {
            return key;
        }

        long next() {
            return number.incrementAndGet();
        }

        static byte[] digits(long number) {
            return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
        }

        /**
         * Notes that a number was written and read back.
         *
         * @param before what was there before
         * @return whether that was less than it had to be
         */
        boolean acknowledge(long written, byte @Nullable [] before) {
            boolean wentBack = acknowledged > 0
                    && System.nanoTime() - acknowledgedAt < TimeUnit.MILLISECONDS.toNanos(LIFE_MILLIS)
                    && numberIn(before) < acknowledged;
            acknowledged = written;
            acknowledgedAt = System.nanoTime();
            return wentBack;
        }

        static long numberIn(byte @Nullable [] digits) {
            try {
                return digits == null ? -1 : Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
            } catch (NumberFormatException e) {
                return -1;
            }
        }
    }
}
