package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.IsolatedThreads;
import dev.holdfast.cache.Roll;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a composite does beside its callers: the ticker, and workers that probe, disconnect, reconcile and tell the listeners.
 * Whatever was decided is done in the end or reported as failed, for any {@link Throwable}, so that nothing stays under way;
 * and the ticker survives everything.
 */
class Background {
    /** Does nothing: before the real one is there. */
    static final Background NONE = new Background();

    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final long IDLE_PERIOD = TimeUnit.SECONDS.toNanos(1);
    /** While others have to hear of this client, and it of others. */
    private static final long ATTENTIVE_PERIOD = TimeUnit.MILLISECONDS.toNanos(200);

    /** So long a client that goes waits for the answer to what it is just saying: as long as that is given. */
    private static final long LAST_WORD = TimeUnit.SECONDS.toNanos(1);

    private static final long SAID_AGAIN = TimeUnit.MINUTES.toNanos(1);
    private static final String UNASKED = "what caches there are could not be found out";
    private static final int TICKS_TO_REST = 20;
    /** The application is started by then, as a rule, and nothing has failed yet. */
    private static final int TICKS_TO_REHEARSAL = 10;

    /** Works of one tier beside each other: a probe, a disconnection, a piece of what it missed, and as many that were given up. */
    private static final int MOST_AT_ONCE = 8;

    /** Does nothing. */
    void note(List<Effect> effects) {}

    /** Does nothing. */
    void perform(List<Effect> effects) {}

    /** The one that works. */
    static final class Running extends Background {
        private final Switchboard switchboard;
        private final List<Tier> tiers;
        private final Ticks ticks;
        private final Stalls stalls = new Stalls();
        private final Notifications notifications;
        private final Workers workers;
        private final Prober prober;
        private final Reconciler reconciler;
        private final Sweeps sweeps;
        private final Thread ticker;
        /** How many works of each tier have begun and not ended. */
        private final List<AtomicInteger> underWay;

        private final AtomicBoolean ending = new AtomicBoolean();
        private volatile boolean stopped;

        /** When the next tick is, and how many in a row had nothing to watch; of the ticker, as what is left until the rehearsal. */
        private long due;

        private int idle;
        private int ticksToRehearsal = TICKS_TO_REHEARSAL;
        /** When each thing was last said: a few sentences, and one for each tier. */
        private final Map<String, Long> said = new ConcurrentHashMap<>();

        /** Done when the rehearsal that began here has ended; {@code null} if none did. */
        private volatile @Nullable CompletableFuture<Void> rehearsal;

        Running(
                Switchboard switchboard,
                List<Tier> tiers,
                Ticks ticks,
                Notifications notifications,
                ToLongFunction<byte[]> made,
                String name) {
            this.switchboard = switchboard;
            this.tiers = tiers;
            this.ticks = ticks;
            this.notifications = notifications;
            this.underWay = tiers.stream().map(tier -> new AtomicInteger()).toList();
            this.workers = new Workers(name + "-worker");
            this.prober = new Prober(switchboard, tiers, stalls);
            this.reconciler = new Reconciler(switchboard, tiers, workers);
            this.sweeps = new Sweeps(tiers.get(0), made, switchboard.agreements()::floorOf, workers);
            this.ticker = IsolatedThreads.thread(this::run, name);
            ticks.wakes(ticker);
        }

        void start() {
            ticker.start();
        }

        void stop() {
            stopped = true;
            LockSupport.unpark(ticker);
            workers.stop();
            awaitRehearsal();
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

        /** Returns whether this is the first that hears of the end. */
        boolean beginsEnd() {
            return ending.compareAndSet(false, true);
        }

        /** Gives what tiers have missed a last chance, for so long, and says what of it is lost with this composite. */
        void settle(long nanos) {
            if (switchboard.decide(FailoverState::isClean)) {
                return;
            }
            long end = switchboard.now() + nanos;
            switchboard.change(state -> state.hurry(switchboard.now()));
            while (!switchboard.decide(FailoverState::hurried)
                    && switchboard.now() - end < 0
                    && !Thread.currentThread().isInterrupted()) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            }
            for (Tier tier : tiers) {
                String left = switchboard.decide(
                        state -> state.tiers.get(tier.index).dirty.summary());
                if (!left.isEmpty()) {
                    log.warn(
                            "closed while tier {} still had {} to catch up with: other clients may read old"
                                    + " values there until their time to live is over",
                            tier.name,
                            left);
                }
            }
        }

        Prober prober() {
            return prober;
        }

        Workers workers() {
            return workers;
        }

        // The ticker

        private void run() {
            due = switchboard.now() + Ticks.PERIOD;
            while (!stopped) {
                LockSupport.parkNanos(Math.max(1, due - switchboard.now()));
                try {
                    turn();
                } catch (Throwable e) {
                    warn("the failover watch failed and goes on", e);
                }
            }
        }

        private void turn() {
            long now = switchboard.now();
            if (idle < TICKS_TO_REST && now - due < 0) {
                return;
            }
            boolean stalled = stalls.ran(due, now);
            // Whatever is thrown now, the next turn comes after a pause.
            due = now + Ticks.PERIOD;
            if (--ticksToRehearsal == 0) {
                rehearse();
            }
            idle = tick(now, stalled) ? 0 : Math.min(idle + 1, TICKS_TO_REST);
            if (idle == TICKS_TO_REST) {
                ticks.rest();
                due = now + (switchboard.agreements().shortest() == null ? IDLE_PERIOD : ATTENTIVE_PERIOD);
            }
        }

        private void rehearse() {
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

        /** Returns whether there is something to watch. Survives whatever is thrown: the next tick may go better. */
        private boolean tick(long now, boolean stalled) {
            guarded("no memory could be had for the next period", switchboard::restock);
            guarded(UNASKED, switchboard::learnPrefixes);
            boolean busy = true;
            try {
                workers.retry();
                notifications.deliverOn(workers::submit);
                int tick = ticks.advance();
                List<Tier.Observation> observations = new ArrayList<>(tiers.size());
                for (Tier tier : tiers) {
                    observations.add(tier.observe(tick));
                }
                tiers.forEach(switchboard::enterOutage);
                busy = switchboard.decide(state -> decide(state, observations, stalled, now));
            } catch (Throwable e) {
                warn("the failover watch failed and goes on", e);
            }
            // Calls that are still under way in a memory that was replaced are made once more on the one in use.
            for (CacheStore retired : switchboard.takeRetired()) {
                guarded("a memory that was replaced could not be closed", retired::close);
            }
            return busy || workers.postponed() > 0;
        }

        private void guarded(String failing, Runnable foreign) {
            try {
                foreign.run();
            } catch (Throwable e) {
                warn(failing, e);
            }
        }

        private static boolean decide(FailoverState state, List<Tier.Observation> seen, boolean stalled, long now) {
            boolean busy = false;
            if (stalled) {
                state.stalled(now);
            }
            for (int i = 0; i < seen.size(); i++) {
                Tier.Observation tier = seen.get(i);
                FailureDetector detector = state.tiers.get(i).detector;
                detector.observed(tier.answers(), tier.slow(), tier.suspect(), now);
                if (tier.switched()) {
                    detector.switched(now);
                }
                if (tier.refusing()) {
                    detector.refuses(now);
                }
                busy |= tier.busy();
            }
            state.tick(now);
            return busy || !state.quiet(now);
        }

        // What was decided

        @Override
        void note(List<Effect> effects) {
            for (Effect effect : effects) {
                if (effect instanceof Effect.Notice notice) {
                    notifications.add(notice);
                }
            }
        }

        @Override
        void perform(List<Effect> effects) {
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
                warn("what was decided for a tier could not be begun", e);
            }
        }

        private void begin(Effect effect) {
            if (effect instanceof Effect.Work work) {
                workers.submit(() -> perform(work));
            } else if (effect instanceof Effect.Settled settled) {
                guarded("an outage could not be settled", settled.outage().settled());
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
                    sayThatNothingEnds(work);
                }
            } finally {
                running.decrementAndGet();
            }
        }

        private void sayThatNothingEnds(Effect.Work work) {
            String what = "the store of tier " + tiers.get(work.tier()).name + " has not ended " + MOST_AT_ONCE
                    + " probes or removals: nothing more is begun there until it ends one";
            warn(what, new IllegalStateException(what));
        }

        private Consumer<FailoverState> outcomeOf(Effect.Work work) {
            try {
                if (work instanceof Effect.Probe probe) {
                    return prober.probe(probe);
                }
                if (work instanceof Effect.Attend attend) {
                    return say(attend.saying());
                }
                return work instanceof Effect.Drain drain
                        ? reconciler.drain(drain)
                        : disconnect((Effect.Disconnect) work);
            } catch (Throwable e) {
                return state -> state.failed(work, e, switchboard.now());
            }
        }

        private Consumer<FailoverState> say(Attendance.Saying saying) {
            Roll roll = tiers.get(0).store().beat(saying.beat(), saying.timeout());
            return state -> state.attended(saying, roll, switchboard.now());
        }

        /**
         * Leaves the roll of those that share the first server, if it is known of this client that it owes nobody anything. What it is just saying is
         * waited for: by that it may come to be on the roll.
         */
        void leave() {
            long end = switchboard.now() + LAST_WORD;
            while (switchboard.decide(FailoverState::isSaying) && switchboard.now() - end < 0) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
                if (Thread.currentThread().isInterrupted()) {
                    break;
                }
            }
            Attendance.Saying saying = switchboard.decide(state -> state.leave(switchboard.now()));
            if (saying != null) {
                try {
                    tiers.get(0).store().beat(saying.beat(), saying.timeout());
                } catch (RuntimeException e) {
                    log.debug("the roll could not be left: others wait for this client until it is struck off", e);
                }
            }
        }

        private void report(Consumer<FailoverState> outcome) {
            guarded(UNASKED, switchboard::learnPrefixes);
            try {
                switchboard.change(outcome);
            } catch (Throwable e) {
                warn("what was done for a tier could not be entered, and is entered later", e);
                workers.postpone(() -> report(outcome));
            }
        }

        private Consumer<FailoverState> disconnect(Effect.Disconnect disconnect) {
            boolean complete = true;
            try {
                tiers.get(disconnect.tier()).store().disconnect(disconnect.cause());
            } catch (Throwable e) {
                complete = false;
                warn("tier " + tiers.get(disconnect.tier()).name + " could not be disconnected", e);
            }
            boolean reset = complete;
            return state -> {
                if (disconnect.fences()) {
                    state.fenced(disconnect, reset, switchboard.now());
                }
            };
        }

        /** Says each thing once a minute at most: what fails in every tick is the same twenty times a second. */
        private void warn(String what, Throwable e) {
            try {
                long now = switchboard.now();
                Long before = said.get(what);
                if (!stopped && (before == null || now - before > SAID_AGAIN)) {
                    said.put(what, now);
                    log.warn(what, e);
                }
            } catch (Throwable again) {
                // The log itself may be what failed. There is nowhere else to say it, and to keep it may fail too.
            }
        }
    }
}
