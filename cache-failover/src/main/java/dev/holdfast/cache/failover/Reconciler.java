package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does on a tier what it has missed, one piece at a time. Blocks for as long as that takes. */
final class Reconciler {
    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final Duration FOR_EVER = Duration.ofDays(365 * 50);

    private final Switchboard switchboard;
    /** So many counters are added to at a time. */
    private static final int LANES = 8;

    private static final int MOST_BEGUN = 1_000;

    private final List<Tier> tiers;
    private final Workers workers;
    /** When removals by prefix were begun that are not done, by tier, version of the mark, and prefix. */
    private final Map<String, Long> begun = new ConcurrentHashMap<>();

    Reconciler(Switchboard switchboard, List<Tier> tiers, Workers workers) {
        this.workers = workers;
        this.switchboard = switchboard;
        this.tiers = tiers;
    }

    /** Does one piece, enters each part of it that is done, and returns what is to be entered at its end. */
    Consumer<FailoverState> drain(Effect.Drain drain) {
        CacheStore store = tiers.get(drain.tier()).store();
        List<String> underWay = new ArrayList<>();
        try {
            if (drain instanceof Effect.RemoveEverything all) {
                Reconciliation.Extent extent = removeEverything(store, all.tier(), all.version());
                enter(all.tier(), reconciliation -> reconciliation.everythingRemoved(all, extent));
            } else if (drain instanceof Effect.RemovePrefixes work) {
                removePrefixes(store, work);
            } else if (drain instanceof Effect.RemoveKeys work) {
                removeKeys(store, work, underWay);
            } else if (drain instanceof Effect.Increments work) {
                increments(store, work, underWay);
            }
            return state -> state.tiers.get(drain.tier()).reconciliation.drained(switchboard.now());
        } catch (Throwable e) {
            return failed(drain, e, underWay);
        }
    }

    /** Batch by batch; {@code underWay} are the keys of the one that is. */
    private void removeKeys(CacheStore store, Effect.RemoveKeys work, List<String> underWay) {
        List<String> keys = work.keys().stream().map(DirtyRecord.Removal::key).toList();
        Cleaning cleaning = switchboard.cleaning();
        for (Cleaning.Batch batch : cleaning.batches(keys)) {
            underWay.clear();
            underWay.addAll(batch.keys());
            cleaning.remove(store, batch);
            removed(work, Set.copyOf(batch.keys()));
        }
    }

    private void removed(Effect.RemoveKeys work, Set<String> keys) {
        List<DirtyRecord.Removal> done = work.keys().stream()
                .filter(removal -> keys.contains(removal.key()))
                .toList();
        enter(work.tier(), reconciliation -> reconciliation.removed(done, switchboard.now()));
    }

    private void enter(int tier, Consumer<Reconciliation> what) {
        switchboard.change(state -> what.accept(state.tiers.get(tier).reconciliation));
    }

    private Consumer<FailoverState> failed(Effect.Drain drain, Throwable e, List<String> underWay) {
        if (switchboard.closed()) {
            return state -> {};
        }
        boolean unknown = true;
        if (e instanceof CacheUnavailableException failure) {
            partlyDone(drain, failure, underWay);
            unknown = failure.outcomeUnknown();
        }
        List<String> unsettled = unknown ? underWay : List.of();
        return state -> state.tiers.get(drain.tier()).reconciliation.drainFailed(e, unsettled, switchboard.now());
    }

    private void partlyDone(Effect.Drain drain, CacheUnavailableException failure, List<String> underWay) {
        if (drain instanceof Effect.RemoveKeys work && !failure.failedKeys().isEmpty()) {
            Set<String> done = new HashSet<>(underWay);
            done.removeAll(failure.failedKeys());
            underWay.removeAll(done);
            removed(work, done);
        }
    }

    private Reconciliation.Extent removeEverything(CacheStore store, int tier, int version) {
        try {
            remove(store, tier, "", version);
            return Reconciliation.Extent.ALL;
        } catch (IllegalArgumentException e) {
            log.debug("{} has no key prefix of its own", store, e);
            Set<String> known = switchboard.prefixes();
            for (String prefix : known) {
                remove(store, tier, prefix, version);
                enter(tier, reconciliation -> reconciliation.getsOn(switchboard.now()));
            }
            return known.isEmpty() ? Reconciliation.Extent.NOTHING : Reconciliation.Extent.KNOWN;
        }
    }

    /** Removes by prefix, or goes on with what was begun for the same mark: nothing of this client's comes there meanwhile. */
    private void remove(CacheStore store, int tier, String prefix, int version) {
        String name = tier + ":" + version + ":" + prefix;
        if (begun.size() > MOST_BEGUN) {
            // Those of marks that are gone; others begin once more.
            begun.clear();
        }
        Long first = begun.putIfAbsent(name, System.nanoTime());
        if (first == null) {
            store.removeByPrefix(prefix);
        } else {
            store.resumeRemovalByPrefix(prefix, first);
        }
        begun.remove(name);
    }

    private void removePrefixes(CacheStore store, Effect.RemovePrefixes work) {
        for (DirtyRecord.Removal prefix : work.prefixes()) {
            Reconciliation.Extent extent = Reconciliation.Extent.ALL;
            if (prefix.key().isEmpty()) {
                extent = removeEverything(store, work.tier(), prefix.version());
            } else {
                remove(store, work.tier(), prefix.key(), prefix.version());
            }
            boolean done = extent == Reconciliation.Extent.ALL;
            enter(work.tier(), reconciliation -> {
                if (done) {
                    reconciliation.prefixRemoved(prefix, switchboard.now());
                } else {
                    reconciliation.prefixImpossible(prefix);
                }
            });
        }
    }

    /** Adds to counters, some at a time: each waits for its answer, and there may be as many as there are callers. */
    private void increments(CacheStore store, Effect.Increments work, List<String> underWay) {
        Queue<DirtyEntry.Increment> todo = new ConcurrentLinkedQueue<>(work.increments());
        Queue<String> failed = new ConcurrentLinkedQueue<>();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Phaser busy = new Phaser(1);
        Runnable pipeline = () -> {
            for (DirtyEntry.Increment next = todo.poll(); next != null; next = todo.poll()) {
                try {
                    increment(store, work.tier(), next);
                } catch (Throwable e) {
                    failed.add(next.key());
                    failure.compareAndSet(null, e);
                    if (!isPartial(e)) {
                        todo.clear();
                    }
                }
            }
        };
        for (int i = 1; i < Math.min(LANES, work.increments().size()); i++) {
            // One that gets no thread, or too late, finds nothing to do.
            workers.submit(() -> {
                if (todo.isEmpty() || busy.register() < 0) {
                    return;
                }
                try {
                    pipeline.run();
                } finally {
                    busy.arriveAndDeregister();
                }
            });
        }
        pipeline.run();
        busy.arriveAndAwaitAdvance();
        underWay.addAll(failed);
        rethrow(failure.get());
    }

    /** Whether only a part of the tier is out, so that others can be added to. */
    private static boolean isPartial(Throwable e) {
        return e instanceof CacheUnavailableException failure && failure.reason() == Reason.PARTIAL;
    }

    private static void rethrow(@Nullable Throwable failure) {
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    private void increment(CacheStore store, int tier, DirtyEntry.Increment increment) {
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
                        enter(tier, reconciliation -> reconciliation.incremented(increment, switchboard.now()));
                    }
                    throw e;
                }
            }
        } catch (CacheRejectedException e) {
            log.warn(
                    "tier {} refused what was added to counter {} meanwhile; it is dropped",
                    tiers.get(tier).name,
                    ForeignText.shown(increment.key()),
                    e);
        }
        enter(tier, reconciliation -> reconciliation.incremented(increment, switchboard.now()));
    }
}
