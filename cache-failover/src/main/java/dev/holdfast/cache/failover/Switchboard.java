package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.Stamps;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes calls through the tiers: asks the state what to do, does it, and reports. All error policy of the composite is in
 * {@link #attempt} and in what that asks. The lock is held for decisions only, never across a store's work.
 */
final class Switchboard {
    /** What a command is given whose call has no time left: it was admitted when it had. */
    private static final long SHORTEST = 1_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final FailoverState state;
    private final List<Tier> tiers;
    private final LongSupplier nanoTime;
    private final Ticks ticks;
    private final @Nullable Memories memories;
    private final Supplier<? extends Collection<String>> prefixes;
    private final List<CacheStore> retired = new ArrayList<>();
    /** Of copies that are outdated when calls go another way. */
    private final List<Stamps> tracked = new CopyOnWriteArrayList<>();

    private Background background = Background.NONE;
    private Cleaning cleaning = Cleaning.PLAIN;
    private int memoryGeneration;
    private volatile Set<String> known = Set.of();
    private volatile boolean closed;
    private volatile Route route;
    private volatile boolean serving;

    Switchboard(
            FailoverState state,
            List<Tier> tiers,
            Ticks ticks,
            LongSupplier nanoTime,
            @Nullable Memories memories,
            Supplier<? extends Collection<String>> prefixes) {
        this.state = state;
        this.tiers = tiers;
        this.ticks = ticks;
        this.nanoTime = nanoTime;
        this.memories = memories;
        this.prefixes = prefixes;
        for (int i = 0; i < tiers.size(); i++) {
            tiers.get(i).beginPeriod(state.tiers.get(i).occupancy.periods());
        }
        this.route = currentRoute();
    }

    void attach(Background worker) {
        background = worker;
    }

    /** What this client's caches may believe. */
    Agreements agreements() {
        return state.agreements;
    }

    /** Says how keys are removed that a tier has missed; before this is shared. */
    void cleanBy(Cleaning how) {
        cleaning = how;
    }

    Cleaning cleaning() {
        return cleaning;
    }

    /** Whether some tier is closed. */
    boolean isServing() {
        return serving;
    }

    /** Where calls go that need no thought. */
    Route route() {
        return route;
    }

    /** Has stamps flushed from now on whenever the route is replaced. */
    void track(Stamps stamps) {
        tracked.add(stamps);
    }

    void untrack(Stamps stamps) {
        tracked.remove(stamps);
    }

    /** Begins a call: refuses a caller who was interrupted, before anything is sent. */
    Route enter() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CacheInterruptedException("interrupted before the call", null, false);
        }
        return route;
    }

    private static CacheInterruptedException interrupted(String when) {
        return new CacheInterruptedException("interrupted " + when, null);
    }

    long now() {
        return nanoTime.getAsLong();
    }

    /**
     * Reads or changes the state, and has done what follows from it, also of what was decided before the decision threw. Nothing
     * foreign runs under the lock.
     */
    <R> R decide(Function<FailoverState, R> decision) {
        List<Effect> effects = List.of();
        lock.lock();
        try {
            return decision.apply(state);
        } finally {
            try {
                publish();
                effects = state.takeEffects();
                background.note(effects);
            } finally {
                lock.unlock();
                background.perform(effects);
            }
        }
    }

    /** Makes the state's word the law: a new memory and the route to it become visible together. */
    private void publish() {
        state.stand(now());
        if (memories != null && !closed) {
            Tier last = tiers.get(tiers.size() - 1);
            boolean outdated = state.memory.generation() != memoryGeneration;
            if (outdated || (last.store() == Memories.NONE && memories.ready())) {
                retired.add(last.replace(memories.take()));
                memoryGeneration = state.memory.generation();
            }
        }
        for (int i = 0; i < tiers.size(); i++) {
            tiers.get(i).beginPeriod(state.tiers.get(i).occupancy.periods());
        }
        Route next = currentRoute();
        if (!next.sameAs(route)) {
            route = next;
            // Not before: whoever keeps a copy has taken his stamp before he looked where to read.
            tracked.forEach(stamps -> stamps.flush(FlushReason.TIER));
        }
    }

    private Route currentRoute() {
        int first = state.tiers.serving();
        serving = first != FailoverState.NONE;
        Tier tier = tiers.get(serving ? first : 0);
        boolean reads = !closed && state.readsAreClean();
        boolean writes = reads && state.writesAreClean(now());
        return new Route(
                tier, tier.store(), reads, writes, state.tiers.get(tier.index).stamp());
    }

    /** Returns memories that were replaced and not yet closed, and forgets them. */
    List<CacheStore> takeRetired() {
        lock.lock();
        try {
            List<CacheStore> taken = List.copyOf(retired);
            retired.clear();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** Makes the memory for the next period in which one serves. Asks the client, so not to be called under the lock. */
    void restock() {
        if (memories != null && !closed) {
            memories.restock();
        }
    }

    /** Closes the memory that was made for a period that never comes. */
    void closeStock() {
        if (memories != null) {
            memories.close();
        }
    }

    /** What the keys of this client's caches begin with, as far as it says. Asks the client, so not to be called under the lock. */
    Set<String> prefixes() {
        return Set.copyOf(prefixes.get());
    }

    /**
     * Takes in what caches there are by now, for records that may overflow by what is decided next: by a change, and by any outcome that opens a tier, since
     * what that may have forgotten is recorded then. Who is not known by then stands for all keys, and those can't be told from others'.
     */
    void learnPrefixes() {
        Set<String> now = prefixes();
        if (!now.equals(known)) {
            change(decided -> decided.known(now));
            known = now;
        }
    }

    /** Ends everything; returns whether this was the first time. */
    boolean close() {
        lock.lock();
        try {
            boolean first = !closed;
            closed = true;
            route = currentRoute();
            return first;
        } finally {
            lock.unlock();
        }
    }

    boolean closed() {
        return closed;
    }

    /** Changes the state. */
    void change(Consumer<FailoverState> change) {
        decide(decided -> {
            change.accept(decided);
            return true;
        });
    }

    /** The tiers that admit calls, in their order. */
    List<Tier> admitting() {
        return decide(decided -> tiers.stream()
                .filter(tier -> decided.tiers.get(tier.index).closed())
                .toList());
    }

    /**
     * Makes a call, or ends one that was begun on the fast path.
     *
     * @param tried what became of it there; {@code null} if it was not tried
     * @param none the result if there is nothing to do
     * @param limit the longest it may take in all
     * @param excluded tiers not to ask, as bits
     */
    <R extends @Nullable Object> R call(
            @Nullable Tried<R> tried, Request request, R none, Operation<R> operation, Duration limit, int excluded) {
        learnPrefixes();
        if (tried == null) {
            Call call = Call.begin(state, request, now() + limit.toNanos(), excluded);
            return drive(call, request, none, operation);
        }
        Route route = tried.route();
        Call call = Call.attempted(state, request, ticks.startOf(tried.tick()) + limit.toNanos(), excluded);
        Attempt attempt = Attempt.of(route.tier().index, request.keys(), route.stamp());
        Throwable failure = tried.failure();
        if (failure == null) {
            // The change may have gone where it no longer belongs.
            succeeded(call, attempt, route.store(), tried.result());
            return drive(call, request, tried.result(), operation);
        }
        failed(call, attempt, route.store(), failure);
        return drive(call, request, none, operation);
    }

    private <R extends @Nullable Object> R drive(Call call, Request request, R none, Operation<R> operation) {
        R result = none;
        while (true) {
            Step step = next(call);
            if (step.attempt() != null) {
                result = attempt(call, step, step.attempt(), request, result, operation);
            } else if (step.pause() > 0) {
                pause(step.pause());
            } else {
                return result;
            }
        }
    }

    /** An attempt with the stores it needs, or a pause, or neither at the end. */
    private record Step(@Nullable Attempt attempt, CacheStore store, long rest, long pause) {}

    private Step next(Call call) {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted("between two tiers");
        }
        return decide(decided -> {
            long now = now();
            Attempt attempt = call.next(now);
            CacheStore store = tiers.get(attempt == null ? 0 : attempt.tier()).store();
            return new Step(attempt, store, Math.max(SHORTEST, call.deadline() - now), call.pause());
        });
    }

    private <R extends @Nullable Object> R attempt(
            Call call, Step step, Attempt attempt, Request request, R before, Operation<R> operation) {
        Tier tier = tiers.get(attempt.tier());
        // A prefix removal takes its time on a healthy server: nothing to watch for.
        boolean watched = request.kind() != Kind.PREFIX;
        int tick = watched ? tier.begin() : 0;
        R result;
        try {
            CacheStore store = bounded(step.store(), step.rest());
            if (!attempt.purge().isEmpty()) {
                for (Cleaning.Batch batch : cleaning.batches(attempt.keys())) {
                    cleaning.remove(store, batch);
                }
                change(decided -> decided.keys.purged(attempt, now()));
                // That took some of the time.
                store = bounded(step.store(), Math.max(SHORTEST, call.deadline() - now()));
            }
            result = operation.on(store, attempt.keys());
        } catch (Throwable e) {
            if (watched) {
                tier.ended(tick, e);
            }
            failed(call, attempt, step.store(), e);
            return before;
        }
        if (watched) {
            tier.answered(tick);
        }
        succeeded(call, attempt, step.store(), result);
        return result;
    }

    private static CacheStore bounded(CacheStore store, long rest) {
        return store.callBound().toNanos() > rest ? store.within(Duration.ofNanos(rest)) : store;
    }

    private void succeeded(Call call, Attempt attempt, CacheStore store, @Nullable Object result) {
        if (call.kind() == Kind.FILL && Boolean.FALSE.equals(result)) {
            return; // nothing was stored that could be where it does not belong
        }
        long counter = result instanceof Long sum ? sum : 0;
        Call.After after = decide(decided -> call.succeeded(attempt, counter, now()));
        if (after == Call.After.REMOVE_AGAIN) {
            removeFromMemory(store, memory -> memory.removeAll(attempt.keys()));
        } else if (after == Call.After.REMOVE_FROM_MEMORY) {
            removeFromMemory(tiers.get(tiers.size() - 1).store(), memory -> {
                if (call.kind() == Kind.PREFIX) {
                    memory.removeByPrefix(attempt.keys().get(0));
                } else {
                    memory.removeAll(attempt.keys());
                }
            });
        }
    }

    /** What was in a memory that was replaced meanwhile, and closed, is gone with it. */
    private void removeFromMemory(CacheStore memory, Consumer<CacheStore> removal) {
        try {
            removal.accept(memory);
        } catch (IllegalStateException e) {
            if (tiers.get(tiers.size() - 1).store() == memory) {
                throw e;
            }
        }
    }

    /** Every failure of every attempt ends here: the call goes on, or the exception goes to the caller. */
    private void failed(Call call, Attempt attempt, CacheStore store, Throwable failure) {
        Tier tier = tiers.get(attempt.tier());
        if (failure instanceof IllegalStateException && !closed && !tier.remote && tier.store() != store) {
            change(decided -> call.outdated(attempt));
            return;
        }
        if (closed && failure instanceof IllegalStateException exception) {
            throw exception;
        }
        boolean unsent = failure instanceof CacheInterruptedException interrupt && !interrupt.outcomeUnknown();
        if (failure instanceof CacheRejectedException && call.changesSeveral()) {
            succeeded(call, attempt, store, null); // the keys that it does not speak of
        }
        boolean refused = unsent || failure instanceof CacheRejectedException || isContract(call.kind(), failure);
        if (refused || (failure instanceof CacheException && !(failure instanceof CacheUnavailableException))) {
            change(decided -> {
                if (refused) {
                    call.refused(attempt);
                } else {
                    call.abandoned(attempt, now());
                }
            });
            throw (RuntimeException) failure;
        }
        CacheUnavailableException unavailable = tier.unavailable(failure);
        long answers = tier.answers();
        if (unavailable.reason() == Reason.PARTIAL) {
            enterOutage(tier);
        }
        change(decided -> call.failed(attempt, unavailable, answers, now()));
    }

    /**
     * Enters what was out of a tier, if anything was: in two decisions, so that whoever is acknowledged after what was changed there was read sees
     * that his route is not what it was.
     */
    void enterOutage(Tier tier) {
        PartialOutage outage = tier.outage();
        if (outage != null) {
            change(decided -> decided.tiers.get(tier.index).outdate());
            change(decided -> decided.partlyOut(tier.index, outage, now()));
        }
    }

    /** Whether a caller's argument is to blame: all others were checked before a store saw them. */
    private static boolean isContract(Kind kind, Throwable failure) {
        return kind == Kind.PREFIX && failure instanceof IllegalArgumentException;
    }

    private static void pause(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long rest = nanos; rest > 0; rest = end - System.nanoTime()) {
            if (Thread.currentThread().isInterrupted()) {
                throw interrupted("while waiting for a tier to answer again");
            }
            LockSupport.parkNanos(rest);
        }
    }
}
