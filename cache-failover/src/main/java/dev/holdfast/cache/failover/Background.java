package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.Roll;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a composite does beside its callers, on workers that probe, disconnect, reconcile and tell the listeners. Whatever was
 * decided is done in the end or reported as failed, for any {@link Throwable}, so that nothing stays under way.
 */
final class Background implements Performer {
    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);

    /** Works of one tier beside each other: a probe, a disconnection, a piece of what it missed, and as many that were given up. */
    private static final int MOST_AT_ONCE = 8;

    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Stalls stalls = new Stalls();
    private final Warnings warnings;
    private final Notifications notifications;
    private final Workers workers;
    private final Prober prober;
    private final Reconciler reconciler;
    private final Sweeps sweeps;
    /** How many works of each tier have begun and not ended. */
    private final List<AtomicInteger> underWay;
    /** Done when the rehearsal that began here has ended; {@code null} if none did. */
    private volatile @Nullable CompletableFuture<Void> rehearsal;

    Background(
            Switchboard switchboard,
            List<Tier> tiers,
            Notifications notifications,
            ToLongFunction<byte[]> made,
            String name) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.warnings = new Warnings(switchboard::now);
        this.notifications = notifications;
        this.underWay = tiers.stream().map(tier -> new AtomicInteger()).toList();
        this.workers = new Workers(name + "-worker");
        this.prober = new Prober(switchboard, tiers, stalls);
        this.reconciler = new Reconciler(switchboard, tiers, workers);
        this.sweeps = new Sweeps(tiers.get(0), made, switchboard.agreements()::floorOf, workers);
    }

    Prober prober() {
        return prober;
    }

    Workers workers() {
        return workers;
    }

    Stalls stalls() {
        return stalls;
    }

    Warnings warnings() {
        return warnings;
    }

    void stop() {
        warnings.stop();
        workers.stop();
        awaitRehearsal();
    }

    /** Plays an outage, unless that was done in this process. */
    void rehearse() {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        rehearsal = ended;
        workers.submit(() -> {
            try {
                Rehearsal.once();
            } finally {
                ended.complete(null);
            }
        });
    }

    /** It was interrupted; if it went on, a container might take its classes away meanwhile. */
    private void awaitRehearsal() {
        CompletableFuture<Void> playing = rehearsal;
        if (playing != null) {
            try {
                playing.get(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException | TimeoutException e) {
                log.debug("the rehearsal of an outage goes on after its composite has ended", e);
            }
        }
    }

    /** Has done what no thread could be had for, and told what waits. */
    void retry() {
        workers.retry();
        notifications.deliverOn(workers::submit);
    }

    @Override
    public void note(List<Effect> effects) {
        for (Effect effect : effects) {
            if (effect instanceof Effect.Notice notice) {
                notifications.add(notice);
            }
        }
    }

    @Override
    public void perform(List<Effect> effects) {
        for (Effect effect : effects) {
            try {
                begin(effect);
            } catch (Throwable e) {
                postpone(effect);
            }
        }
    }

    /** Keeps what could not be begun. If even that fails, its tier gives it up when its time is over. */
    private void postpone(Effect effect) {
        try {
            workers.postpone(() -> begin(effect));
        } catch (Throwable e) {
            warnings.warn("what was decided for a tier could not be begun", e);
        }
    }

    private void begin(Effect effect) {
        if (effect instanceof Effect.Work work) {
            workers.submit(() -> perform(work));
        } else if (effect instanceof Effect.Settled settled) {
            warnings.guarded("an outage could not be settled", settled.outage().settled());
        } else if (effect instanceof Effect.Sweep sweep) {
            sweeps.begin(sweep.prefix(), sweep.floor());
        } else {
            notifications.deliverOn(workers::submit);
        }
    }

    /** Does work in stores and reports what came of it: what was under way for it ends here, whatever is thrown. */
    private void perform(Effect.Work work) {
        AtomicInteger running = underWay.get(work.tier());
        try {
            // A store that ends nothing does not get one thread after another, but for what may end them.
            boolean may = running.incrementAndGet() <= MOST_AT_ONCE || work instanceof Effect.Disconnect;
            if (may) {
                report(outcomeOf(work));
            } else {
                // Its tier gives it up when its time is over, which says nothing of the server.
                String what = "the store of tier " + tiers.get(work.tier()).name + " has not ended " + MOST_AT_ONCE
                        + " probes or removals: nothing more is begun there until it ends one";
                warnings.warn(what, new IllegalStateException(what));
            }
        } finally {
            running.decrementAndGet();
        }
    }

    private Consumer<FailoverState> outcomeOf(Effect.Work work) {
        try {
            if (work instanceof Effect.Probe probe) {
                return prober.probe(probe);
            }
            if (work instanceof Effect.Attend attend) {
                return say(attend.saying());
            }
            return work instanceof Effect.Drain drain ? reconciler.drain(drain) : disconnect((Effect.Disconnect) work);
        } catch (Throwable e) {
            return state -> state.failed(work, e, switchboard.now());
        }
    }

    private Consumer<FailoverState> say(Attendance.Saying saying) {
        Roll roll = tiers.get(0).store().beat(saying.beat(), saying.timeout());
        return state -> state.attended(saying, roll, switchboard.now());
    }

    private void report(Consumer<FailoverState> outcome) {
        warnings.guarded(Warnings.UNASKED, switchboard::learnPrefixes);
        try {
            switchboard.change(outcome);
        } catch (Throwable e) {
            warnings.warn("what was done for a tier could not be entered, and is entered later", e);
            workers.postpone(() -> report(outcome));
        }
    }

    private Consumer<FailoverState> disconnect(Effect.Disconnect disconnect) {
        boolean complete = true;
        try {
            tiers.get(disconnect.tier()).store().disconnect(disconnect.cause());
        } catch (Throwable e) {
            complete = false;
            warnings.warn("tier " + tiers.get(disconnect.tier()).name + " could not be disconnected", e);
        }
        boolean reset = complete;
        return state -> {
            if (disconnect.fences()) {
                state.fenced(disconnect, reset, switchboard.now());
            }
        };
    }
}
