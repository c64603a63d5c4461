package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverReason;
import dev.holdfast.cache.micrometer.MeterSet.Name;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Counts failovers. Those that are possible are there from the start, at 0: of a series that begins with 1 a monitoring system sees no
 * increase, and the first failover is the one that matters.
 */
final class FailoverMeters implements FailoverListener {
    private static final Name FAILOVERS = new Name("holdfast.failovers", "Failovers from one tier to another");

    /** In the place of a tier that is not there. */
    private static final String NONE = "none";

    private final MeterSet meters;

    /** Registers them; {@code tiers} are in their order. */
    FailoverMeters(MeterSet meters, List<String> tiers, boolean memoryIsLast) {
        this.meters = meters;
        for (int from = 0; from < tiers.size(); from++) {
            for (int to = from + 1; to < tiers.size(); to++) {
                all(tiers.get(from), tiers.get(to));
            }
            if (!memoryIsLast) {
                all(tiers.get(from), NONE);
            }
        }
    }

    private void all(String from, String to) {
        for (FailoverReason reason : FailoverReason.values()) {
            count(from, to, reason, 0);
        }
    }

    private void count(String from, String to, FailoverReason reason, int more) {
        meters.counter(FAILOVERS, "from", from, "to", to, "reason", TierMeters.word(reason))
                .increment(more);
    }

    @Override
    public void failover(String from, @Nullable String to, FailoverReason reason) {
        count(from, to == null ? NONE : to, reason, 1);
    }
}
