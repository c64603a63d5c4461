package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PartialOutage;
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
            boolean onTime = !stalls.since(probe.startedAt());
            return state -> {
                if (!switchboard.closed()) {
                    state.verdicts.probeFailed(probe.tier(), probe.startedAt(), failure, onTime, switchboard.now());
                }
            };
        }
        ProbeResult answer = result;
        @Nullable PartialOutage outage = tier.takeOutage();
        return state -> {
            state.partlyOut(probe.tier(), outage, switchboard.now());
            state.verdicts.probed(probe.tier(), probe.startedAt(), answer, switchboard.now());
        };
    }

    private static CacheUnavailableException failure(Throwable e) {
        return e instanceof CacheUnavailableException failure
                ? failure
                : new CacheUnavailableException("the probe failed: " + e, e, Reason.UNEXPECTED, true);
    }

    /** Probes every server at once, and opens those that have not answered after {@code limit}. */
    Map<String, CacheUnavailableException> probeAll(Duration limit, Workers workers) {
        Map<Tier, CompletableFuture<Void>> asked = new LinkedHashMap<>();
        for (Tier tier : tiers) {
            if (tier.remote) {
                CompletableFuture<Void> answer = new CompletableFuture<>();
                asked.put(tier, answer);
                workers.submit(() -> firstProbe(tier, limit, answer));
            }
        }
        long end = System.nanoTime() + limit.toNanos();
        Map<String, CacheUnavailableException> failures = new LinkedHashMap<>();
        asked.forEach((tier, answer) -> {
            CacheUnavailableException failure = await(tier, answer, limit, end);
            if (failure != null) {
                failures.put(tier.name, failure);
                switchboard.change(state -> state.circuit.startedWithout(tier.index, failure, switchboard.now()));
            }
        });
        return failures;
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

    private static @Nullable CacheUnavailableException await(
            Tier tier, CompletableFuture<Void> answer, Duration limit, long end) {
        try {
            answer.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            return null;
        } catch (TimeoutException e) {
            return new CacheTimeoutException(
                    tier.store() + " did not answer within " + limit.toMillis() + " ms", e, true);
        } catch (ExecutionException e) {
            return e.getCause() instanceof CacheUnavailableException failure
                    ? failure
                    : new CacheUnavailableException("the first probe failed", e.getCause(), Reason.UNEXPECTED, true);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("interrupted while waiting for " + tier.store(), e);
        }
    }
}
