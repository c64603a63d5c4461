package dev.holdfast.cache;

/**
 * How long calls took, in microseconds, within the resolution of {@link LatencyHistogram}.
 *
 * @param count how many calls
 * @param meanMicros the mean; 0 if there were none, like the rest
 * @param p50Micros the median
 * @param p99Micros the 99th percentile
 * @param p999Micros the 99.9th percentile
 * @param maxMicros the longest
 * @param buckets what the figures were made of, for those of a span of time or of several stores; {@link LatencyBuckets#NONE} where
 *     they were not
 */
public record Latency(
        long count,
        double meanMicros,
        double p50Micros,
        double p99Micros,
        double p999Micros,
        double maxMicros,
        LatencyBuckets buckets) {
    /** No calls. */
    public static final Latency NONE = new Latency(0, 0, 0, 0, 0, 0);

    /** Creates one of which only the figures are known. */
    public Latency(
            long count, double meanMicros, double p50Micros, double p99Micros, double p999Micros, double maxMicros) {
        this(count, meanMicros, p50Micros, p99Micros, p999Micros, maxMicros, LatencyBuckets.NONE);
    }
}
