package dev.holdfast.cache.testkit;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * What became of the calls of a {@link Traffic}.
 *
 * @param calls how many were made
 * @param errors exceptions of operations that are harmless to repeat
 * @param unknown exceptions of the others: increments and {@code putIfAbsent}
 * @param mostUnknown the most of those that one thread got
 * @param longest the longest call, removals by prefix left out, which have a limit of their own
 * @param longestCall what that was
 * @param over50ms calls that took over 50 ms
 * @param cameBack values read after a removal or a later put of their key had been acknowledged
 * @param wrong values read that belong to another key
 * @param incrementsLost acknowledged and not counted
 * @param incrementsTwice counted, neither acknowledged nor of an unknown outcome
 * @param details the first few of what should not have been, for people
 */
public record TrafficReport(
        long calls,
        long errors,
        long unknown,
        long mostUnknown,
        Duration longest,
        String longestCall,
        long over50ms,
        long cameBack,
        long wrong,
        long incrementsLost,
        long incrementsTwice,
        List<String> details) {

    private static final int DETAILS = 20;

    public TrafficReport {
        details = List.copyOf(details);
    }

    /** Both together. */
    TrafficReport plus(TrafficReport other) {
        TrafficReport slower = longest.compareTo(other.longest) < 0 ? other : this;
        return new TrafficReport(
                calls + other.calls,
                errors + other.errors,
                unknown + other.unknown,
                Math.max(mostUnknown, other.mostUnknown),
                slower.longest,
                slower.longestCall,
                over50ms + other.over50ms,
                cameBack + other.cameBack,
                wrong + other.wrong,
                incrementsLost + other.incrementsLost,
                incrementsTwice + other.incrementsTwice,
                Stream.concat(details.stream(), other.details.stream())
                        .limit(DETAILS)
                        .toList());
    }

    /** One line of figures. */
    public String summary() {
        return "calls=" + calls + " errors=" + errors + " unknown=" + unknown + " most_unknown=" + mostUnknown
                + " longest_ms="
                + longest.toMillis() + " (" + longestCall + ") over50ms=" + over50ms + " came_back=" + cameBack
                + " wrong=" + wrong + " increments_lost=" + incrementsLost + " increments_twice=" + incrementsTwice;
    }
}
