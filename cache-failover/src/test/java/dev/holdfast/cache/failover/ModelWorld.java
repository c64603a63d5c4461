package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One random history: several callers, servers that fail in every way they can, and a scheduler that runs one small step of
 * somebody's after the other. Everything follows from the seed. The decisions are the real ones.
 */
final class ModelWorld {
    /** What a planted bug changes outside of the decisions. */
    enum Outside {
        NO_FENCE,
        MEMORY_EMPTIED,
        MARKERS_SKIPPED,
        CANARY_IGNORED,
        PROBE_ON_ANY_CONNECTION,
        STALLS_UNNOTICED
    }

    /** The key whose requests a server or something before it may not like. */
    static final String POISON = "c:k0";

    /** A server that was well for so long is not taken for dead: reports of what was before may be as late as callers stall. */
    private static final long WELL = TimeUnit.SECONDS.toNanos(60);

    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long FOREVER = TimeUnit.DAYS.toNanos(30_000);
    private static final int CALLERS = 3;
    /** What arrives later than this is not promised. */
    private static final long LATEST = 29 * SECOND;

    final long seed;
    final SplittableRandom random;
    final Set<Outside> outside;
    final FailoverConfig config;
    final Tiers tiers;
    final FailoverState state;
    final List<ModelServer> servers = new ArrayList<>();
    final List<ModelCaller> callers = new ArrayList<>();
    final ModelHistory history;
    final Deque<String> trace = new ArrayDeque<>();
    private final Deque<Effect> effects = new ArrayDeque<>();
    private final List<Runnable> background = new ArrayList<>();
    long now = SECOND;
    long step;
    boolean calm;
    boolean countersVoid;
    boolean tracing;
    private int memoryGeneration;
    private long stalledSince;
    private long stalledUntil;
    private ModelRoute route;

    /** The fast path's view of things, as {@link Route}. */
    record ModelRoute(int serving, ModelServer store, boolean reads, boolean writes, long stamp) {}

    /** Makes the decisions; a planted bug makes others. */
    interface Rules {
        FailoverState create(Tiers tiers);
    }

    ModelWorld(long seed, Rules rules, Set<Outside> outside) {
        this.seed = seed;
        this.random = new SplittableRandom(seed);
        this.outside = outside;
        this.history = new ModelHistory(this);
        this.config = FailoverConfig.DEFAULT
                .withGracePeriod(Duration.ofMillis(random.nextInt(3) * 400L))
                .withProbes(1 + random.nextInt(2))
                .withHealthCheckInterval(Duration.ofSeconds(5))
                .withMaxDirtyKeys(random.nextInt(4) == 0 ? 3 : 1_000);
        List<TierState.Traits> traits = new ArrayList<>();
        int remotes = 1 + random.nextInt(5) / 2;
        for (int i = 0; i <= remotes; i++) {
            boolean remote = i < remotes;
            boolean buffered = remote && random.nextInt(6) == 0;
            TierPolicy policy = TierPolicy.DEFAULT.withBuffered(buffered);
            traits.add(new TierState.Traits("t" + i, remote, policy, 0));
            servers.add(new ModelServer(remote, buffered));
        }
        this.tiers = Decisions.tiers(config, traits, random, "model");
        this.state = rules.create(tiers);
        state.known(Set.of("c:"));
        this.route = currentRoute();
        for (int i = 0; i < CALLERS; i++) {
            callers.add(new ModelCaller(this, i));
        }
    }

    void note(String what) {
        trace.add(step + "@" + now / MILLI + ' ' + what);
        if (trace.size() > 400) {
            trace.poll();
        }
    }

    boolean chance(int oneIn) {
        return !calm && random.nextInt(oneIn) == 0;
    }

    ModelServer server(int tier) {
        return servers.get(tier);
    }

    ModelServer memory() {
        return servers.get(servers.size() - 1);
    }

    ModelRoute route() {
        return route;
    }

    private ModelRoute currentRoute() {
        int serving = state.tiers.serving();
        boolean reads = state.readsAreClean();
        boolean writes = reads && state.writesAreClean(now);
        return new ModelRoute(
                serving,
                serving == FailoverState.NONE ? servers.get(0) : servers.get(serving),
                reads,
                writes,
                tiers.get(Math.max(0, serving)).stamp());
    }

    /** Ends a change of the state, as {@link Switchboard} does. */
    void decided() {
        if (state.memory.generation() != memoryGeneration) {
            memoryGeneration = state.memory.generation();
            if (outside.contains(Outside.MEMORY_EMPTIED)) {
                if (state.tiers.serving() == servers.size() - 1) {
                    memory().data.clear();
                }
            } else {
                ModelServer fresh = new ModelServer(false, false);
                fresh.now = now;
                servers.set(servers.size() - 1, fresh);
            }
        }
        ModelRoute next = currentRoute();
        if (next.serving() != route.serving()
                || next.store() != route.store()
                || next.reads() != route.reads()
                || next.writes() != route.writes()
                || next.stamp() != route.stamp()) {
            route = next;
        }
        // What other clients are told is another model's: AgreementWorld.
        state.takeEffects().stream()
                .filter(effect -> !(effect instanceof Effect.Attend))
                .forEach(effects::add);
    }

    /** Runs one history; if it fails, once more with a trace of what happened. */
    static void check(long seed, int steps, Rules rules, Set<Outside> outside, boolean traced) {
        try {
            new ModelWorld(seed, rules, outside).run(steps);
        } catch (AssertionError e) {
            if (!traced) {
                throw e;
            }
            ModelWorld again = new ModelWorld(seed, rules, outside);
            again.tracing = true;
            again.run(steps);
            throw e;
        }
    }

    /** Runs one history: trouble first, then peace, then the reckoning. */
    void run(int steps) {
        for (int i = 0; i < steps; i++) {
            oneStep();
        }
        calm = true;
        for (ModelServer server : servers) {
            server.up = true;
            server.frozen = false;
            server.shardOut = false;
            server.refuses = false;
            server.silent = 0;
            server.poisoned = false;
        }
        if (tracing) {
            note("calm");
        }
        for (int i = 0; i < 20_000 && !settled(); i++) {
            oneStep();
        }
        if (!settled()) {
            throw new AssertionError("never came to rest: " + describe());
        }
        history.reckon();
    }

    private boolean settled() {
        if (!effects.isEmpty() || !background.isEmpty() || state.tiers.serving() != 0) {
            return false;
        }
        for (ModelCaller caller : callers) {
            if (!caller.idle()) {
                return false;
            }
        }
        for (TierState tier : tiers) {
            if (!tier.closed() || !tier.dirty.isEmpty()) {
                return false;
            }
        }
        return true;
    }

    private void oneStep() {
        step++;
        int dice = random.nextInt(100);
        if (dice < 50) {
            callers.get(random.nextInt(CALLERS)).step();
        } else if (dice < 70) {
            if (!effects.isEmpty()) {
                perform(take());
            } else if (!background.isEmpty()) {
                background.remove(random.nextInt(background.size())).run();
            }
        } else if (dice < 80) {
            if (!background.isEmpty()) {
                background.remove(random.nextInt(background.size())).run();
            }
        } else if (dice < 90) {
            letWorkersRun();
            pass((1 + random.nextInt(calm || random.nextInt(8) == 0 ? 3_000 : 150)) * MILLI);
        } else if (dice < 94) {
            arriveLate();
        } else if (!calm) {
            trouble();
        }
    }

    /** Workers are late, and not for ever: a thread gets its share within seconds. */
    private void letWorkersRun() {
        boolean starved = false;
        for (TierState tier : tiers) {
            starved |= tier.probes.isUnderWay() && now - tier.probes.sentAt() > 5 * SECOND;
        }
        for (int i = 0; starved && i < 100 && !(effects.isEmpty() && background.isEmpty()); i++) {
            if (effects.isEmpty()) {
                background.remove(0).run();
            } else {
                perform(take());
            }
        }
    }

    /** Threads perform effects in any order; those of one tier keep theirs. */
    private Effect take() {
        return effects.remove();
    }

    private void pass(long nanos) {
        now += nanos;
        for (ModelServer server : servers) {
            server.now = now;
            if (server.ill()) {
                server.illAt = now;
            }
            server.late.removeIf(each -> {
                if (each.latest() - now <= 0) {
                    if (random.nextBoolean()) {
                        each.command().accept(server);
                    }
                    return true;
                }
                return false;
            });
        }
        for (ModelCaller caller : callers) {
            caller.timePassed(nanos);
        }
        for (TierState tier : tiers) {
            boolean suspect = callers.stream().anyMatch(caller -> caller.hangsAt(tier.index));
            ModelServer server = server(tier.index);
            state.tiers.get(tier.index).detector.observed(server.answered - server.answersSeen, 0, suspect, now);
            server.answersSeen = server.answered;
        }
        state.tick(now);
        decided();
    }

    private void arriveLate() {
        ModelServer server = servers.get(random.nextInt(servers.size()));
        if (server.up && !server.frozen && !server.late.isEmpty()) {
            if (tracing) {
                note("late command arrives");
            }
            server.late.remove(random.nextInt(server.late.size())).command().accept(server);
        }
    }

    private void trouble() {
        int index = random.nextInt(servers.size() - 1);
        ModelServer server = servers.get(index);
        strike(index, server);
        if (server.ill()) {
            server.illAt = now;
        }
    }

    private void strike(int index, ModelServer server) {
        if (server.ill()) {
            server.illAt = now;
        }
        // What is between a client and its server fails less often than the server.
        switch (random.nextInt(8) == 0 ? 10 + random.nextInt(4) : random.nextInt(10)) {
            case 0, 1 -> {
                if (server.up) {
                    if (tracing) {
                        note("kill " + index);
                    }
                    server.up = false;
                    server.frozen = false;
                    if (!server.buffered) {
                        server.late.clear();
                    }
                }
            }
            case 2, 3, 4 -> {
                if (!server.up) {
                    // That a server died and came back in its past before any call or probe noticed is not promised
                    // against.
                    boolean past =
                            random.nextInt(4) == 0 && tiers.get(index).circuit.mode() == TierHealth.State.OPEN;
                    if (tracing) {
                        note("restart " + index + (past ? " in its past" : ""));
                    }
                    server.up = true;
                    if (past) {
                        server.goBack();
                        countersVoid = true;
                    }
                }
            }
            case 5 -> {
                if (server.up) {
                    if (tracing) {
                        note("freeze " + index);
                    }
                    server.frozen = true;
                }
            }
            case 6, 7 -> {
                if (server.frozen) {
                    if (tracing) {
                        note("thaw " + index);
                    }
                    server.frozen = false;
                }
            }
            case 8 -> server.save();
            case 10 -> server.refuses = !server.refuses;
            case 11 -> server.silent += 1 + random.nextInt(8);
            case 12 -> server.poisoned = !server.poisoned;
            case 13 -> stall();
            default -> {
                server.shardOut = !server.shardOut;
                if (tracing) {
                    note("shard " + server.shardOut + ' ' + index);
                }
            }
        }
    }

    /** This process stands still, with everybody in it, while the servers go on. */
    private void stall() {
        long before = now;
        if (tracing) {
            note("stall");
        }
        pass((500 + random.nextInt(3_000)) * MILLI);
        stalledSince = before;
        stalledUntil = now;
        state.stalled(now);
    }

    /** A verdict about a server takes evidence about the server. */
    private void justified(Effect.Opened opened) {
        ModelServer server = server(opened.tier());
        if (!server.ill() && now - server.illAt > WELL) {
            throw new AssertionError("a healthy server was taken for dead: " + opened + "; " + describe());
        }
    }

    // What was decided

    private void perform(Effect effect) {
        if (effect instanceof Effect.Opened opened) {
            justified(opened);
        }
        if (effect instanceof Effect.Disconnect disconnect) {
            disconnect(disconnect);
        } else if (effect instanceof Effect.Probe probe) {
            background.add(() -> probe(probe));
        } else if (effect instanceof Effect.Drain drain) {
            background.add(() -> drain(drain, 0));
        } else if (effect instanceof Effect.Opened || effect instanceof Effect.Closed) {
            if (tracing) {
                note(effect.toString());
            }
        }
    }

    private void disconnect(Effect.Disconnect disconnect) {
        ModelServer server = server(disconnect.tier());
        if (tracing) {
            note("disconnect " + disconnect.tier());
        }
        if (!outside.contains(Outside.NO_FENCE)) {
            if (!server.buffered) {
                server.late.clear();
            }
            callers.forEach(caller -> caller.disconnected(disconnect.tier()));
        }
        if (disconnect.fences()) {
            background.add(() -> {
                state.fenced(disconnect, true, now);
                decided();
            });
        }
    }

    private void probe(Effect.Probe probe) {
        ModelServer server = server(probe.tier());
        // A connection that is dead is no news of the server: a fresh one is tried, unless that is the planted bug.
        boolean deaf = server.silent > 0 && outside.contains(Outside.PROBE_ON_ANY_CONNECTION);
        boolean answers = server.up && !server.frozen && !deaf;
        CacheUnavailableException failure = !server.up
                ? new CacheUnavailableException("down", null, Reason.CONNECTION, false)
                : new CacheTimeoutException("frozen", null, true);
        boolean wentBack = answers && server.probe();
        long sent = now;
        background.add(() -> {
            boolean stalled = stalledUntil - probe.startedAt() >= 0 && now - stalledSince >= 0;
            // Across a stall the answer may be there and its reader too late for it.
            boolean late = answers && stalled && sent - stalledUntil < 0 && random.nextBoolean();
            if (answers && !late) {
                boolean told = wentBack && !outside.contains(Outside.CANARY_IGNORED);
                state.tiers.get(probe.tier()).detector.probed(probe.startedAt(), new ProbeResult(true, told), now);
            } else {
                boolean onTime = !stalled || outside.contains(Outside.STALLS_UNNOTICED);
                state.tiers.get(probe.tier()).detector.probeFailed(probe.startedAt(), failure, onTime, now);
            }
            decided();
        });
    }

    /** What becomes of a command: nothing is known of it before the reply. */
    enum Fate {
        DONE,
        NOT_SENT,
        RESET_DONE,
        RESET_LOST,
        TIMEOUT_DONE,
        TIMEOUT_LATE,
        HANGS,
        /** Hangs, and never arrives. */
        SILENT,
        /** Refused by a server that answers its probes. */
        REFUSED
    }

    Fate fate(ModelServer server) {
        if (!server.remote) {
            return Fate.DONE;
        }
        if (!server.up) {
            return Fate.NOT_SENT;
        }
        if (server.silent > 0) {
            server.silent--;
            return Fate.SILENT;
        }
        if (server.refuses && !server.frozen) {
            return Fate.REFUSED;
        }
        if (server.frozen) {
            return Fate.HANGS;
        }
        if (chance(12)) {
            return Fate.values()[1 + random.nextInt(6)];
        }
        return Fate.DONE;
    }

    void later(ModelServer server, Consumer<ModelServer> command) {
        server.late.add(new ModelServer.Late(command, now + LATEST));
    }

    static CacheUnavailableException failure(Fate fate) {
        return switch (fate) {
            case NOT_SENT -> new CacheUnavailableException("not sent", null, Reason.CONNECTION, false);
            case RESET_DONE, RESET_LOST -> new CacheUnavailableException("reset", null, Reason.CONNECTION, true);
            case REFUSED -> new CacheUnavailableException("refused", null, Reason.CONNECTION, false);
            case DONE, TIMEOUT_DONE, TIMEOUT_LATE, HANGS, SILENT -> new CacheTimeoutException("timeout", null, true);
        };
    }

    private void drain(Effect.Drain drain, int position) {
        ModelServer server = server(drain.tier());
        Fate fate = fate(server);
        List<String> underWay = new ArrayList<>();
        boolean more = false;
        if (drain instanceof Effect.RemoveEverything all) {
            if (tracing) {
                note("remove everything at " + drain.tier() + ' ' + fate);
            }
            countersVoid = true;
            send(server, fate, to -> to.data.clear());
            if (fate == Fate.DONE) {
                state.tiers.get(all.tier()).reconciliation.everythingRemoved(all, Reconciliation.Extent.ALL);
            }
        } else if (drain instanceof Effect.RemovePrefixes work) {
            DirtyRecord.Removal prefix = work.prefixes().get(position);
            if (tracing) {
                note("remove prefix " + prefix.key() + " at " + drain.tier() + ' ' + fate);
            }
            // More counters changed than the record holds: their increments are not promised.
            countersVoid |= prefix.key().startsWith("#");
            if (server.shardOut && fate == Fate.DONE) {
                fate = Fate.NOT_SENT;
            }
            send(server, fate, to -> to.removeByPrefix(prefix.key()));
            if (fate == Fate.DONE) {
                state.tiers.get(drain.tier()).reconciliation.prefixRemoved(prefix, now);
                more = position + 1 < work.prefixes().size();
            }
        } else if (drain instanceof Effect.RemoveKeys work) {
            List<DirtyRecord.Removal> done =
                    work.keys().stream().filter(key -> server.serves(key.key())).toList();
            work.keys().forEach(key -> underWay.add(key.key()));
            if (tracing) {
                note("remove " + underWay + " at " + drain.tier() + ' ' + fate);
            }
            send(server, fate, to -> done.forEach(key -> to.remove(key.key())));
            if (fate == Fate.DONE) {
                state.tiers.get(drain.tier()).reconciliation.removed(done, now);
                if (done.size() < work.keys().size()) {
                    fate = Fate.NOT_SENT;
                }
            }
        } else if (drain instanceof Effect.Increments work) {
            DirtyEntry.Increment increment = work.increments().get(position);
            underWay.add(increment.key());
            if (!server.serves(increment.key()) && fate == Fate.DONE) {
                fate = Fate.NOT_SENT;
            }
            if (tracing) {
                note("add " + increment + " at " + drain.tier() + ' ' + fate);
            }
            boolean keeps = !outside.contains(Outside.MARKERS_SKIPPED);
            send(
                    server,
                    fate,
                    to -> to.addOnce(increment.key(), increment.delta(), FOREVER, increment.onceId(), keeps));
            if (fate == Fate.DONE) {
                state.tiers.get(drain.tier()).reconciliation.incremented(increment, now);
                more = position + 1 < work.increments().size();
            }
        }
        Fate end = fate;
        boolean again = more;
        decided();
        background.add(() -> {
            if (again) {
                drain(drain, position + 1);
            } else if (end == Fate.DONE) {
                state.tiers.get(drain.tier()).reconciliation.drained(now);
            } else {
                CacheUnavailableException failure = failure(end);
                state.tiers
                        .get(drain.tier())
                        .reconciliation
                        .drainFailed(failure, failure.outcomeUnknown() ? underWay : List.of(), now);
            }
            decided();
        });
    }

    void send(ModelServer server, Fate fate, Consumer<ModelServer> command) {
        switch (fate) {
            case DONE, RESET_DONE, TIMEOUT_DONE -> command.accept(server);
            case TIMEOUT_LATE, HANGS -> later(server, command);
            case NOT_SENT, RESET_LOST, REFUSED, SILENT -> {}
        }
    }

    String describe() {
        StringBuilder text =
                new StringBuilder("seed " + seed + ", step " + step + ", serving " + state.tiers.serving());
        for (TierState tier : tiers) {
            text.append("\n  ")
                    .append(tier.name)
                    .append(' ')
                    .append(tier.circuit.mode())
                    .append(" dirty ");
            text.append(tier.dirty.size()).append(' ').append(server(tier.index).data);
        }
        text.append("\n  ").append(String.join("\n  ", trace));
        return text.toString();
    }

    Map<String, Long> finalValues(int tier) {
        Map<String, Long> values = new HashMap<>();
        server(tier).data.forEach((key, value) -> values.put(key, value.number()));
        return values;
    }
}
