package dev.holdfast.cache.validation;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.util.Locale;

/** How long a server takes to answer reads, one after another, of a value of 1 KiB. */
final class ReadTimes {
    private static final int READS = 1_000;
    private static final int FEWEST = 10;
    private static final int VALUE_BYTES = 1_024;
    private static final String TEN_MINUTES = "600000";
    private static final double NEAR_P50 = 10;
    private static final double NEAR_P99 = 50;
    private static final double FAR_P50 = 100;
    private static final double FAR_P99 = 300;

    private ReadTimes() {}

    /** Reads a thousand times, or until the time is over. */
    static Result check(String check, Target target, Conversation server, String key, Options options) {
        LatencyHistogram times = new LatencyHistogram();
        try {
            server.ask("SET", key, "v".repeat(VALUE_BYTES), "PX", TEN_MINUTES);
        } catch (RefusedException e) {
            return Result.skipped(check, "there is no value to read, since the server takes none");
        }
        long begin = System.nanoTime();
        for (int i = 0;
                i < READS
                        && (i < FEWEST
                                || System.nanoTime() - begin < options.most().toNanos());
                i++) {
            long start = System.nanoTime();
            try {
                server.ask("GET", key);
            } catch (RefusedException e) {
                return Result.skipped(check, "reads are refused");
            }
            times.record(System.nanoTime() - start);
        }
        return judged(check, target, times.snapshot(), options);
    }

    private static Result judged(String check, Target target, Latency times, Options options) {
        boolean far = target.rest() != null;
        double p50Target = options.p50Millis() != null ? options.p50Millis() : far ? FAR_P50 : NEAR_P50;
        double p99Target = options.p99Millis() != null ? options.p99Millis() : far ? FAR_P99 : NEAR_P99;
        double p50 = times.p50Micros() / 1_000;
        double p99 = times.p99Micros() / 1_000;
        String measured = String.format(
                Locale.ROOT,
                "%d reads, p50 %.2f ms (target %s), p99 %.2f ms (target %s)",
                times.count(),
                p50,
                number(p50Target),
                p99,
                number(p99Target));
        return p50 <= p50Target && p99 <= p99Target
                ? Result.ok(check, measured)
                : Result.failed(
                        check,
                        measured,
                        "let " + target.variables().place()
                                + " name a server nearer to this host or less busy; other targets: --p50-ms, --p99-ms");
    }

    private static String number(double millis) {
        return millis == Math.rint(millis) ? (long) millis + " ms" : millis + " ms";
    }
}
