package dev.holdfast.cache.client;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Where a tag stands, as the store holds it under the tag's key; all numbers big-endian:
 *
 * <pre>
 *   0  magic FE 54   (FE is in no UTF-8 text)
 *   2  version 01
 *   3  flags         1 the tag was removed or marked stale, and this is what it has been since
 *   4  number        40 random bits, not all of them 0, and a count of 24 bits, which begins at 0
 *  12  life          ms that the key was given to live, counted from the removal, or from when it was made
 *  20  until         epoch ms, by the clock of who wrote it: when that is over
 * </pre>
 *
 * An entry is good while each of its tags has the number that it had when the entry was made, and stale where only the count is another one. So other random bits
 * remove all that has the tag, a raised count makes it stale, and no number removes too: one that was evicted or expired begins anew at random. What the store says of the key's time to live, taken from {@code life}, is how long ago the tag was
 * removed, by the store's clock alone; {@code until} only says whether the key has to be given more time.
 */
record Generation(boolean removed, long number, long life, long until) {
    private static final byte MAGIC_0 = (byte) 0xFE;
    private static final byte MAGIC_1 = 0x54;
    private static final byte VERSION = 1;
    private static final int NUMBER_AT = 4;
    private static final int LIFE_AT = 12;
    private static final int UNTIL_AT = 20;
    private static final int BYTES = 28;

    private static final int COUNT_BITS = 24;
    private static final long COUNT = (1L << COUNT_BITS) - 1;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    /** Another one than any before, from now on. */
    static Generation begun(boolean removed, Duration life, long now) {
        return new Generation(removed, random(), life.toMillis(), now + life.toMillis());
    }

    private static long random() {
        long number;
        do {
            number = ThreadLocalRandom.current().nextLong() & ~COUNT;
        } while (number == 0);
        return number;
    }

    /** Whether two numbers differ in nothing but how often the tag was marked stale. */
    static boolean differInCount(long one, long other) {
        return one != other && one >>> COUNT_BITS == other >>> COUNT_BITS;
    }

    /** Whether its count can be raised: from its end it would come back to where entries stand that were marked long ago. */
    boolean isCountable() {
        return (number & COUNT) != COUNT;
    }

    /** What it is once its entries were marked stale: for as long as it was to live, and at least for {@code least}. */
    Generation marked(Duration least, long now) {
        long more = Math.max(least.toMillis(), until - now);
        return new Generation(true, number + 1, more, now + more);
    }

    /** The same with more time: {@code age} ms after it began. */
    Generation prolonged(boolean stillRemoved, long age, Duration more, long now) {
        return new Generation(stillRemoved, number, age + more.toMillis(), now + more.toMillis());
    }

    /** Reads one; {@code null} if there is none, or these bytes are none. */
    static @Nullable Generation of(byte @Nullable [] value) {
        if (value == null
                || value.length != BYTES
                || value[0] != MAGIC_0
                || value[1] != MAGIC_1
                || value[2] != VERSION
                || (value[3] & ~1) != 0) {
            return null;
        }
        return new Generation(value[3] == 1, (long) LONG.get(value, NUMBER_AT), (long) LONG.get(value, LIFE_AT), (long)
                LONG.get(value, UNTIL_AT));
    }

    byte[] bytes() {
        byte[] value = new byte[BYTES];
        value[0] = MAGIC_0;
        value[1] = MAGIC_1;
        value[2] = VERSION;
        value[3] = (byte) (removed ? 1 : 0);
        LONG.set(value, NUMBER_AT, number);
        LONG.set(value, LIFE_AT, life);
        LONG.set(value, UNTIL_AT, until);
        return value;
    }
}
