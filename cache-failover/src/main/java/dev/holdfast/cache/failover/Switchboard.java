package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.Stamps;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Has things decided, one at a time, and what follows from it visible at once: the route of calls, and the memory in use. The
 * lock is held for decisions only, never across a store's work.
 */
final class Switchboard {
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

    private Performer performer = Performer.NONE;
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

    void attach(Performer outside) {
        performer = outside;
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

    /** Whether a route, the very object, was not replaced since. */
    @SuppressWarnings("ReferenceEquality")
    boolean isCurrent(Route seen) {
        return seen == route;
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

    Tier tier(int index) {
        return tiers.get(index);
    }

    /** The memory, if there is one. */
    Tier lastTier() {
        return tiers.get(tiers.size() - 1);
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
                performer.note(effects);
            } finally {
                lock.unlock();
                performer.perform(effects);
            }
        }
    }

    /** Makes the state's word the law: a new memory and the route to it become visible together. */
    private void publish() {
        state.stand(now());
        if (memories != null && !closed) {
            Tier last = lastTier();
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
        if (!next.equals(route)) {
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
            FastPath.@Nullable Tried<R> tried,
            Request request,
            R none,
            BiFunction<CacheStore, List<String>, R> operation,
            Duration limit,
            int excluded) {
        learnPrefixes();
        if (tried == null) {
            Call call = Call.begin(state, request, now() + limit.toNanos(), excluded);
            return new CallRunner<>(this, call, operation, none).run();
        }
        Call call = Call.attempted(state, request, ticks.startOf(tried.tick()) + limit.toNanos(), excluded);
        CallRunner<R> runner = new CallRunner<>(this, call, operation, none);
        runner.tried(tried, request.keys());
        return runner.run();
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
}
