package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is known of one tier, each part with what decides about it. Pure; guarded by the owner of its {@link FailoverState}. */
final class TierState {
    final int index;
    final String name;
    /** Whether it is a server: it can fail, and others see what is written to it. The memory below is not. */
    final boolean remote;

    final boolean buffered;
    final long healthCheckNanos;
    /** What is still to be done here. */
    final DirtyRecord dirty;
    /** Of a server that writes its canary; else {@code null}. */
    final @Nullable RecentChanges recent;

    final Occupancy occupancy;
    final Circuit circuit;
    final FailureDetector detector;
    final Probes probes;
    final Reconciliation reconciliation;
    /** The longest one call may take there; 0 if it may be given any limit. */
    private final long boundNanos;

    private final long quarantine;
    private long stamp;
    private @Nullable String note;

    /** What does not change about a tier. */
    record Traits(String name, boolean remote, TierPolicy policy, long boundNanos) {}

    TierState(int index, Traits traits, Tiers tiers) {
        FailoverConfig config = tiers.config;
        TierPolicy policy = traits.policy();
        this.index = index;
        this.name = traits.name();
        this.remote = traits.remote();
        this.buffered = policy.buffered();
        this.boundNanos = traits.boundNanos();
        this.quarantine = config.unknownQuarantine().toNanos();
        this.healthCheckNanos = policy.healthCheckInterval()
                .orElse(config.healthCheckInterval())
                .toNanos();
        this.dirty = new DirtyRecord(config.maxDirtyKeys(), config.maxDirtyBytes());
        this.recent = remote && !buffered ? new RecentChanges() : null;
        this.occupancy = new Occupancy(this, tiers);
        this.circuit = new Circuit(this, tiers);
        this.detector = new FailureDetector(this, tiers);
        this.probes = new Probes(this, tiers, policy.minProbeTimeout().toNanos());
        this.reconciliation = new Reconciliation(this, tiers);
    }

    /** Whether it admits calls. */
    boolean closed() {
        return circuit.mode() == TierHealth.State.CLOSED;
    }

    /** Whether nothing is to be watched for but calls. */
    boolean isQuiet() {
        return closed() && !probes.isUnderWay() && detector.suspicion() == null && dirty.isEmpty();
    }

    boolean fits(long rest) {
        return remote ? rest > 0 && boundNanos <= rest : boundNanos <= Math.max(0, rest);
    }

    /**
     * A number that changes whenever a call that was admitted before may have ended up on the wrong tier: this one was opened or had
     * a key cleaned, a tier above was closed or had a key cleaned, the memory was replaced, a tier below began to hold something.
     */
    long stamp() {
        return stamp;
    }

    /** Calls that were admitted before may have ended up on the wrong tier. */
    void outdate() {
        stamp++;
    }

    /** Until when what was sent here by now and not answered may arrive. */
    long unsettledUntil(long now) {
        return now + quarantine == 0 ? 1 : now + quarantine;
    }

    /** Keys were changed here. */
    void changed(Kind kind, List<String> keys) {
        if (recent == null || !kind.invalidates) {
            return;
        }
        if (kind == Kind.PREFIX) {
            recent.addPrefix(keys.get(0));
        } else {
            keys.forEach(recent::add);
        }
    }

    /** What an operator should know; {@code null} if nothing. */
    @Nullable
    String note() {
        return note;
    }

    void note(@Nullable String what) {
        note = what;
    }
}
