package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Predicate;
import java.util.function.Supplier;

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
public final class FlakyStore extends ForwardingStore {

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

    private final FlakyStoreScript script;
    private final FailingKeys failing;

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
        this(store, callBound, new FlakyStoreScript(!callBound.isZero()), new FailingKeys());
    }

    private FlakyStore(CacheStore store, Duration callBound, FlakyStoreScript script, FailingKeys failing) {
        super(new ScriptedStore(store, callBound, script, failing));
        this.script = script;
        this.failing = failing;
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
        failing.heal();
        script.heal();
    }

    /**
     * Makes some keys fail with {@link Reason#PARTIAL}, not sent, as a cluster with a dead shard does: a call with several
     * keys does the others and names these. {@link #removeByPrefix} fails as a whole, without removing anything.
     *
     * @param keys which
     */
    public void failKeys(Predicate<String> keys) {
        failing.fail(keys);
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

    @Override
    public CacheStore within(Duration limit) {
        CacheStore unused = store().within(limit);
        return this;
    }
}
