package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Two servers and a memory with a clock of its own: does what is decided at once, and says what was done. */
final class FakeWatch {
    private static final long STEP = Ticks.PERIOD;

    final Tiers tiers;
    final FailoverState state;
    final List<String> done = new ArrayList<>();
    long now = Duration.ofSeconds(1).toNanos();
    /** What the first server's probes say; null if nothing. */
    ProbeResult answer = ProbeResult.OK;

    boolean answers = true;
    /** Whether the first server's probes end at all. */
    boolean probesEnd = true;
    /** Whether disconnections end at all. */
    boolean disconnectsEnd = true;
    /** Whether pieces of what was missed end at all. */
    boolean drainsEnd = true;
    /** How long a probe of the first server takes that gets no answer; it is on time. */
    Duration noAnswerAfter = Duration.ZERO;

    private long answered;
    private final Deque<Runnable> due = new ArrayDeque<>();
    private final Deque<Long> dueAt = new ArrayDeque<>();
    /** Keys on a part of a server that is out. */
    Set<String> part = Set.of();
    /** What comes of removing everything. */
    Reconciliation.Extent extent = Reconciliation.Extent.ALL;

    FakeWatch(FailoverConfig config) {
        this(config, Attendance.of("fake", new Agreements(Clock.systemUTC(), System::nanoTime)));
    }

    /** The same with what this client's caches may believe. */
    FakeWatch(FailoverConfig config, Attendance attendance) {
        List<TierState.Traits> traits =
                List.of(Decisions.server("first"), Decisions.server("second"), Decisions.memory());
        tiers = new Tiers(config, traits, new SplittableRandom(1), attendance);
        state = new FailoverState(new DirtyKeys(tiers));
    }

    TierState first() {
        return tiers.get(0);
    }

    void pass(Duration time) {
        for (long end = now + time.toNanos(); now < end; ) {
            step();
        }
    }

    private void step() {
        now += STEP;
        arrive();
        state.tick(now);
        work();
    }

    /** Lets the first tier fail, calls and probe, so that it is open. */
    void lose() {
        answers = false;
        fail(state.config.maxFailures());
        pass(Duration.ofMillis(100));
        answers = true;
        if (first().closed()) {
            throw new AssertionError("the first tier is not lost: " + done);
        }
    }

    /** Calls of the first tier fail, one after the other, without one that is answered in between. */
    void fail(int calls) {
        for (int i = 0; i < calls; i++) {
            state.tiers
                    .get(0)
                    .detector
                    .failed(new CacheUnavailableException("gone", null, Reason.CONNECTION, false), answered, now);
            work();
        }
    }

    /** Calls of the first tier are answered, some of them slowly. */
    void answer(long calls, long slow) {
        answered += calls;
        state.tiers.get(0).detector.observed(calls, slow, false, now);
        work();
    }

    /** For so long a call hangs there, as every tick sees. */
    void hang(Duration time) {
        for (long end = now + time.toNanos(); now < end; ) {
            now += STEP;
            arrive();
            state.tiers.get(0).detector.observed(0, 0, true, now);
            state.tick(now);
            work();
        }
    }

    /** Returns how long it takes until the first tier serves. */
    Duration awaitFirst() {
        long begin = now;
        while (state.tiers.serving() != 0) {
            if (now - begin > Duration.ofHours(1).toNanos()) {
                throw new AssertionError("the first tier does not come back: " + done);
            }
            step();
        }
        return Duration.ofNanos(now - begin);
    }

    /** A key is changed on the tier that serves. */
    void change(String key) {
        Attempt attempt = state.routing.admit(
                Kind.WRITE, List.of(key), 0, 0, 0, Duration.ofSeconds(10).toNanos(), now);
        if (attempt == null) {
            throw new AssertionError("no tier is left");
        }
        state.keys.markBelow(attempt, Kind.WRITE, now);
    }

    private void arrive() {
        while (!dueAt.isEmpty() && dueAt.peek() <= now) {
            dueAt.remove();
            due.remove().run();
        }
    }

    void work() {
        for (List<Effect> effects = state.takeEffects(); !effects.isEmpty(); effects = state.takeEffects()) {
            effects.forEach(this::perform);
        }
    }

    private void perform(Effect effect) {
        if (effect instanceof Effect.Probe probe) {
            done.add("probe " + probe.tier());
            if (probe.tier() != 0 || answers) {
                state.tiers
                        .get(probe.tier())
                        .detector
                        .probed(probe.startedAt(), probe.tier() == 0 ? answer : ProbeResult.OK, now);
            } else if (probesEnd) {
                dueAt.add(now + noAnswerAfter.toNanos());
                due.add(() -> state.tiers
                        .get(0)
                        .detector
                        .probeFailed(probe.startedAt(), new CacheTimeoutException("no answer", null, true), true, now));
                arrive();
            }
        } else if (effect instanceof Effect.Disconnect disconnect) {
            if (disconnect.fences() && disconnectsEnd) {
                state.fenced(disconnect, true, now);
            }
        } else if (effect instanceof Effect.RemoveKeys work
                && work.keys().stream().anyMatch(key -> part.contains(key.key()))) {
            CacheUnavailableException why = new CacheUnavailableException("a part is out", null, Reason.PARTIAL, false);
            state.tiers.get(work.tier()).reconciliation.drainFailed(why, List.of(), now);
        } else if (effect instanceof Effect.Drain && !drainsEnd) {
            done.add("drain");
        } else if (effect instanceof Effect.Drain drain) {
            drain(drain);
            state.tiers.get(drain.tier()).reconciliation.drained(now);
        } else if (effect instanceof Effect.Opened opened) {
            done.add("opened " + opened.tier() + ' ' + opened.reason());
        } else if (effect instanceof Effect.Closed closed) {
            done.add("closed " + closed.tier());
        } else if (effect instanceof Effect.Remark remark) {
            done.add("remark " + remark.note());
        }
    }

    private void drain(Effect.Drain drain) {
        if (drain instanceof Effect.RemoveEverything all) {
            done.add("remove everything " + extent);
            state.tiers.get(all.tier()).reconciliation.everythingRemoved(all, extent);
        } else if (drain instanceof Effect.RemovePrefixes work) {
            for (DirtyRecord.Removal prefix : work.prefixes()) {
                done.add("remove under " + prefix.key());
                if (prefix.key().isEmpty() && extent != Reconciliation.Extent.ALL) {
                    state.tiers.get(work.tier()).reconciliation.prefixImpossible(prefix);
                } else {
                    state.tiers.get(work.tier()).reconciliation.prefixRemoved(prefix, now);
                }
            }
        } else if (drain instanceof Effect.RemoveKeys work) {
            work.keys().forEach(key -> done.add("remove " + key.key()));
            state.tiers.get(work.tier()).reconciliation.removed(work.keys(), now);
        }
    }

    long count(String what) {
        return done.stream().filter(each -> each.startsWith(what)).count();
    }
}
