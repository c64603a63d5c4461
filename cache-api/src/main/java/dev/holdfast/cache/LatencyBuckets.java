package dev.holdfast.cache;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How many durations each bucket of a {@link LatencyHistogram} had counted at one moment, so that two moments can be subtracted and
 * several histograms added up, which their quantiles can't. Takes 12 bytes for each bucket that counted something. Immutable.
 */
public final class LatencyBuckets {
    /** Of a histogram that counted nothing. */
    public static final LatencyBuckets NONE = new LatencyBuckets(new int[0], new long[0]);

    /** The buckets that are not empty, ascending. */
    private final int[] buckets;

    private final long[] counts;
    private final long count;

    private LatencyBuckets(int[] buckets, long[] counts) {
        this.buckets = buckets;
        this.counts = counts;
        this.count = Arrays.stream(counts).sum();
    }

    /** Takes the first {@code size} of both: buckets that are not empty, ascending, and their counts. */
    static LatencyBuckets of(int[] buckets, long[] counts, int size) {
        return size == 0 ? NONE : new LatencyBuckets(Arrays.copyOf(buckets, size), Arrays.copyOf(counts, size));
    }

    /** Returns how many durations were counted. */
    public long count() {
        return count;
    }

    /**
     * Returns how many durations were no longer than a bound, to the bucket: of those in the bucket that the bound is in, all or none.
     *
     * @param nanos the bound, in nanoseconds
     * @return the number, at most {@link #count()}; it never falls with a higher bound
     */
    public long countUpTo(long nanos) {
        long sum = 0;
        for (int i = 0; i < buckets.length && LatencyHistogram.highestOf(buckets[i]) <= nanos; i++) {
            sum += counts[i];
        }
        return sum;
    }

    /** Returns about how long all durations took together, in microseconds. */
    public double sumMicros() {
        double sum = 0;
        for (int i = 0; i < buckets.length; i++) {
            sum += counts[i]
                    * ((LatencyHistogram.lowestOf(buckets[i]) + (double) LatencyHistogram.highestOf(buckets[i])) / 2);
        }
        return sum / 1_000;
    }

    /**
     * Returns what was counted since an earlier moment.
     *
     * @param earlier of the same histogram
     * @return the difference; all of this if the histogram was reset in between, which a bucket that has become smaller tells
     */
    public LatencyBuckets since(LatencyBuckets earlier) {
        return combined(earlier, -1);
    }

    /**
     * Adds what another histogram counted.
     *
     * @param other the other's
     * @return the sum
     */
    public LatencyBuckets plus(LatencyBuckets other) {
        return combined(other, 1);
    }

    /** Merges two ascending lists; this itself if a bucket would become negative, or nothing is to be merged. */
    private LatencyBuckets combined(LatencyBuckets other, int sign) {
        if (other.count == 0) {
            return this;
        }
        int[] into = new int[buckets.length + other.buckets.length];
        long[] sums = new long[into.length];
        int size = 0;
        for (int i = 0, j = 0; i < buckets.length || j < other.buckets.length; ) {
            int bucket = Math.min(bucketAt(i), other.bucketAt(j));
            long sum = (bucketAt(i) == bucket ? counts[i++] : 0)
                    + (other.bucketAt(j) == bucket ? sign * other.counts[j++] : 0);
            if (sum < 0) {
                return this;
            }
            if (sum > 0) {
                into[size] = bucket;
                sums[size++] = sum;
            }
        }
        return size == 0 ? NONE : new LatencyBuckets(Arrays.copyOf(into, size), Arrays.copyOf(sums, size));
    }

    private int bucketAt(int index) {
        return index < buckets.length ? buckets[index] : Integer.MAX_VALUE;
    }

    /** Sums up, within the histogram's resolution. */
    public Latency summary() {
        if (count == 0) {
            return Latency.NONE;
        }
        return new Latency(
                count,
                sumMicros() / count,
                quantile(0.5),
                quantile(0.99),
                quantile(0.999),
                LatencyHistogram.highestOf(buckets[buckets.length - 1]) / 1_000.0,
                this);
    }

    private double quantile(double quantile) {
        long rank = Math.max(1, (long) Math.ceil(quantile * count));
        long seen = 0;
        for (int i = 0; i < buckets.length; i++) {
            seen += counts[i];
            if (seen >= rank) {
                return LatencyHistogram.highestOf(buckets[i]) / 1_000.0;
            }
        }
        throw new AssertionError("rank " + rank + " of " + count);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof LatencyBuckets that
                && Arrays.equals(buckets, that.buckets)
                && Arrays.equals(counts, that.counts);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(buckets) + Arrays.hashCode(counts);
    }

    @Override
    public String toString() {
        return count + " in " + buckets.length + " buckets";
    }
}
