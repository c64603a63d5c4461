package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.failover.KeyOperation.No;
import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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
    private final Switchboard switchboard;
    private final Background background;
    private final Shutdown shutdown;
    private final List<Tier> tiers;
    private final FailoverHealth health;
    /** How calls are made here: of a view, with its limit and its tiers. */
    private final FastPath calls;
    /** Whether this is a view of a composite, which stays open when the view is closed. */
    private final boolean view;

    FailoverStore(
            Switchboard switchboard,
            Background background,
            Shutdown shutdown,
            List<Tier> tiers,
            FailoverHealth health,
            Duration timeout) {
        this.switchboard = switchboard;
        this.background = background;
        this.shutdown = shutdown;
        this.tiers = tiers;
        this.health = health;
        this.calls = new FastPath(switchboard, timeout);
        this.view = false;
    }

    private FailoverStore(FailoverStore whole, FastPath calls) {
        this.switchboard = whole.switchboard;
        this.background = whole.background;
        this.shutdown = whole.shutdown;
        this.tiers = whole.tiers;
        this.health = whole.health;
        this.calls = calls;
        this.view = true;
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
        return last.remote ? this : new FailoverStore(this, calls.without(last));
    }

    @Override
    public byte @Nullable [] get(String key) {
        return calls.one(KeyOperation.GET, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public byte @Nullable [] getShared(String key) {
        return calls.one(KeyOperation.GET_SHARED, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        return calls.getAll(keys);
    }

    /** {@inheritDoc} Whichever tier serves tells of changes there; when another does, or something is to be removed from it first, all is outdated. */
    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return TrackedTiers.begin(calls, switchboard, tiers, prefix, stamps);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        calls.one(KeyOperation.PUT, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        calls.storeAll(Kind.WRITE, entries, ttl, CacheStore::putAll);
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        calls.one(KeyOperation.FILL, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        calls.storeAll(Kind.FILL, entries, ttl, CacheStore::fillAll);
    }

    /** {@inheritDoc} Never repeated on another tier for being refused by its condition; a tier that fails is followed by the next. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        Objects.requireNonNull(value, "value");
        return calls.one(KeyOperation.FILL_SEEN, key, new byte @Nullable [][] {seen, value}, ttl);
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Objects.requireNonNull(seen, "seen");
        Set<String> changed = new HashSet<>();
        calls.storeAll(Kind.FILL, entries, ttl, (store, some, life) -> changed.addAll(store.fillAll(some, seen, life)));
        return changed;
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return calls.one(KeyOperation.PUT_IF_ABSENT, key, Objects.requireNonNull(value, "value"), ttl);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(value, "value");
        return calls.one(KeyOperation.REPLACE, key, new byte[][] {expected, value}, ttl);
    }

    @Override
    public boolean remove(String key) {
        return calls.one(KeyOperation.REMOVE, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return calls.one(KeyOperation.REMOVE_EXPECTED, key, Objects.requireNonNull(expected, "expected"), No.ARGUMENT);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        calls.changeAll(Kind.WRITE, keys, () -> Request.of(Kind.WRITE, keys), CacheStore::removeAll);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        return calls.one(KeyOperation.REMOVE_LEAVING, key, tombstone, ttl);
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        requireLeavable(tombstone, ttl);
        calls.changeAll(
                Kind.WRITE,
                keys,
                () -> Request.of(Kind.WRITE, keys),
                (store, some) -> store.removeAllLeaving(some, tombstone, ttl));
    }

    private static void requireLeavable(byte[] tombstone, Duration ttl) {
        int unused = CacheStore.tombstoneLead(tombstone);
        CacheStore.ttlMillis(ttl);
    }

    @Override
    public boolean contains(String key) {
        return calls.one(KeyOperation.CONTAINS, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return calls.one(KeyOperation.TTL, key, No.ARGUMENT, No.ARGUMENT);
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return calls.one(KeyOperation.EXPIRE, key, No.ARGUMENT, ttl);
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return calls.one(KeyOperation.INCREMENT, key, delta, ttlIfCreated);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Takes {@link CacheStore#PREFIX_REMOVAL_LIMIT} at most. If the tier that serves fails meanwhile, the next one answers.
     */
    @Override
    public long removeByPrefix(String prefix) {
        Objects.requireNonNull(prefix, "prefix");
        return calls.call(
                null, Request.of(Kind.PREFIX, prefix), 0L, (store, prefixes) -> store.removeByPrefix(prefixes.get(0)));
    }

    /** {@inheritDoc} Asks the tiers that admit calls, in their order, until one answers. */
    @Override
    public ProbeResult probe(Duration limit) {
        Bounds.positive("timeout", limit);
        return background.prober().probeAny(limit, calls);
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
        return calls.timeout();
    }

    /**
     * {@inheritDoc}
     *
     * <p>A tier that can't bound its single calls, and may take longer than is left, is passed over.
     */
    @Override
    public CacheStore within(Duration limit) {
        Bounds.positive("limit", limit);
        return limit.compareTo(calls.timeout()) >= 0 ? this : new FailoverStore(this, calls.within(limit));
    }

    @Override
    public String tierName() {
        return switchboard.route().tier().name;
    }

    @Override
    public boolean isServing() {
        return switchboard.isServing() && !calls.excludes(switchboard.route().tier());
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
        return switchboard
                .agreements()
                .open(prefix, within, new Clearing(switchboard, calls.timeout().toNanos())::clear);
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
        if (!view) {
            shutdown.run();
        }
    }

    /** Closes it, whatever its tiers have missed. */
    void abandon() {
        shutdown.abandon();
    }

    /** The tiers in their order. */
    @Override
    public String toString() {
        List<String> names = new ArrayList<>();
        tiers.forEach(tier -> names.add(tier.name + '=' + tier.store()));
        return (calls.excludes(tiers.get(tiers.size() - 1)) ? "the servers of Failover( " : "Failover( ")
                + String.join(" > ", names) + " )";
    }
}
