package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LatencyHistogramTest {
    private static final double RESOLUTION = 1.0 / 31;

    private static void assertAtMostAbove(long exactNanos, double foundMicros, String what) {
        double found = foundMicros * 1_000;
        assertTrue(
                found >= exactNanos - 1e-6 && found <= (double) exactNanos * (1 + RESOLUTION) + 1,
                () -> what + ": exactly " + exactNanos + " ns, found " + found);
    }

    @Test
    void anEmptyOneIsAllZero() {
        assertEquals(Latency.NONE, new LatencyHistogram().snapshot());
    }

    @Test
    void quantilesAreThoseOfTheSortedData() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 100; round++) {
            long[] nanos = new long[1 + random.nextInt(5_000)];
            int bits = 1 + random.nextInt(39);
            LatencyHistogram histogram = new LatencyHistogram();
            for (int i = 0; i < nanos.length; i++) {
                nanos[i] = (random.nextLong() >>> 1) & ((1L << (1 + random.nextInt(bits))) - 1);
                histogram.record(nanos[i]);
            }
            Arrays.sort(nanos);

            Latency latency = histogram.snapshot();

            String where = "seed " + seed + ", round " + round;
            assertEquals(nanos.length, latency.count(), where);
            assertAtMostAbove(rank(nanos, 0.5), latency.p50Micros(), where + ", p50");
            assertAtMostAbove(rank(nanos, 0.99), latency.p99Micros(), where + ", p99");
            assertAtMostAbove(rank(nanos, 0.999), latency.p999Micros(), where + ", p999");
            assertAtMostAbove(nanos[nanos.length - 1], latency.maxMicros(), where + ", max");
            double mean = Arrays.stream(nanos).average().orElseThrow();
            assertEquals(mean, latency.meanMicros() * 1_000, mean * RESOLUTION + 1, where + ", mean");
        }
    }

    private static long rank(long[] sorted, double quantile) {
        return sorted[(int) Math.max(1, Math.ceil(quantile * sorted.length)) - 1];
    }

    @Test
    void smallValuesAreExact() {
        for (long nanos = 0; nanos < 64; nanos++) {
            LatencyHistogram histogram = new LatencyHistogram();
            histogram.record(nanos);
            assertEquals(nanos / 1_000.0, histogram.snapshot().maxMicros(), 1e-9);
        }
    }

    @Test
    void bucketsAreContiguousAndGrow() {
        int last = 0;
        for (long nanos = 0; nanos < 1 << 20; nanos++) {
            int bucket = LatencyHistogram.bucketOf(nanos);
            assertTrue(bucket == last || bucket == last + 1, "at " + nanos);
            last = bucket;
        }
    }

    @Test
    void whatIsNegativeCountsAsZeroAndWhatIsTooLongAsTheLongest() {
        LatencyHistogram histogram = new LatencyHistogram();
        histogram.record(-5);
        assertEquals(0, histogram.snapshot().maxMicros());
        histogram.record(Long.MIN_VALUE);
        histogram.record(Long.MAX_VALUE);
        histogram.record((1L << 40) - 1);

        Latency latency = histogram.snapshot();

        assertEquals(4, latency.count());
        assertAtMostAbove((1L << 40) - 1, latency.maxMicros(), "max");
    }

    @Test
    void resetForgets() {
        LatencyHistogram histogram = new LatencyHistogram();
        histogram.record(5);
        histogram.reset();

        assertEquals(Latency.NONE, histogram.snapshot());
    }

    @Test
    void noneOfSeveralThreadsIsForgotten() throws InterruptedException {
        LatencyHistogram histogram = new LatencyHistogram();
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                for (int n = 0; n < 50_000; n++) {
                    histogram.record(n % 100);
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertEquals(200_000, histogram.snapshot().count());
    }
}
