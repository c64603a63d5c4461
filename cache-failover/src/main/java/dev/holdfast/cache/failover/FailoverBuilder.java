package dev.holdfast.cache.failover;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.NOPLogger;

/** Collects the tiers of a {@link FailoverStore}, first to last. For one thread. */
public final class FailoverBuilder {
    private static final int MAX_TIERS = 16;

    private final List<Draft> drafts = new ArrayList<>();
    private final List<FailoverListener> listeners = new ArrayList<>();
    private @Nullable Supplier<? extends CacheStore> memories;
    private FailoverConfig config = FailoverConfig.DEFAULT;
    private Supplier<? extends Collection<String>> prefixes = List::of;
    private @Nullable ToLongFunction<byte[]> made;
    private Cleaning cleaning = Cleaning.PLAIN;
    private InstantSource clock = Clock.systemUTC();
    private String name = "holdfast-failover";
    private SplittableRandom random = new SplittableRandom();
    private Logger log = LoggerFactory.getLogger(FailoverStore.class);

    private record Draft(String name, CacheStore store, boolean remote, TierPolicy policy) {}

    FailoverBuilder() {}

    /**
     * Adds a server.
     *
     * @param tier its name, in log lines and health: not empty, without white space and control characters, given once
     * @param store the store; closed with the composite
     * @return this builder
     */
    public FailoverBuilder tier(String tier, CacheStore store) {
        return tier(tier, store, TierPolicy.DEFAULT);
    }

    /**
     * Adds a server that differs from others.
     *
     * @param tier its name, in log lines and health: not empty, without white space and control characters, given once
     * @param store the store; closed with the composite
     * @param policy what is particular to it
     * @return this builder
     */
    public FailoverBuilder tier(String tier, CacheStore store, TierPolicy policy) {
        add(new Draft(tier, Objects.requireNonNull(store, "store"), true, Objects.requireNonNull(policy, "policy")));
        return this;
    }

    /**
     * Adds the process's own memory, as the last tier. It never fails, and begins empty each time calls come to it.
     *
     * @param tier its name, in log lines and health: not empty, without white space and control characters, given once
     * @param supplier makes an empty store that fails for no reason outside this process; asked again for each period in
     *     which it serves, ahead of it and on a thread of the composite's
     * @return this builder
     */
    public FailoverBuilder memoryTier(String tier, Supplier<? extends CacheStore> supplier) {
        Objects.requireNonNull(supplier, "supplier");
        add(new Draft(tier, Objects.requireNonNull(supplier.get(), "supplier's store"), false, TierPolicy.DEFAULT));
        memories = supplier;
        return this;
    }

    /**
     * Checks the name of a tier, before its store is opened for instance.
     *
     * @param tier the name
     * @return the name
     * @throws IllegalArgumentException if it is empty, or holds white space or control characters
     */
    public static String requireTierName(String tier) {
        Objects.requireNonNull(tier, "tier");
        if (tier.isEmpty() || tier.chars().anyMatch(c -> Character.isWhitespace(c) || Character.isISOControl(c))) {
            throw new IllegalArgumentException(
                    "a tier's name must not be empty, nor hold white space or control characters: it stands in lines of the log, in"
                            + " health and in metrics: \"" + ForeignText.shown(tier) + '"');
        }
        return tier;
    }

    private void add(Draft draft) {
        String unused = requireTierName(draft.name());
        if (memories != null) {
            throw new IllegalArgumentException("memory is the last tier: \"" + draft.name() + "\" can't follow it");
        }
        if (drafts.stream().anyMatch(each -> each.name().equals(draft.name()))) {
            throw new IllegalArgumentException("there is a tier \"" + draft.name() + "\" already");
        }
        if (drafts.size() == MAX_TIERS) {
            throw new IllegalArgumentException("there are at most " + MAX_TIERS + " tiers");
        }
        drafts.add(draft);
    }

    /**
     * Sets the config.
     *
     * @param value the config
     * @return this builder
     */
    public FailoverBuilder config(FailoverConfig value) {
        config = Objects.requireNonNull(value, "config");
        return this;
    }

    /**
     * Adds a listener.
     *
     * @param listener the listener
     * @return this builder
     */
    public FailoverBuilder listener(FailoverListener listener) {
        listeners.add(Objects.requireNonNull(listener, "listener"));
        return this;
    }

    /**
     * Says which keys are this client's, for a server without a key prefix that lost acknowledged writes and has to be cleared of
     * them.
     *
     * @param supplier returns what those keys begin with, such as the caches' names with their colons; asked when needed,
     *     from any thread
     * @return this builder
     */
    public FailoverBuilder prefixes(Supplier<? extends Collection<String>> supplier) {
        prefixes = Objects.requireNonNull(supplier, "supplier");
        return this;
    }

    /**
     * Says when values were made. Then a server below another begins each period in which calls come to it empty, as memory does: what
     * was made earlier counts as absent there, whichever client stored it, since this client may have removed or changed it above
     * meanwhile. Without this, and for values that don't tell, a lower server that several clients share may answer with
     * what another client stored there in an earlier outage.
     *
     * @param value returns when a value was made, in epoch milliseconds by its maker's clock (a second of difference does not matter);
     *     {@link Long#MAX_VALUE} for a value that does not tell; looks at no more than its first 64 bytes, which may be all it is given; called by
     *     callers' threads, must not throw
     * @return this builder
     */
    public FailoverBuilder made(ToLongFunction<byte[]> value) {
        made = Objects.requireNonNull(value, "made");
        return this;
    }

    /**
     * Says what is left in the place of keys that are removed from a tier since they were changed elsewhere while it was out, see
     * {@link CacheStore#removeLeaving}: loads that other clients began there before are not stored then. Without this nothing is left.
     *
     * @param tombstone makes one, another each time; from any thread, must not throw
     * @param life returns for how long one is left in the place of a key; {@code null} for none; from any thread, must not throw
     * @return this builder
     */
    public FailoverBuilder tombstones(Supplier<byte[]> tombstone, Function<String, @Nullable Duration> life) {
        cleaning = new Cleaning(Objects.requireNonNull(tombstone, "tombstone"), Objects.requireNonNull(life, "life"));
        return this;
    }

    /**
     * Sets the clock that {@link #made} goes by, where that is not the system's.
     *
     * @param value the clock
     * @return this builder
     */
    public FailoverBuilder clock(InstantSource value) {
        clock = Objects.requireNonNull(value, "clock");
        return this;
    }

    /**
     * Names the composite's threads.
     *
     * @param value the name
     * @return this builder
     */
    public FailoverBuilder name(String value) {
        name = Objects.requireNonNull(value, "name");
        return this;
    }

    /** Keeps its outages out of the log, for the rehearsal of one. */
    FailoverBuilder unlogged() {
        log = NOPLogger.NOP_LOGGER;
        return this;
    }

    /** Makes chance repeatable. */
    FailoverBuilder random(SplittableRandom value) {
        random = value;
        return this;
    }

    /**
     * Makes the composite. Contacts nothing; see {@link FailoverStore#start}.
     *
     * @return the composite, which owns its stores from now on
     * @throws IllegalArgumentException if there is no tier, or one whose calls may take longer than the composite's
     */
    public FailoverStore build() {
        if (drafts.isEmpty()) {
            throw new IllegalArgumentException("a composite needs a tier");
        }
        // Never negative and never zero, whatever the origin of nanoTime is.
        long origin = System.nanoTime() - 1_000_000_000L;
        LongSupplier nanoTime = () -> System.nanoTime() - origin;
        Ticks ticks = new Ticks(nanoTime);
        // Whoever asks what is trusted goes by the system's.
        Agreements agreements = new Agreements(clock, System::nanoTime);
        List<CacheStore> stores = new ArrayList<>();
        List<TierState.Traits> traits = new ArrayList<>();
        for (Draft draft : drafts) {
            CacheStore store = draft.store().within(config.failoverTimeout());
            traits.add(new TierState.Traits(draft.name(), draft.remote(), draft.policy(), bound(draft.name(), store)));
            stores.add(!stores.isEmpty() && draft.remote() ? lower(store, agreements) : store);
        }
        String id = UUID.randomUUID().toString().replace("-", "").substring(0, 16);
        FailoverState state =
                new FailoverState(new DirtyKeys(new Tiers(config, traits, random, Attendance.of(id, agreements))));
        List<Tier> tiers = new ArrayList<>();
        for (TierState tier : state.tiers) {
            tiers.add(new Tier(tier, stores.get(tier.index), ticks, config));
        }
        Supplier<? extends CacheStore> fresh = memories;
        Switchboard switchboard =
                new Switchboard(state, tiers, ticks, nanoTime, fresh == null ? null : new Memories(fresh), prefixes);
        switchboard.cleanBy(cleaning);
        List<String> names = drafts.stream().map(Draft::name).toList();
        ToLongFunction<byte[]> age = made == null ? value -> Long.MAX_VALUE : made;
        Background background = new Background(switchboard, tiers, new Notifications(log, names, listeners), age, name);
        switchboard.attach(background);
        Ticker ticker = new Ticker(switchboard, tiers, ticks, background, name);
        ticker.start();
        Shutdown shutdown = new Shutdown(switchboard, tiers, background, ticker);
        FailoverHealth health = new FailoverHealth(switchboard, tiers, Clock.systemUTC());
        return new FailoverStore(switchboard, background, shutdown, tiers, health, config.failoverTimeout());
    }

    private CacheStore lower(CacheStore store, Agreements agreements) {
        InstantSource servers = () -> Instant.ofEpochMilli(agreements.serverMillis());
        return made == null ? store : new LowerServer(store, made, servers);
    }

    /** The longest one call may take; 0 if the store keeps to any limit. */
    private long bound(String tier, CacheStore store) {
        Duration shortest = Duration.ofMillis(1);
        if (store.within(shortest).callBound().compareTo(shortest) <= 0) {
            return 0;
        }
        if (store.callBound().compareTo(config.failoverTimeout()) > 0) {
            throw new IllegalArgumentException("one call of tier \"" + tier + "\" may take " + store.callBound()
                    + ", more than failoverTimeout allows: " + config.failoverTimeout());
        }
        return store.callBound().toNanos();
    }
}
