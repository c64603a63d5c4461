package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class HdrHistogramComparisonTest {
    private static final double RESOLUTION = 0.033;

    @Test
    void quantilesAgreeWithHdrHistogramWithinTheResolution() {
        for (long seed = 1; seed <= 20; seed++) {
            Random random = new Random(seed);
            LatencyHistogram ours = new LatencyHistogram();
            Histogram theirs = new Histogram(1L << 41, 3);
            int count = 1 + random.nextInt(20_000);
            double scale = 3 + random.nextInt(20);
            for (int i = 0; i < count; i++) {
                long nanos = Math.min((1L << 40) - 1, (long) Math.exp(scale + 2 * random.nextGaussian()));
                ours.record(nanos);
                theirs.recordValue(nanos);
            }
            Latency latency = ours.snapshot();
            String where = "seed " + seed;
            assertEquals(theirs.getTotalCount(), latency.count(), where);
            near(theirs.getMean(), latency.meanMicros(), where + ", mean");
            near((double) theirs.getValueAtPercentile(50), latency.p50Micros(), where + ", p50");
            near((double) theirs.getValueAtPercentile(99), latency.p99Micros(), where + ", p99");
            near((double) theirs.getValueAtPercentile(99.9), latency.p999Micros(), where + ", p99.9");
            near((double) theirs.getMaxValue(), latency.maxMicros(), where + ", max");
        }
    }

    private static void near(double nanos, double micros, String where) {
        assertEquals(nanos, micros * 1_000, Math.max(1, nanos * RESOLUTION), where);
    }
}
