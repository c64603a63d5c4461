package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LatencyBucketsTest {
    private final Random random = new Random(7);

    private void fill(LatencyHistogram histogram, int count, int mostNanos) {
        for (int i = 0; i < count; i++) {
            histogram.record(random.nextInt(mostNanos));
        }
    }

    @Test
    void whatWasCountedBetweenTwoMomentsIsTheDifference() {
        LatencyHistogram histogram = new LatencyHistogram();
        fill(histogram, 10_000, 50_000_000);
        LatencyBuckets before = histogram.snapshot().buckets();
        LatencyHistogram alone = new LatencyHistogram();
        for (int i = 0; i < 500; i++) {
            long nanos = random.nextInt(2_000_000);
            histogram.record(nanos);
            alone.record(nanos);
        }
        assertEquals(
                alone.snapshot(),
                histogram.snapshot().buckets().since(before).summary(),
                "the slow calls of before are in no figure of the time since");
    }

    @Test
    void aHistogramThatWasResetBeginsANewTime() {
        LatencyHistogram histogram = new LatencyHistogram();
        fill(histogram, 1_000, 1_000);
        LatencyBuckets before = histogram.snapshot().buckets();
        histogram.reset();
        histogram.record(5_000_000);
        LatencyBuckets since = histogram.snapshot().buckets().since(before);
        assertEquals(1, since.count());
        assertEquals(5_000, since.summary().p50Micros(), 5_000 * 0.04);
    }

    @Test
    void nothingSinceIsNone() {
        LatencyHistogram histogram = new LatencyHistogram();
        fill(histogram, 10, 1_000);
        LatencyBuckets all = histogram.snapshot().buckets();
        assertEquals(Latency.NONE, all.since(all).summary());
        assertEquals(all, all.since(LatencyBuckets.NONE));
    }

    @Test
    void severalAddUpToOneOfAll() {
        LatencyHistogram one = new LatencyHistogram();
        LatencyHistogram two = new LatencyHistogram();
        LatencyHistogram both = new LatencyHistogram();
        for (int i = 0; i < 2_000; i++) {
            long nanos = random.nextInt(9_000_000);
            (i % 3 == 0 ? one : two).record(nanos);
            both.record(nanos);
        }
        LatencyBuckets sum = one.snapshot().buckets().plus(two.snapshot().buckets());
        assertEquals(both.snapshot(), sum.summary());
    }

    @Test
    void countsUpToABoundNeverFallAndEndAtAll() {
        LatencyHistogram histogram = new LatencyHistogram();
        fill(histogram, 5_000, 80_000_000);
        LatencyBuckets buckets = histogram.snapshot().buckets();
        long last = 0;
        for (long bound = 1; bound < 1L << 40; bound *= 2) {
            long now = buckets.countUpTo(bound);
            assertTrue(now >= last, "at " + bound);
            last = now;
        }
        assertEquals(5_000, last);
        assertEquals(0, buckets.countUpTo(-1));
    }
}
