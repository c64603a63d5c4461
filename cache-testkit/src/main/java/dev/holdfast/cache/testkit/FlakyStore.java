package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.StoreProvider;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A store that fails by script, for tests of what stands above it: it passes calls to another store until it is told to do
 * something else. Nothing in it is random and nothing sleeps.
 *
 * <pre>{@code
 * var flaky = new FlakyStore(MemoryStore.create(1 << 20));
 * var cache = ...;                                          // your application over this store
 *
 * flaky.fail(1, Reason.TIMEOUT, FlakyStore.Effect.PENDING);  // the next call times out, and is applied later
 * cache.put("k", value, ttl);                               // what does the application do?
 * flaky.applyPending(0);                                    // now the server runs it after all
 *
 * flaky.freeze();                                           // calls hang, as after kill -STOP
 * flaky.awaitHanging(8);                                    // all eight workers are caught
 * flaky.disconnect(new Exception("watcher"));               // and free again
 * flaky.heal();
 * }</pre>
 *
 * <p>The script for calls is a queue: {@link #fail}, {@link #throwNext}, {@link #hang} and {@link #holdReplies} each append
 * to it, and each call takes one step of it. When it is empty, {@link #kill}, {@link #freeze} and {@link #failKeys} decide;
 * else the call passes. Probes have a queue of their own.
 *
 * <p>A call is on record ({@link #calls}) as soon as it begins. For any number of threads.
 */
public final class FlakyStore implements CacheStore {

    /** What becomes of an operation whose caller gets an exception. */
    public enum Effect {
        /** It was never sent, and the exception says that its outcome is known. */
        NOT_SENT,
        /** It was sent and never arrives. The outcome is unknown. */
        LOST,
        /** It was applied before the failure. The outcome is unknown. */
        APPLIED,
        /** It waits on the way until {@link FlakyStore#applyPending}, or until the connections are reset. The outcome is unknown. */
        PENDING
    }

    /**
     * A call as it began.
     *
     * @param operation the name of the method
     * @param keys the keys it was given, or the prefix; empty for a probe
     */
    public record Call(String operation, List<String> keys) {}

    private final CacheStore store;
    private final Duration callBound;
    private final FlakyStoreScript script = new FlakyStoreScript();
    private volatile @Nullable Predicate<String> failingKeys;

    /**
     * Makes one over this process's memory, which {@code holdfast-cache-memory} on the class path provides.
     *
     * @return the store
     * @throws IllegalStateException if it is not there
     */
    public static FlakyStore memory() {
        for (StoreProvider provider : ServiceLoader.load(StoreProvider.class)) {
            if (provider.tier().equals("memory")) {
                return new FlakyStore(provider.create(Settings.of(Map.of())));
            }
        }
        throw new IllegalStateException("no memory to wrap: add dev.holdfast:holdfast-cache-memory");
    }

    /**
     * Wraps a store, with its call bound.
     *
     * @param store what answers the calls that pass; closed with this one
     */
    public FlakyStore(CacheStore store) {
        this(store, store.callBound());
    }

    /**
     * Wraps a store.
     *
     * @param store what answers the calls that pass; closed with this one
     * @param callBound what {@link #callBound()} says. No call is ended because of it; but if it is not zero, an
     *     interrupted thread is refused before a call
     */
    public FlakyStore(CacheStore store, Duration callBound) {
        this.store = Objects.requireNonNull(store, "store");
        this.callBound = Objects.requireNonNull(callBound, "callBound");
    }

    /**
     * Lets the next calls fail.
     *
     * @param calls how many
     * @param reason what their exceptions say; {@link Reason#TIMEOUT} makes a
     *     {@link dev.holdfast.cache.CacheTimeoutException}
     * @param effect what becomes of the operations
     */
    public void fail(int calls, Reason reason, Effect effect) {
        script.appendCalls(calls, FlakyStoreScript.Step.failing(reason, effect));
    }

    /**
     * Lets the next calls throw an exception of the caller's making; they are not applied.
     *
     * @param calls how many
     * @param exception makes it, for each call anew
     */
    public void throwNext(int calls, Supplier<? extends CacheException> exception) {
        script.appendCalls(calls, FlakyStoreScript.Step.throwing(exception));
    }

    /**
     * Lets the next calls hang before they are applied, until {@link #release}, {@link #disconnect} or
     * {@link #expireHanging}. Only a released one is applied.
     *
     * @param calls how many
     */
    public void hang(int calls) {
        script.appendCalls(calls, FlakyStoreScript.Step.HANG);
    }

    /**
     * Lets the next calls hang after they were applied, until {@link #release}, {@link #disconnect} or
     * {@link #expireHanging}.
     *
     * @param calls how many
     */
    public void holdReplies(int calls) {
        script.appendCalls(calls, FlakyStoreScript.Step.HOLD_REPLY);
    }

    /** Lets the calls that hang go on. */
    public void release() {
        script.release();
    }

    /** Ends the calls that hang with a {@link dev.holdfast.cache.CacheTimeoutException}, their outcome unknown. */
    public void expireHanging() {
        script.fail(Reason.TIMEOUT, null);
    }

    /**
     * Waits until so many calls hang.
     *
     * @param calls how many, at least
     * @throws AssertionError if that takes more than 20 seconds
     */
    public void awaitHanging(int calls) {
        script.awaitHanging(calls);
    }

    /** Returns how many calls hang now. */
    public int hanging() {
        return script.hanging();
    }

    /**
     * Makes every call and every probe fail at once, as a server that is not there does: not sent, {@link Reason#CONNECTION}.
     * What is pending is lost, what hangs fails. Until {@link #heal}.
     */
    public void kill() {
        script.kill();
    }

    /**
     * Makes every call hang, as a stopped process does, and every probe time out (at once: its timeout is not waited for).
     * Until {@link #heal}.
     */
    public void freeze() {
        script.freeze();
    }

    /** Ends {@link #kill}, {@link #freeze} and {@link #failKeys}, forgets the rest of the script, and lets what hangs go on. */
    public void heal() {
        failingKeys = null;
        script.heal();
    }

    /**
     * Makes some keys fail with {@link Reason#PARTIAL}, not sent, as a cluster with a dead shard does: a call with several
     * keys does the others and names these. {@link #removeByPrefix} fails as a whole, without removing anything.
     *
     * @param keys which
     */
    public void failKeys(Predicate<String> keys) {
        failingKeys = Objects.requireNonNull(keys, "keys");
    }

    /**
     * Lets the next probes fail.
     *
     * @param probes how many
     * @param reason what their exceptions say
     */
    public void failProbes(int probes, Reason reason) {
        script.appendProbes(probes, FlakyStoreScript.Step.failing(reason, Effect.NOT_SENT));
    }

    /**
     * Lets the next probe answer with this.
     *
     * @param result the answer, such as one that says that the server went back in time
     */
    public void answerProbe(ProbeResult result) {
        script.appendProbes(1, FlakyStoreScript.Step.answering(result));
    }

    /** Returns the operations that are {@link Effect#PENDING}, in the order of their calls. */
    public List<Call> pending() {
        return script.pending();
    }

    /**
     * Applies one pending operation. What comes of it nobody learns.
     *
     * @param index its place in {@link #pending()}; those after it move up
     */
    public void applyPending(int index) {
        script.takePending(index).run();
    }

    /** Applies all pending operations in the order of their calls. */
    public void applyPending() {
        while (!pending().isEmpty()) {
            applyPending(0);
        }
    }

    /** Returns every call so far, probes included, in the order in which they began. */
    public List<Call> calls() {
        return script.calls();
    }

    /**
     * Counts calls.
     *
     * @param operation the name of a method
     * @return how many of {@link #calls()} are of that
     */
    public long count(String operation) {
        return calls().stream()
                .filter(call -> call.operation().equals(operation))
                .count();
    }

    /** Forgets the calls so far. */
    public void clearCalls() {
        script.clearCalls();
    }

    private <T extends @Nullable Object> T one(String operation, String key, Supplier<T> work) {
        return script.run(new Call(operation, List.of(key)), interruptible(), () -> {
            Predicate<String> fails = failingKeys;
            if (fails != null && fails.test(key)) {
                throw partial(List.of(key), Map.of());
            }
            return work.get();
        });
    }

    private <T> T several(String operation, Collection<String> keys, Function<Collection<String>, T> work) {
        List<String> all = List.copyOf(keys);
        return script.run(new Call(operation, all), interruptible(), () -> {
            Predicate<String> fails = failingKeys;
            if (fails == null || all.stream().noneMatch(fails)) {
                return work.apply(all);
            }
            T result = work.apply(all.stream().filter(fails.negate()).toList());
            throw partial(all.stream().filter(fails).toList(), result);
        });
    }

    private static CacheUnavailableException partial(Collection<String> failed, Object result) {
        Map<String, byte[]> found = new HashMap<>();
        if (result instanceof Map<?, ?> map) {
            map.forEach((key, value) -> found.put((String) key, (byte[]) value));
        }
        return new CacheUnavailableException(
                "flaky: a shard is out", null, Reason.PARTIAL, false, Set.copyOf(failed), found);
    }

    private boolean interruptible() {
        return !callBound.isZero();
    }

    @Override
    public byte @Nullable [] get(String key) {
        return this.<byte @Nullable []>one("get", key, () -> store.get(key));
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        return several("getAll", keys, store::getAll);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        one("put", key, () -> {
            store.put(key, copy, ttl);
            return true;
        });
    }

    @Override
    public void fill(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        one("fill", key, () -> {
            store.fill(key, copy, ttl);
            return true;
        });
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        Map<String, byte[]> copy = copyOf(entries);
        several("putAll", entries.keySet(), keys -> {
            store.putAll(only(keys, copy), ttl);
            return true;
        });
    }

    @Override
    public void fillAll(Map<String, byte[]> entries, Duration ttl) {
        Map<String, byte[]> copy = copyOf(entries);
        several("fillAll", entries.keySet(), keys -> {
            store.fillAll(only(keys, copy), ttl);
            return true;
        });
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        byte[] seenCopy = seen == null ? null : seen.clone();
        byte[] copy = value.clone();
        return one("fill", key, () -> store.fill(key, seenCopy, copy, ttl));
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Map<String, byte[]> copy = copyOf(entries);
        Map<String, byte[]> seenCopy = copyOf(seen);
        return several("fillAll", entries.keySet(), keys -> store.fillAll(only(keys, copy), seenCopy, ttl));
    }

    /** An operation may be applied after its call, when the caller's arrays are no longer what they were. */
    private static Map<String, byte[]> copyOf(Map<String, byte[]> entries) {
        Map<String, byte[]> copy = new HashMap<>();
        entries.forEach((key, value) -> copy.put(key, value.clone()));
        return copy;
    }

    private static Map<String, byte[]> only(Collection<String> keys, Map<String, byte[]> entries) {
        Map<String, byte[]> some = new HashMap<>(entries);
        some.keySet().retainAll(Set.copyOf(keys));
        return some;
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        byte[] copy = value.clone();
        return one("putIfAbsent", key, () -> store.putIfAbsent(key, copy, ttl));
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        byte[] expectedCopy = expected.clone();
        byte[] copy = value.clone();
        return one("replace", key, () -> store.replace(key, expectedCopy, copy, ttl));
    }

    @Override
    public boolean remove(String key) {
        return one("remove", key, () -> store.remove(key));
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        byte[] copy = expected.clone();
        return one("remove", key, () -> store.remove(key, copy));
    }

    @Override
    public void removeAll(Collection<String> keys) {
        several("removeAll", keys, some -> {
            store.removeAll(some);
            return true;
        });
    }

    /** Leaves a tombstone also in memory that plays a server: whose calls may wait here, and don't there. */
    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        byte[] copy = tombstone.clone();
        return one("removeLeaving", key, () -> {
            if (!playsServer()) {
                return store.removeLeaving(key, copy, ttl);
            }
            byte[] before = store.get(key);
            store.put(key, copy, ttl);
            return before != null && !CacheStore.isTombstone(before, copy);
        });
    }

    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        byte[] copy = tombstone.clone();
        several("removeAllLeaving", keys, some -> {
            if (playsServer()) {
                Map<String, byte[]> tombstones = new HashMap<>();
                some.forEach(key -> tombstones.put(key, copy));
                store.putAll(tombstones, ttl);
            } else {
                store.removeAllLeaving(some, copy, ttl);
            }
            return true;
        });
    }

    private boolean playsServer() {
        return interruptible() && store.callBound().isZero();
    }

    @Override
    public boolean contains(String key) {
        return one("contains", key, () -> store.contains(key));
    }

    @Override
    public @Nullable Duration ttl(String key) {
        return this.<@Nullable Duration>one("ttl", key, () -> store.ttl(key));
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        return one("expire", key, () -> store.expire(key, ttl));
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return one("increment", key, () -> store.increment(key, delta, ttlIfCreated));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        return one("incrementOnce", key, () -> store.incrementOnce(key, delta, ttlIfCreated, onceId));
    }

    @Override
    public long removeByPrefix(String prefix) {
        return script.run(new Call("removeByPrefix", List.of(prefix)), interruptible(), () -> {
            if (failingKeys != null) {
                throw partial(List.of(), Map.of());
            }
            return store.removeByPrefix(prefix);
        });
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        return script.run(
                new Call("sweep", List.of(prefix)), interruptible(), () -> store.sweep(prefix, head, useless));
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        return script.probe(interruptible(), () -> store.probe(timeout));
    }

    /**
     * Fails the calls that hang, with {@link Reason#DISCONNECTED} and their outcome unknown, and drops what is pending: it
     * is never applied.
     */
    @Override
    public void disconnect(Throwable cause) {
        script.fail(Reason.DISCONNECTED, Objects.requireNonNull(cause, "cause"));
        store.disconnect(cause);
    }

    @Override
    public @Nullable PartialOutage outage() {
        return store.outage();
    }

    @Override
    public long switches() {
        return store.switches();
    }

    /** {@inheritDoc} It tells of changes as the store behind it does, whatever the script says; reads through what it returns are calls like any other. */
    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return new ScriptedReads(store.track(prefix, stamps));
    }

    private final class ScriptedReads implements Tracking {
        private final Tracking behind;

        ScriptedReads(Tracking behind) {
            this.behind = behind;
        }

        @Override
        public Covered get(String key) {
            Guard before = behind.get(key).guard();
            return new Covered(FlakyStore.this.getShared(key), before);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            Map<String, Covered> before = behind.getAll(keys);
            Map<String, Covered> found = new HashMap<>();
            FlakyStore.this.getAll(keys).forEach((key, value) -> {
                Covered known = before.get(key);
                found.put(key, new Covered(value, known == null ? null : known.guard()));
            });
            return found;
        }

        @Override
        public boolean isPossible() {
            return behind.isPossible();
        }

        @Override
        public State state() {
            return behind.state();
        }

        @Override
        public void close() {
            behind.close();
        }
    }

    @Override
    public Duration callBound() {
        return callBound;
    }

    @Override
    public StoreHealth health() {
        return script.isDown() ? store.health().withAvailable(false) : store.health();
    }

    @Override
    public void close() {
        script.fail(Reason.DISCONNECTED, null);
        store.close();
    }

    @Override
    public String toString() {
        return "FlakyStore( " + store + " )";
    }
}
