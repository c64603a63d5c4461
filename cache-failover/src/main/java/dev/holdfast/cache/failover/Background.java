package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a composite does apart from its callers: one thread that ticks while there is something to watch, and others, which
 * come and go, for what may block: at most one probe and one reconciliation of each tier at a time, disconnections, and the
 * listeners.
 */
class Background {
    /** Does nothing: before the real one is there. */
    static final Background NONE = new Background();

    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final long IDLE_PERIOD = TimeUnit.SECONDS.toNanos(1);
    private static final int TICKS_TO_REST = 20;
    /** The application is started by then, as a rule, and nothing has failed yet. */
    private static final int TICKS_TO_REHEARSAL = 10;
    /** A tick that comes later than this means that the process stood still, and proves nothing about servers. */
    private static final long STALL = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Duration FOR_EVER = Duration.ofDays(365 * 50);

    /** Does nothing. */
    void note(List<Effect> effects) {}

    /** Does nothing. */
    void perform(List<Effect> effects) {}

    /** The one that works. */
    static final class Running extends Background {
        private final Switchboard switchboard;
        private final List<Tier> tiers;
        private final Ticks ticks;
        private final Notices notices;
        private final Supplier<? extends Collection<String>> prefixes;
        private final ExecutorService workers;
        private final Thread ticker;
        private volatile long stalledAt;
        private volatile boolean stopped;

        Running(
                String name,
                Switchboard switchboard,
                List<Tier> tiers,
                Ticks ticks,
                Notices notices,
                Supplier<? extends Collection<String>> prefixes) {
            this.switchboard = switchboard;
            this.tiers = tiers;
            this.ticks = ticks;
            this.notices = notices;
            this.prefixes = prefixes;
            this.workers = new ThreadPoolExecutor(
                    0, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), work -> {
                        Thread thread = new Thread(work, name + "-worker");
                        thread.setDaemon(true);
                        return thread;
                    });
            this.ticker = new Thread(this::run, name);
            ticker.setDaemon(true);
            ticks.wakes(ticker);
        }

        void start() {
            ticker.start();
        }

        void stop() {
            stopped = true;
            LockSupport.unpark(ticker);
            workers.shutdownNow();
        }

        // The ticker

        private void run() {
            int idle = 0;
            int ticksToRehearsal = TICKS_TO_REHEARSAL;
            long due = switchboard.now() + Ticks.PERIOD;
            while (!stopped) {
                LockSupport.parkNanos(Math.max(1, due - switchboard.now()));
                long now = switchboard.now();
                if (idle < TICKS_TO_REST && now - due < 0) {
                    continue;
                }
                if (now - due > STALL) {
                    stalledAt = now;
                }
                if (--ticksToRehearsal == 0) {
                    submit(Rehearsal::once);
                }
                idle = tick(now) ? 0 : Math.min(idle + 1, TICKS_TO_REST);
                if (idle == TICKS_TO_REST) {
                    ticks.rest();
                }
                due = now + (idle == TICKS_TO_REST ? IDLE_PERIOD : Ticks.PERIOD);
            }
        }

        /** Returns whether there is something to watch. */
        private boolean tick(long now) {
            int tick = ticks.advance();
            try {
                boolean busy = switchboard.decide(state -> {
                    boolean any = false;
                    for (Tier tier : tiers) {
                        any |= tier.observe(state, tick, now);
                    }
                    state.tick(now);
                    return any || !state.quiet(now);
                });
                if (!busy) {
                    switchboard.takeRetired().forEach(CacheStore::close);
                }
                return busy;
            } catch (RuntimeException e) {
                log.error("the failover watch failed and goes on", e);
                return true;
            }
        }

        // What was decided

        @Override
        void note(List<Effect> effects) {
            for (Effect effect : effects) {
                if (effect instanceof Effect.Notice notice) {
                    notices.add(notice);
                }
            }
        }

        @Override
        void perform(List<Effect> effects) {
            for (Effect effect : effects) {
                if (effect instanceof Effect.Disconnect disconnect) {
                    submit(() -> disconnect(disconnect));
                } else if (effect instanceof Effect.Probe probe) {
                    submit(() -> probe(probe));
                } else if (effect instanceof Effect.Drain drain) {
                    submit(() -> drain(drain));
                } else if (notices.claim()) {
                    submit(notices::deliver);
                }
            }
        }

        private void submit(Runnable work) {
            try {
                workers.execute(work);
            } catch (RejectedExecutionException e) {
                log.trace("closed meanwhile", e);
            }
        }

        private void disconnect(Effect.Disconnect disconnect) {
            try {
                tiers.get(disconnect.tier()).store().disconnect(disconnect.cause());
            } catch (RuntimeException e) {
                log.warn("tier {} could not be disconnected", tiers.get(disconnect.tier()).name, e);
            }
            if (disconnect.fence()) {
                switchboard.change(state -> state.circuit.fenced(disconnect.tier(), switchboard.now()));
            }
        }

        private void probe(Effect.Probe probe) {
            Tier tier = tiers.get(probe.tier());
            ProbeResult result = null;
            CacheUnavailableException failure = null;
            try {
                result = tier.store().probe(probe.timeout());
            } catch (CacheUnavailableException e) {
                failure = e;
            } catch (CacheRejectedException e) {
                result = new ProbeResult(false, false); // it answered, if only to say no
            } catch (RuntimeException | Error e) {
                if (switchboard.closed()) {
                    return;
                }
                failure = new CacheUnavailableException("the probe failed: " + e, e, Reason.CONNECTION, true);
            }
            switchboard.change(outcome(probe, result, failure));
        }

        private Consumer<FailoverState> outcome(
                Effect.Probe probe, @Nullable ProbeResult result, @Nullable CacheUnavailableException failure) {
            return state -> {
                long now = switchboard.now();
                if (failure != null) {
                    state.verdicts.probeFailed(
                            probe.tier(), probe.startedAt(), failure, stalledAt - probe.startedAt() < 0, now);
                } else if (result != null) {
                    state.verdicts.probed(probe.tier(), probe.startedAt(), result, now);
                }
            };
        }

        /** Probes every server at once, and opens those that have not answered after {@code limit}. */
        Map<String, CacheUnavailableException> probeAll(Duration limit) {
            Map<Tier, CompletableFuture<Void>> asked = new LinkedHashMap<>();
            for (Tier tier : tiers) {
                if (tier.remote) {
                    asked.put(tier, CompletableFuture.runAsync(() -> firstProbe(tier, limit), workers));
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

        private static void firstProbe(Tier tier, Duration limit) {
            try {
                tier.store().probe(limit);
            } catch (CacheRejectedException e) {
                log.debug("tier {} refused its first probe, so it is there", tier.name, e);
            }
        }

        private static @Nullable CacheUnavailableException await(
                Tier tier, CompletableFuture<Void> answer, Duration limit, long end) {
            try {
                answer.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
                return null;
            } catch (TimeoutException e) {
                return new CacheTimeoutException(tier.store() + " did not answer within " + limit, e, true);
            } catch (ExecutionException e) {
                return e.getCause() instanceof CacheUnavailableException failure
                        ? failure
                        : new CacheUnavailableException(
                                "the first probe failed", e.getCause(), Reason.CONNECTION, true);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CacheInterruptedException("interrupted while waiting for " + tier.store(), e);
            }
        }

        // Reconciliation

        private void drain(Effect.Drain drain) {
            CacheStore store = tiers.get(drain.tier()).store();
            List<String> underWay = new ArrayList<>();
            try {
                if (drain instanceof Effect.RemoveEverything all) {
                    Extent extent = removeEverything(store);
                    switchboard.change(state -> state.reconciliation.everythingRemoved(all, extent));
                } else if (drain instanceof Effect.RemovePrefixes work) {
                    removePrefixes(store, work);
                } else if (drain instanceof Effect.RemoveKeys work) {
                    List<String> keys =
                            work.keys().stream().map(DirtyRecord.Removal::key).toList();
                    underWay.addAll(keys);
                    store.removeAll(keys);
                    switchboard.change(state -> state.reconciliation.removed(work.tier(), work.keys()));
                } else if (drain instanceof Effect.Increments work) {
                    for (DirtyRecord.Increment increment : work.increments()) {
                        underWay.clear();
                        underWay.add(increment.key());
                        increment(store, work.tier(), increment);
                    }
                }
                switchboard.change(state -> state.reconciliation.drained(drain.tier(), switchboard.now()));
            } catch (CacheUnavailableException e) {
                partlyDone(drain, e, underWay);
                boolean unknown = e.outcomeUnknown();
                switchboard.change(state -> state.reconciliation.drainFailed(
                        drain.tier(), e, unknown ? underWay : List.of(), switchboard.now()));
            } catch (RuntimeException e) {
                if (!switchboard.closed()) {
                    switchboard.change(
                            state -> state.reconciliation.drainFailed(drain.tier(), e, underWay, switchboard.now()));
                }
            }
        }

        private void partlyDone(Effect.Drain drain, CacheUnavailableException failure, List<String> underWay) {
            if (drain instanceof Effect.RemoveKeys work && !failure.failedKeys().isEmpty()) {
                underWay.retainAll(failure.failedKeys());
                List<DirtyRecord.Removal> done = work.keys().stream()
                        .filter(removal -> !failure.failedKeys().contains(removal.key()))
                        .toList();
                switchboard.change(state -> state.reconciliation.removed(work.tier(), done));
            }
        }

        private Extent removeEverything(CacheStore store) {
            try {
                store.removeByPrefix("");
                return Extent.ALL;
            } catch (IllegalArgumentException e) {
                log.debug("{} has no key prefix of its own", store, e);
                Collection<String> known = prefixes.get();
                known.forEach(store::removeByPrefix);
                return known.isEmpty() ? Extent.NOTHING : Extent.KNOWN;
            }
        }

        private void removePrefixes(CacheStore store, Effect.RemovePrefixes work) {
            for (DirtyRecord.Removal prefix : work.prefixes()) {
                Extent extent = Extent.ALL;
                if (prefix.key().isEmpty()) {
                    extent = removeEverything(store);
                } else {
                    store.removeByPrefix(prefix.key());
                }
                boolean done = extent == Extent.ALL;
                switchboard.change(state -> {
                    if (done) {
                        state.reconciliation.prefixRemoved(work.tier(), prefix);
                    } else {
                        state.reconciliation.prefixImpossible(work.tier(), prefix);
                    }
                });
            }
        }

        private void increment(CacheStore store, int tier, DirtyRecord.Increment increment) {
            long rest = increment.expiresAt() - switchboard.now();
            Duration left = Duration.ofNanos(Math.max(1_000_000, rest));
            Duration ttl = left.compareTo(FOR_EVER) > 0 ? CacheStore.FOREVER : left;
            try {
                OptionalLong sum = store.incrementOnce(increment.key(), increment.delta(), ttl, increment.onceId());
                if (sum.isEmpty()) {
                    // No marker there. What may have been applied is given up: lost is better than counted twice.
                    try {
                        store.increment(increment.key(), increment.delta(), ttl);
                    } catch (CacheUnavailableException e) {
                        if (e.outcomeUnknown()) {
                            switchboard.change(state -> state.reconciliation.incremented(tier, increment));
                        }
                        throw e;
                    }
                }
            } catch (CacheRejectedException e) {
                log.warn(
                        "tier {} refused what was added to counter {} meanwhile; it is dropped",
                        tiers.get(tier).name,
                        increment.key(),
                        e);
            }
            switchboard.change(state -> state.reconciliation.incremented(tier, increment));
        }
    }
}
