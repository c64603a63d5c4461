package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.spi.PartialOutage;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Something that was decided and is to be done outside. */
sealed interface Effect {

    /** What is done in stores, and ends with a report whatever comes of it. */
    sealed interface Work extends Effect {
        int tier();
    }

    /** Probe a tier; report to {@link FailureDetector#probed} or {@link FailureDetector#probeFailed}. */
    record Probe(int tier, long startedAt, Duration timeout) implements Work {}

    /** Reset a tier's connections; {@code fence} is the number of the fence that it is, to be reported to {@link FailoverState#fenced}, or 0. */
    record Disconnect(int tier, Throwable cause, int fence) implements Work {
        boolean fences() {
            return fence != 0;
        }
    }

    /** Say on the first tier's server how this client stands; report to {@link Attendance#answered} or {@link Attendance#failed}. */
    record Attend(int tier, Attendance.Saying saying) implements Work {}

    /** Do on a tier what it has missed; report what was done, then {@link Reconciliation#drained} or {@link Reconciliation#drainFailed}. */
    sealed interface Drain extends Work {}

    /** Remove everything of this client's. */
    record RemoveEverything(int tier, int version) implements Drain {}

    /** Remove by prefix, one after the other. */
    record RemovePrefixes(int tier, List<DirtyRecord.Removal> prefixes) implements Drain {}

    /** Remove keys, in one go. */
    record RemoveKeys(int tier, List<DirtyRecord.Removal> keys) implements Drain {}

    /** Add to counters, one after the other. */
    record Increments(int tier, List<DirtyEntry.Increment> increments) implements Drain {}

    /** Tell a store that what follows from an outage of its parts is decided and visible. */
    record Settled(PartialOutage outage) implements Effect {}

    /** Free the first server of what begins so and was made before a floor, in no hurry. */
    record Sweep(String prefix, long floor) implements Effect {}

    /** Tell the log and the listeners. */
    sealed interface Notice extends Effect {}

    /** A tier was opened; {@code next} answers now, or nothing does. */
    record Opened(
            int tier, TierHealth.Reason reason, @Nullable Throwable cause, int next) implements Notice {}

    /** A tier admits calls again. */
    record Closed(int tier, long outageNanos, long reconciled) implements Notice {}

    /** Another tier serves; -1 stands for none. */
    record Switched(int from, int to, TierHealth.@Nullable Reason reason, long outageNanos, long reconciled)
            implements Notice {}

    /** What a tier has missed could not be done there. */
    record ReconciliationFailed(int tier, Throwable cause) implements Notice {}

    /** A remark for the operator: {@code note}, in a sentence. */
    record Remark(int tier, String note) implements Notice {}
}
