package dev.holdfast.cache.failover;

import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.spi.CacheStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Looks what calls did, and has decided what is due, every {@link Ticks#PERIOD} while there is something to watch. Survives everything. */
final class Ticker {
    private static final long IDLE_PERIOD = TimeUnit.SECONDS.toNanos(1);
    /** While others have to hear of this client, and it of others. */
    private static final long ATTENTIVE_PERIOD = TimeUnit.MILLISECONDS.toNanos(200);

    private static final int TICKS_TO_REST = 20;
    /** The application is started by then, as a rule, and nothing has failed yet. */
    private static final int TICKS_TO_REHEARSAL = 10;

    private final Switchboard switchboard;
    private final List<Tier> tiers;
    private final Ticks ticks;
    private final Background background;
    private final Warnings warnings;
    private final Thread thread;
    private volatile boolean stopped;

    /** When the next tick is, and how many in a row had nothing to watch; of the thread, as what is left until the rehearsal. */
    private long due;

    private int idle;
    private int ticksToRehearsal = TICKS_TO_REHEARSAL;

    Ticker(Switchboard switchboard, List<Tier> tiers, Ticks ticks, Background background, String name) {
        this.switchboard = switchboard;
        this.tiers = tiers;
        this.ticks = ticks;
        this.background = background;
        this.warnings = background.warnings();
        this.thread = IsolatedThreads.thread(this::run, name);
        ticks.wakes(thread);
    }

    void start() {
        thread.start();
    }

    void stop() {
        stopped = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        due = switchboard.now() + Ticks.PERIOD;
        while (!stopped) {
            LockSupport.parkNanos(Math.max(1, due - switchboard.now()));
            warnings.guarded("the failover watch failed and goes on", this::turn);
        }
    }

    private void turn() {
        long now = switchboard.now();
        if (idle < TICKS_TO_REST && now - due < 0) {
            return;
        }
        boolean stalled = background.stalls().ran(due, now);
        // Whatever is thrown now, the next turn comes after a pause.
        due = now + Ticks.PERIOD;
        if (--ticksToRehearsal == 0) {
            background.rehearse();
        }
        idle = tick(now, stalled) ? 0 : Math.min(idle + 1, TICKS_TO_REST);
        if (idle == TICKS_TO_REST) {
            ticks.rest();
            due = now + (switchboard.agreements().shortest() == null ? IDLE_PERIOD : ATTENTIVE_PERIOD);
        }
    }

    /** Returns whether there is something to watch. Survives whatever is thrown: the next tick may go better. */
    private boolean tick(long now, boolean stalled) {
        warnings.guarded("no memory could be had for the next period", switchboard::restock);
        warnings.guarded(Warnings.UNASKED, switchboard::learnPrefixes);
        boolean busy = true;
        try {
            background.retry();
            int tick = ticks.advance();
            List<Tier.Observation> observations = new ArrayList<>(tiers.size());
            for (Tier tier : tiers) {
                observations.add(tier.observe(tick));
            }
            tiers.forEach(switchboard::enterOutage);
            busy = switchboard.decide(state -> decide(state, observations, stalled, now));
        } catch (Throwable e) {
            warnings.warn("the failover watch failed and goes on", e);
        }
        // Calls that are still under way in a memory that was replaced are made once more on the one in use.
        for (CacheStore retired : switchboard.takeRetired()) {
            warnings.guarded("a memory that was replaced could not be closed", retired::close);
        }
        return busy || background.workers().postponed() > 0;
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
        return busy || !state.quiet();
    }
}
