package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sends probes to tiers, and says what came of them. Blocks for as long as they take. */
final class Prober {
    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);

    /** So often a first probe is sent at most. */
    private static final int MOST_FIRST_PROBES = 4;

    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Stalls stalls;

    Prober(Switchboard switchboard, List<Tier> tiers, Stalls stalls) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.stalls = stalls;
    }

    /** Sends a probe and returns what is to be entered of it. */
    Consumer<FailoverState> probe(Effect.Probe probe) {
        Tier tier = tiers.get(probe.tier());
        stalls.ran(probe.startedAt(), switchboard.now());
        ProbeResult result;
        long switches = tier.switches();
        try {
            result = tier.store().probe(probe.timeout());
        } catch (CacheRejectedException e) {
            result = new ProbeResult(false, false); // it answered, if only to say no
        } catch (Throwable e) {
            CacheUnavailableException failure = failure(e);
            long now = switchboard.now();
            // A thread that was to wait so long and waited longer was kept from running, as was perhaps who read the
            // answer.
            stalls.ran(probe.startedAt() + probe.timeout().toNanos(), now);
            boolean counts = !stalls.since(probe.startedAt()) && tier.switches() == switches;
            return state -> {
                if (!switchboard.closed()) {
                    state.tiers
                            .get(probe.tier())
                            .detector
                            .probeFailed(probe.startedAt(), failure, counts, switchboard.now());
                }
            };
        }
        ProbeResult answer = result;
        // First: what is forgotten with the answer is needed for that.
        switchboard.enterOutage(tier);
        return state -> state.tiers.get(probe.tier()).detector.probed(probe.startedAt(), answer, switchboard.now());
    }

    /** Sends a probe that decides nothing, and enters what the store says once of what it lost. */
    ProbeResult look(Tier tier, Duration limit) {
        ProbeResult result = tier.store().probe(limit);
        switchboard.enterOutage(tier);
        if (result.wentBack()) {
            switchboard.change(
                    state -> state.tiers.get(tier.index).reconciliation.wentBack(switchboard.now()));
        }
        return result;
    }

    /** Asks the tiers that admit calls, in their order, until one answers. */
    ProbeResult probeAny(Duration limit, FastPath calls) {
        long end = switchboard.now() + limit.toNanos();
        if (switchboard.closed()) {
            throw new IllegalStateException("the store is closed");
        }
        CacheUnavailableException failure =
                new CacheUnavailableException("no tier answers", null, Reason.CONNECTION, false);
        for (Tier tier : switchboard.admitting()) {
            long rest = end - switchboard.now();
            if (rest <= 0) {
                break;
            }
            if (!calls.excludes(tier)) {
                try {
                    return tier.store().probe(Duration.ofNanos(rest));
                } catch (CacheUnavailableException e) {
                    failure.addSuppressed(e);
                }
            }
        }
        throw failure;
    }

    private static CacheUnavailableException failure(Throwable e) {
        return e instanceof CacheUnavailableException failure
                ? failure
                : new CacheUnavailableException("the probe failed: " + e, e, Reason.UNEXPECTED, true);
    }

    /**
     * Probes every server at once, and opens those that have not answered after {@code limit}, for which time does not count in which this process
     * stood still. A probe that fails across such a moment is sent again.
     */
    Map<String, CacheUnavailableException> probeAll(Duration limit, Workers workers) {
        Wait wait = new Wait(limit);
        Map<Tier, FirstProbe> asked = new LinkedHashMap<>();
        for (Tier tier : tiers) {
            if (tier.remote) {
                FirstProbe probe = new FirstProbe(tier, workers);
                asked.put(tier, probe);
                probe.begin(limit);
            }
        }
        Map<String, CacheUnavailableException> failures = new LinkedHashMap<>();
        asked.forEach((tier, probe) -> {
            CacheUnavailableException failure = await(probe, wait);
            if (failure != null) {
                failures.put(tier.name, failure);
                switchboard.change(
                        state -> state.tiers.get(tier.index).detector.startedWithout(failure, switchboard.now()));
            }
        });
        return failures;
    }

    private @Nullable CacheUnavailableException await(FirstProbe probe, Wait wait) {
        while (true) {
            long due = wait.nextLook();
            CacheUnavailableException failure;
            try {
                probe.answer.get(Math.max(0, due - switchboard.now()), TimeUnit.NANOSECONDS);
                return null;
            } catch (TimeoutException e) {
                wait.looked(due);
                if (!wait.isOver()) {
                    continue;
                }
                failure = new CacheTimeoutException(
                        probe.tier.store() + " did not answer within " + wait.limit.toMillis() + " ms", e, true);
            } catch (ExecutionException e) {
                wait.looked(due);
                failure = e.getCause() instanceof CacheUnavailableException known
                        ? known
                        : new CacheUnavailableException(
                                "the first probe failed", e.getCause(), Reason.UNEXPECTED, true);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CacheInterruptedException("interrupted while waiting for " + probe.tier.store(), e);
            }
            if (wait.isOver() || !probe.isVoid()) {
                return failure;
            }
            log.debug("tier {}: this process stood still during its first probe", probe.tier.name, failure);
            probe.begin(wait.left());
        }
    }

    /** The time that a start waits for its tiers: longer by what this process stood still, and never twice as long. Of one thread. */
    private final class Wait {
        final Duration limit;
        private final long latest;
        private long end;

        Wait(Duration limit) {
            this.limit = limit;
            this.end = switchboard.now() + limit.toNanos();
            this.latest = end + limit.toNanos();
        }

        /** When it is time to see whether this thread still runs. */
        long nextLook() {
            return switchboard.now() + Math.max(0, Math.min(Ticks.PERIOD, end - switchboard.now()));
        }

        /** Takes down that a thread that was due then runs now. */
        void looked(long due) {
            long now = switchboard.now();
            if (stalls.ran(due, now)) {
                end = Math.min(latest - end, now - due) + end;
            }
        }

        boolean isOver() {
            return switchboard.now() - end >= 0;
        }

        Duration left() {
            return Duration.ofNanos(Math.max(1, end - switchboard.now()));
        }
    }

    /** The probe that a tier begins with, sent again where it says nothing. Of one thread, but for its answer. */
    private final class FirstProbe {
        final Tier tier;
        private final Workers workers;
        CompletableFuture<Void> answer = new CompletableFuture<>();
        private long startedAt;
        private int sent;

        FirstProbe(Tier tier, Workers workers) {
            this.tier = tier;
            this.workers = workers;
        }

        void begin(Duration limit) {
            CompletableFuture<Void> fresh = new CompletableFuture<>();
            answer = fresh;
            sent++;
            startedAt = switchboard.now();
            workers.submit(() -> firstProbe(tier, limit, fresh));
        }

        /** Whether its failure says nothing; some machines always stand still, so that it counts in the end. */
        boolean isVoid() {
            return sent < MOST_FIRST_PROBES && stalls.since(startedAt);
        }
    }

    private static void firstProbe(Tier tier, Duration limit, CompletableFuture<Void> answer) {
        try {
            // A little less, so that the store can say why.
            tier.store().probe(limit.minus(limit.dividedBy(20)));
            answer.complete(null);
        } catch (CacheRejectedException e) {
            log.debug("tier {} refused its first probe, so it is there", tier.name, e);
            answer.complete(null);
        } catch (Throwable e) {
            answer.completeExceptionally(e);
        }
    }
}
