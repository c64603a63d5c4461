package dev.holdfast.cache.failover;

import dev.holdfast.cache.Agreement;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.CallObserver;
import dev.holdfast.cache.Covered;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.Tracking;
import dev.holdfast.cache.failover.KeyOperation.No;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A store made of stores, called tiers, in an order: {@code Failover( cluster > single > memory )}. The first that works
 * answers; when it dies, the next does, within the same call; when it returns, what it has missed is made up for before it
 * serves again, so that nothing comes back that was removed meanwhile. A miss on the serving tier is the answer.
 *
 * <p>What it promises beyond {@link CacheStore}, and what not, is in {@code docs/failover.md}. In short: an operation that is
 * harmless to repeat fails only if no tier can answer; an increment or a conditional operation may also fail once when its
 * tier does, with an exception whose {@link CacheUnavailableException#outcomeUnknown()} is true.
 *
 * <p>Thread-safe. Owns its tiers: {@link #close} closes them. Has one thread of its own, which rests while nobody calls, and
 * others for as long as a tier is in trouble; all of them are daemons.
 */
public final class FailoverStore implements CacheStore {
    /** Who waits for so long until the server has a floor has it probed. */
    private static final long SUSPICIOUS = TimeUnit.MILLISECONDS.toNanos(100);

    /** Of a composite that is closed, for what its tiers have missed. */
    private static final long LAST_CHANCE = TimeUnit.SECONDS.toNanos(2);

    private final Switchboard switchboard;
    private final Background.Running background;
    private final List<Tier> tiers;
    private final FailoverHealth health;
    private final Duration timeout;
    /** Whether this is a view of a composite, which stays open when the view is closed. */
    private final boolean view;
    /** Whether this has less time than the composite it is of. */
    private final boolean hurried;
    /** Tiers that are not asked, as bits. */
    private final int excluded;

    FailoverStore(
            Switchboard switchboard,
            Background.Running background,
            List<Tier> tiers,
            FailoverHealth health,
            Duration timeout) {
        this.switchboard = switchboard;
        this.background = background;
        this.tiers = tiers;
        this.health = health;
        this.timeout = timeout;
        this.view = false;
        this.hurried = false;
        this.excluded = 0;
    }

    private FailoverStore(FailoverStore whole, Duration timeout, int excluded) {
        this.switchboard = whole.switchboard;
        this.background = whole.background;
        this.tiers = whole.tiers;
        this.health = whole.health;
        this.timeout = timeout;
        this.view = true;
        this.hurried = whole.hurried || timeout.compareTo(whole.timeout) < 0;
        this.excluded = excluded;
    }

    /**
     * Starts a composite.
     *
     * @return a builder without tiers
     */
    public static FailoverBuilder builder() {
        return new FailoverBuilder();
    }

    /**
     * Plays an outage on tiers in this process, which loads what a real one needs: without that all callers wait for 50 to 100 ms more in the first.
     * The first composite of a process does it by itself, half a second after its start; who has a thread to spare before calls it there. Done once
     * in a process, and takes some hundred milliseconds, most of them waiting.
     */
    public static void rehearse() {
        Rehearsal.once();
    }

    /**
     * Asks every server whether it is there, all at once, and takes those that do not answer out of service; they join as soon
     * as they answer their probes. Without this the first calls find out.
     *
     * @param limit the longest time to wait for all of them together; positive
     * @return why those that were taken out did not answer, by the names of their tiers; empty if all are there
     */
    public Map<String, CacheUnavailableException> start(Duration limit) {
        return background.prober().probeAll(Bounds.positive("limit", limit), background.workers());
    }

    /**
     * Takes a tier out of service until {@link #forceFailback}, as if it had failed.
     *
     * @param tier its name
     * @throws IllegalArgumentException if there is no such tier, or it is the memory at the end, which always serves
     */
    public void forceFailover(String tier) {
        for (Tier each : tiers) {
            if (each.name.equals(tier) && each.remote) {
                switchboard.change(state -> state.tiers.get(each.index).circuit.forceFailover(switchboard.now()));
                return;
            }
        }
        throw new IllegalArgumentException("no tier \"" + tier + "\" that could be taken out of "
                + tiers.stream()
                        .filter(each -> each.remote)
                        .map(each -> each.name)
                        .toList());
    }

    /**
     * Brings every tier that is out back as soon as it answers a probe and what it has missed is made up for, without the grace
     * period. If a record of what it has missed ran over so far that it can't be, an operator accepts that by this call.
     */
    public void forceFailback() {
        switchboard.change(state -> state.forceFailback(switchboard.now()));
    }

    /**
     * Returns a view that never asks the memory at the end: what no server answers fails. It shares everything else.
     *
     * @return the view; this itself if there is no memory
     */
    public CacheStore serversOnly() {
        Tier last = tiers.get(tiers.size() - 1);
        return last.remote ? this : new FailoverStore(this, timeout, 1 << last.index);
    }

    private boolean excludes(Tier tier) {
        return (excluded & 1 << tier.index) != 0;
    }

    private Route enter() {
        Route route = switchboard.enter();
        return hurried || excludes(route.tier()) ? route.withoutShortcut() : route;
    }

    private <R extends @Nullable Object> R call(
            @Nullable Tried<R> tried, Request request, R none, Operation<R> operation) {
        boolean patient = request.kind() == Kind.PREFIX && !hurried;
        Duration limit = patient ? PREFIX_REMOVAL_LIMIT : timeout;
        return switchboard.call(tried, request, none, operation, limit, excluded);
    }

    private <A, B, R extends @Nullable Object> R one(KeyOperation<A, B, R> operation, String key, A first, B second) {
        Route route = enter();
        Tried<R> tried = null;
        Kind kind = operation.kind();
        if (route.takes(kind)) {
            int tick = route.tier().begin();
            try {
                R result = operation.action().on(route.store(), key, first, second);
                if (kind.invalidates) {
                    route.tier().changed(key);
                }
                route.tier().answered(tick);
                if (kind == Kind.COUNT || route == switchboard.route()) {
                    return result;
                }
                tried = new Tried<>(route, tick, result, null);
            } catch (Throwable e) {
                route.tier().ended(tick, e);
                tried = new Tried<>(route, tick, operation.none(), e);
            }
        }
        Request request = operation.request().of(key, first, second);
        return call(tried, request, operation.none(), (store, keys) -> operation
                .action()
                .on(store, key, first, second));
    }

    /**
     * Makes a call for several keys where it needs no thought.
     *
     * @return what became of it; {@code null} if it was not made
     */
    private <R> @Nullable Tried<R> attempt(
            Kind kind, Collection<String> keys, R none, Function<CacheStore, R> operation) {
        Route route = enter();
        if (!route.takes(kind)) {
            return null;
        }
        int tick = route.tier().begin();
        try {
            R result = operation.apply(route.store());
            if (kind.invalidates) {
                route.tier().changed(keys);
            }
            route.tier().answered(tick);
            return new Tried<>(route, tick, result, null);
        } catch (Throwable e) {
            route.tier().ended(tick, e);
            return new Tried<>(route, tick, none, e);
        }
    }

    /** Whether a call is over with what became of it: it succeeded where it belonged, and that is where it still belongs. */
    private boolean isOver(Tried<?> tried) {
        return tried.failure() == null && tried.route() == switchboard.route();
    }

    private void changeAll(
            Kind kind,
            Collection<String> keys,
            Supplier<Request> request,
            BiConsumer<CacheStore, Collection<String>> change) {
        Tried<Boolean> tried = attempt(kind, keys, true, store -> {
            change.accept(store, keys);
            return true;
        });
        if (tried == null || !isOver(tried)) {
            call(tried, request.get(), true, (store, some) -> {
                change.accept(store, some);
                return true;
            });
        }
    }

    @Override
    public byte @Nullable [] get(String key) {
        return one(KeyOperation.GET, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public byte @Nullable [] getShared(String key) {
        return one(KeyOperation.GET_SHARED, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        Tried<Map<String, byte[]>> tried = attempt(Kind.READ, keys, Map.of(), store -> store.getAll(keys));
        return tried != null && isOver(tried) ? tried.result() : getAll(tried, keys);
    }

    private Map<String, byte[]> getAll(@Nullable Tried<Map<String, byte[]>> tried, Collection<String> keys) {
        Request request = Request.read(keys);
        Map<String, byte[]> found = call(tried, request, request.found(), (store, some) -> {
            request.found().putAll(store.getAll(some));
            return request.found();
        });
        return ordered(request.keys(), found);
    }

    /** {@inheritDoc} Whichever tier serves tells of changes there; when another does, or something is to be removed from it first, all is outdated. */
    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return TrackedTiers.begin(this, switchboard, tiers, prefix, stamps);
    }

    /** Reads a key for a copy that may be kept. */
    Covered covered(TrackedTiers tracked, String key) {
        return one(KeyOperation.COVERED, key, tracked, No.ARGUMENT);
    }

    /** Reads several keys for copies that may be kept; those that are present. */
    Map<String, Covered> covered(TrackedTiers tracked, Collection<String> keys) {
        Tried<Map<String, Covered>> tried = attempt(Kind.READ, keys, Map.of(), store -> tracked.at(store, keys));
        if (tried != null && isOver(tried)) {
            return tried.result();
        }
        Tried<Map<String, byte[]>> plain = tried == null
                ? null
                : new Tried<>(tried.route(), tried.tick(), TrackedTiers.values(tried.result()), tried.failure());
        return TrackedTiers.uncovered(getAll(plain, keys));
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        one(KeyOperation.PUT, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        changeAll(
                Kind.WRITE,
                entries.keySet(),
                () -> Request.write(Kind.WRITE, entries, ttl),
                (store, keys) -> store.putAll(only(entries, keys), ttl));
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        one(KeyOperation.FILL, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        changeAll(
                Kind.FILL,
                entries.keySet(),
                () -> Request.write(Kind.FILL, entries, ttl),
                (store, keys) -> store.fillAll(only(entries, keys), ttl));
    }

    /** {@inheritDoc} Never repeated on another tier for being refused by its condition; a tier that fails is followed by the next. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        Objects.requireNonNull(value, "value");
        return one(KeyOperation.FILL_SEEN, key, new byte @Nullable [][] {seen, value}, ttl);
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Objects.requireNonNull(seen, "seen");
        Set<String> changed = new HashSet<>();
        changeAll(
                Kind.FILL,
                entries.keySet(),
                () -> Request.write(Kind.FILL, entries, ttl),
                (store, keys) -> changed.addAll(store.fillAll(only(entries, keys), seen, ttl)));
        return changed;
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return one(KeyOperation.PUT_IF_ABSENT, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(value, "value");
        return one(KeyOperation.REPLACE, key, new byte[][] {expected, value}, ttl);
    }

    @Override
    public boolean remove(String key) {
        return one(KeyOperation.REMOVE, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return one(KeyOperation.REMOVE_EXPECTED, key, Objects.requireNonNull(expected, "expected"), No.ARGUMENT);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        changeAll(Kind.WRITE, keys, () -> Request.remove(keys), CacheStore::removeAll);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        return one(KeyOperation.REMOVE_LEAVING, key, tombstone, ttl);
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        changeAll(
                Kind.WRITE,
                keys,
                () -> Request.remove(keys),
                (store, some) -> store.removeAllLeaving(some, tombstone, ttl));
    }

    private static void requireLeavable(byte[] tombstone, Duration ttl) {
        int unused = CacheStore.tombstoneLead(tombstone);
        CacheStore.ttlMillis(ttl);
    }

    @Override
    public boolean contains(String key) {
        return one(KeyOperation.CONTAINS, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return one(KeyOperation.TTL, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return one(KeyOperation.EXPIRE, key, No.ARGUMENT, ttl);
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return one(KeyOperation.INCREMENT, key, delta, ttlIfCreated);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Takes {@link CacheStore#PREFIX_REMOVAL_LIMIT} at most. If the tier that serves fails meanwhile, the next one answers.
     */
    @Override
    public long removeByPrefix(String prefix) {
        Objects.requireNonNull(prefix, "prefix");
        return call(null, Request.prefix(prefix), 0L, (store, prefixes) -> store.removeByPrefix(prefixes.get(0)));
    }

    /** {@inheritDoc} Asks the tiers that admit calls, in their order, until one answers. */
    @Override
    public ProbeResult probe(Duration limit) {
        long end = switchboard.now() + Bounds.positive("timeout", limit).toNanos();
        if (switchboard.closed()) {
            throw new IllegalStateException("the store is closed");
        }
        CacheUnavailableException failure =
                new CacheUnavailableException("no tier answers", null, Reason.CONNECTION, false);
        for (Tier tier : switchboard.admitting()) {
            if (excludes(tier)) {
                continue;
            }
            long rest = end - switchboard.now();
            if (rest <= 0) {
                break;
            }
            try {
                return tier.store().probe(Duration.ofNanos(rest));
            } catch (CacheUnavailableException e) {
                failure.addSuppressed(e);
            }
        }
        throw failure;
    }

    /**
     * Probes one tier, whether it is in service or not. That it answers does not bring it back, and that it does not is no reason to take it out:
     * this looks without deciding. But what its answer says of writes that it lost counts, since it says so once.
     *
     * @param tier its name
     * @param limit how long it may take; positive
     * @return what was learnt besides that it answers
     * @throws IllegalArgumentException if there is no such tier
     * @throws CacheUnavailableException if it does not answer
     */
    public ProbeResult probe(String tier, Duration limit) {
        Bounds.positive("limit", limit);
        for (Tier each : tiers) {
            if (each.name.equals(tier)) {
                return background.prober().look(each, limit);
            }
        }
        throw new IllegalArgumentException("no tier \"" + tier + "\" among "
                + tiers.stream().map(each -> each.name).toList());
    }

    @Override
    public void disconnect(Throwable cause) {
        tiers.forEach(tier -> tier.store().disconnect(cause));
    }

    /** {@inheritDoc} It is {@link FailoverConfig#failoverTimeout()}, or of a view its limit. */
    @Override
    public Duration callBound() {
        return timeout;
    }

    /**
     * {@inheritDoc}
     *
     * <p>A tier that can't bound its single calls, and may take longer than is left, is passed over.
     */
    @Override
    public CacheStore within(Duration limit) {
        Bounds.positive("limit", limit);
        return limit.compareTo(timeout) >= 0 ? this : new FailoverStore(this, limit, excluded);
    }

    @Override
    public String tierName() {
        return switchboard.route().tier().name;
    }

    @Override
    public boolean isServing() {
        return switchboard.isServing() && !excludes(switchboard.route().tier());
    }

    @Override
    public Runnable observe(CallObserver observer) {
        List<Runnable> ends =
                tiers.stream().map(tier -> tier.store().observe(observer)).toList();
        return () -> ends.forEach(Runnable::run);
    }

    /** {@inheritDoc} The servers are those of the first tier. */
    @Override
    public Agreement agreement(String prefix, Duration within) {
        return switchboard.agreements().open(prefix, within, this::clear);
    }

    /** Waits for as long as a call may take until the first server has said what time it is: no floor can be raised before. */
    private void awaitTime() {
        long end = switchboard.now() + timeout.toNanos();
        while (!switchboard.closed()
                && switchboard.decide(state -> state.asksTime(switchboard.now()))
                && switchboard.now() - end < 0
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(500));
        }
    }

    /**
     * The floor of a cache, once the clock is past it: a millisecond after it was raised, as a rule. One that is raised again and again must not run ahead of
     * the clock, since what is put is dated by it.
     */
    private long floorToBeRaised(String prefix) {
        Agreements agreements = switchboard.agreements();
        long floor = agreements.floorOver(prefix);
        for (int i = 0; i < 5 && !agreements.isAbove(floor); i++) {
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(500));
        }
        return floor;
    }

    /** Has everything of a cache absent that was made so far, and returns when the others will hear of it; false if they will not. */
    private boolean clear(String prefix) {
        awaitTime();
        long before = floorToBeRaised(prefix);
        Attendance.Offer offer = switchboard.decide(state -> {
            if (switchboard.closed()) {
                throw new IllegalStateException("the store is closed");
            }
            return state.clear(prefix, before, switchboard.now());
        });
        if (offer == null) {
            return false;
        }
        try {
            if (!offer.await(Math.min(SUSPICIOUS, timeout.toNanos()))) {
                switchboard.change(state -> state.suspect(switchboard.now()));
                if (!offer.await(timeout.toNanos())) {
                    switchboard.change(state -> state.attendance.owe(offer));
                }
            }
        } catch (InterruptedException e) {
            switchboard.change(state -> state.attendance.owe(offer));
            Thread.currentThread().interrupt();
        }
        return true;
    }

    /** {@inheritDoc} Type, latency and connections are those of the serving tier; operations are those of all tiers; {@code tiers} has each. */
    @Override
    public StoreHealth health() {
        return health.snapshot();
    }

    /**
     * {@inheritDoc}
     *
     * <p>What tiers have missed is done first where they answer, within two seconds: with this composite goes the only record of
     * it, and other clients would read what was removed. A line in the log counts what could not be done.
     */
    @Override
    public void close() {
        if (view || !background.beginsEnd()) {
            return;
        }
        try {
            background.settle(LAST_CHANCE);
            background.leave();
        } finally {
            end();
        }
    }

    /** Closes it, whatever its tiers have missed. */
    void abandon() {
        if (background.beginsEnd()) {
            end();
        }
    }

    private void end() {
        List<Runnable> steps = new ArrayList<>(List.of(
                switchboard::close,
                () -> switchboard.change(state -> state.attendance.oweAll()),
                background::stop,
                switchboard::closeStock,
                () -> runAll(switchboard.takeRetired().stream()
                        .map(retired -> (Runnable) retired::close)
                        .toList())));
        tiers.forEach(tier -> steps.add(() -> tier.store().close()));
        runAll(steps);
    }

    /** Takes each step, whatever others throw; throws the first of it then. */
    private static void runAll(List<Runnable> steps) {
        Throwable first = null;
        for (Runnable step : steps) {
            try {
                step.run();
            } catch (Throwable e) {
                first = first == null ? e : first;
            }
        }
        if (first instanceof Error e) {
            throw e;
        }
        if (first != null) {
            throw first instanceof RuntimeException e ? e : new IllegalStateException("a store failed to close", first);
        }
    }

    private static Map<String, byte[]> only(Map<String, byte[]> entries, Collection<String> keys) {
        if (keys.size() == entries.size()) {
            return entries;
        }
        Map<String, byte[]> some = new HashMap<>();
        keys.forEach(key -> some.put(key, entries.get(key)));
        return some;
    }

    private static Map<String, byte[]> ordered(List<String> keys, Map<String, byte[]> found) {
        Map<String, byte[]> ordered = new LinkedHashMap<>();
        for (String key : keys) {
            byte[] value = found.get(key);
            if (value != null) {
                ordered.put(key, value);
            }
        }
        return ordered;
    }

    /** The tiers in their order. */
    @Override
    public String toString() {
        List<String> names = new ArrayList<>();
        tiers.forEach(tier -> names.add(tier.name + '=' + tier.store()));
        return (excluded == 0 ? "Failover( " : "the servers of Failover( ") + String.join(" > ", names) + " )";
    }
}
