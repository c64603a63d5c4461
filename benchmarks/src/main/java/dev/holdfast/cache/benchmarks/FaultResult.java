package dev.holdfast.cache.benchmarks;

import java.util.Locale;

/**
 * What a client was worth in one fault.
 *
 * @param resurrected how many of the keys that were removed during the outage were there afterwards
 * @param of how many were removed
 */
record FaultResult(
        String client,
        String fault,
        FaultCallers.Figures figures,
        long failbackMillis,
        int resurrected,
        int of,
        long incrementsLost,
        long incrementsTwice,
        long stallMillis,
        int stuckCallers,
        double cpuPercent) {
    static final String HEAD = String.format(
            "%-26s %-7s %8s %7s %8s %11s %10s %12s %12s %12s %6s %6s",
            "client",
            "fault",
            "calls",
            "errors",
            "unknown",
            "longest ms",
            "over 50ms",
            "failover ms",
            "failback ms",
            "came back",
            "lost",
            "twice");

    String line() {
        return String.format(
                Locale.ROOT,
                "faults: client=%s fault=%s calls=%d errors=%d unknown=%d longest_ms=%d over50ms=%d failover_ms=%d"
                        + " failback_ms=%d resurrected=%d of=%d increments_lost=%d increments_twice=%d",
                client,
                fault,
                figures.calls(),
                figures.errors(),
                figures.unknown(),
                figures.longestMillis(),
                figures.over50ms(),
                figures.failoverMillis(),
                failbackMillis,
                resurrected,
                of,
                incrementsLost,
                incrementsTwice);
    }

    /** What the line has no room for: how the machine and the client's own threads fared during the outage. */
    String remark() {
        return String.format(
                Locale.ROOT,
                "  machine stalled %d ms, callers stuck during the outage: %d, CPU of the client's own threads:"
                        + " %.1f %% of a core%s",
                stallMillis,
                stuckCallers,
                cpuPercent,
                figures.firstError() == null ? "" : ", first error: " + figures.firstError());
    }

    /** Of the table that {@link #HEAD} begins. */
    String row() {
        return String.format(
                "%-26s %-7s %8d %7d %8d %11d %10d %12s %12s %12s %6d %6d",
                client,
                fault,
                figures.calls(),
                figures.errors(),
                figures.unknown(),
                figures.longestMillis(),
                figures.over50ms(),
                figures.failoverMillis() < 0 ? "never" : figures.failoverMillis(),
                failbackMillis < 0 ? "not in 20 s" : failbackMillis,
                resurrected + " of " + of,
                incrementsLost,
                incrementsTwice);
    }
}
