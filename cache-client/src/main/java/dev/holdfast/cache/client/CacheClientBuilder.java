package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Describes a {@link CacheClient}. What code says wins over what the settings say; with neither, entries live in this process's
 * memory. For one thread, and for one client: it owns the stores it was given.
 */
public final class CacheClientBuilder {
    private static final String FAILOVER_TIMEOUT = "REDIS_FAILOVER_TIMEOUT";

    private String name = "holdfast";
    private KeyPrefix keyPrefix = KeyPrefix.NONE;
    private Settings settings = Settings.of(Map.of());
    private boolean settingsGiven;
    private final GivenServers servers = new GivenServers();
    private final List<Consumer<Events>> listeners = new ArrayList<>();
    private final List<ContextCarrier> carriers = new ArrayList<>();
    private @Nullable Supplier<? extends CacheStore> memories;
    private @Nullable Long memoryBytes;
    private boolean withoutMemory;
    private @Nullable InstantSource clock;
    private @Nullable Executor executor;
    private @Nullable CachePolicy policy;
    private @Nullable FailoverConfig failover;
    private @Nullable Boolean strictStart;
    private @Nullable Duration startTimeout;
    private boolean built;

    CacheClientBuilder() {}

    /**
     * Names the client, for JMX, threads and the log. By default {@code holdfast}.
     *
     * @param value the name; in JMX a second open client of the same name gets a number
     * @return this
     */
    public CacheClientBuilder name(String value) {
        Objects.requireNonNull(value, "name");
        if (value.isBlank()) {
            throw new IllegalArgumentException("a client's name must not be blank");
        }
        if (value.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "a client's name must not hold control characters: it stands in lines of the log");
        }
        this.name = value;
        return this;
    }

    /**
     * Gives the settings: everything the environment can say.
     *
     * @param value the settings
     * @return this
     */
    public CacheClientBuilder settings(Settings value) {
        this.settings = Objects.requireNonNull(value, "settings");
        this.settingsGiven = true;
        return this;
    }

    /**
     * Sets what stands before every key in the servers of {@link #tier(StoreConfig)}, with a colon, where their configurations have no prefix of their
     * own.
     *
     * @param value the prefix without a colon; empty for none
     * @return this
     * @throws IllegalArgumentException if {@link KeyPrefix#of} refuses it
     */
    public CacheClientBuilder keyPrefix(String value) {
        this.keyPrefix = KeyPrefix.of(value);
        return this;
    }

    /**
     * Adds a server that a configuration describes, below those added before, under the configuration's own name for the tier. It is opened when the
     * client is built.
     *
     * @param config the configuration: {@code SingleConfig.of("redis://host:6379")}
     * @return this
     */
    public CacheClientBuilder tier(StoreConfig config) {
        return tier(Objects.requireNonNull(config, "config").tier(), config);
    }

    /**
     * Adds a server like {@link #tier(StoreConfig)}, under another name.
     *
     * @param tier its name: not empty, without white space and control characters, given once
     * @param config the configuration
     * @return this
     * @throws IllegalArgumentException if the name is none
     */
    public CacheClientBuilder tier(String tier, StoreConfig config) {
        servers.add(tier, Objects.requireNonNull(config, "config"));
        return this;
    }

    /**
     * Adds a server below those added before. With at least one server from code, the settings make none; this process's memory stands below all of them
     * unless {@link #withoutMemory()} says otherwise.
     *
     * @param tier its name, in health and JMX: {@code cluster}, {@code single}, {@code upstash}, or any other without white space and control
     *     characters
     * @param store the store, the client's from now on
     * @return this
     * @throws IllegalArgumentException if the name is none, or given already
     */
    public CacheClientBuilder tier(String tier, CacheStore store) {
        return tier(tier, store, TierPolicy.DEFAULT);
    }

    /**
     * Adds a server like {@link #tier(String, CacheStore)}, watched by rules of its own.
     *
     * @param tier its name: not empty, without white space and control characters, given once
     * @param store the store
     * @param rules how it is watched
     * @return this
     * @throws IllegalArgumentException if the name is none
     */
    public CacheClientBuilder tier(String tier, CacheStore store, TierPolicy rules) {
        servers.add(tier, Objects.requireNonNull(store, "store"), Objects.requireNonNull(rules, "rules"));
        return this;
    }

    /**
     * Sets how much of this process's memory the last tier may take. It is there anyway, with what the settings say, 64 MiB by default.
     *
     * @param maxBytes at least 1 MiB
     * @return this
     * @throws IllegalArgumentException if it is less
     */
    public CacheClientBuilder memory(long maxBytes) {
        if (maxBytes < 1 << 20) {
            throw new IllegalArgumentException("memory must have at least 1 MiB, 1048576 bytes: " + maxBytes);
        }
        this.memoryBytes = maxBytes;
        return this;
    }

    /**
     * Leaves this process's memory out: when no server answers, operations fail.
     *
     * @return this
     */
    public CacheClientBuilder withoutMemory() {
        this.withoutMemory = true;
        return this;
    }

    /**
     * Takes a store of one's own for this process's memory, as the last tier, by the name {@code memory}.
     *
     * @param stores makes an empty store, bounded, that never waits: {@code () -> MemoryStore.create(maxBytes)}. Asked again each
     *     time that memory begins to serve, since it must not remember what it held before
     * @return this
     */
    public CacheClientBuilder memory(Supplier<? extends CacheStore> stores) {
        this.memories = Objects.requireNonNull(stores, "stores");
        return this;
    }

    /**
     * Gives the policy of caches that bring none.
     *
     * @param value the policy
     * @return this
     */
    public CacheClientBuilder policy(CachePolicy value) {
        this.policy = Objects.requireNonNull(value, "policy");
        return this;
    }

    /**
     * Says how calls go from tier to tier.
     *
     * @param value the config
     * @return this
     */
    public CacheClientBuilder failover(FailoverConfig value) {
        this.failover = Objects.requireNonNull(value, "failover");
        return this;
    }

    /**
     * Adds a listener for events of a type, like {@link CacheClient#on}, which hears of the start too.
     *
     * @param type the type: {@code TierLost.class}, or {@code CacheEvent.class} for all
     * @param listener the listener
     * @param <E> the type
     * @return this
     */
    public <E extends CacheEvent> CacheClientBuilder on(Class<E> type, Consumer<? super E> listener) {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(listener, "listener");
        listeners.add(events -> {
            Runnable unused = events.add(type, listener);
        });
        return this;
    }

    /**
     * Lets the client go by a clock of one's own, as tests do: freshness, retry pauses, leases and refreshes of its caches, and the times to live in this
     * process's memory. Times to live in servers, and all that watches servers, go by the system's.
     *
     * @param value the clock; must not go back
     * @return this
     */
    public CacheClientBuilder clock(InstantSource value) {
        this.clock = Objects.requireNonNull(value, "clock");
        return this;
    }

    /**
     * Runs loaders that their caller's thread does not run on an executor of one's own: refreshes in the background, loads that a
     * {@link CachePolicy#loadSoftTimeout()} leaves behind, those of {@link dev.holdfast.cache.Cache#async()}, and what goes on after an asynchronous loader's
     * answer. By default each has a thread of its own. At most {@link CachePolicy#maxLoads()} of a cache are handed over at a time.
     *
     * <p>A load that the executor refuses fails. What waits in its queue uses up its {@link CachePolicy#loadTimeout()}, and loads that ask the cache for what
     * other loads find need threads for all of them: an executor that has fewer holds them up until then. One that runs a task in the thread that hands it over
     * ({@code Runnable::run}, and {@code CallerRunsPolicy} when it is full) makes that thread wait for the loader, which is of use in tests: a thread of the
     * cache's own, or a caller that only starts a refresh ahead. A load that waited for its place is never run by the thread that left that place.
     *
     * @param value the executor; the client does not close it
     * @return this
     */
    public CacheClientBuilder executor(Executor value) {
        this.executor = Objects.requireNonNull(value, "executor");
        return this;
    }

    /**
     * Adds what takes a caller's context to loads in the background.
     *
     * @param value the carrier; the first added is the outermost
     * @return this
     */
    public CacheClientBuilder contextCarrier(ContextCarrier value) {
        carriers.add(Objects.requireNonNull(value, "contextCarrier"));
        return this;
    }

    /**
     * Says whether every tier must answer at the start.
     *
     * @param value {@code true}: one that does not is fatal; by default as {@code CACHE_STRICT_START} says
     * @return this
     */
    public CacheClientBuilder strictStart(boolean value) {
        this.strictStart = value;
        return this;
    }

    /**
     * Says how long the start waits for tiers that don't answer, for all of them together.
     *
     * @param value positive; by default as {@code REDIS_CONNECT_TIMEOUT} says, 5 s
     * @return this
     */
    public CacheClientBuilder startTimeout(Duration value) {
        Objects.requireNonNull(value, "startTimeout");
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException("startTimeout must be positive: " + value);
        }
        this.startTimeout = value;
        return this;
    }

    /**
     * Opens the client. If this fails, the stores that it was given are closed.
     *
     * @return the client
     * @throws CacheConfigException if a setting is missing or malformed, a tier's module is not on the class path, or a
     *     server refuses this client and nothing else answers
     * @throws CacheUnavailableException if no tier answers
     * @throws IllegalStateException if this builder has built already, or what it was told about memory contradicts itself
     */
    public CacheClient build() {
        if (built) {
            throw new IllegalStateException("a builder builds one client: it owns the stores it was given");
        }
        built = true;
        try {
            requireConsistent();
        } catch (Throwable e) {
            Closing.after(e, servers::close);
            throw e;
        }
        Caches caches = new Caches();
        BackgroundThreads threads = BackgroundThreads.of("holdfast-" + name, executor);
        Events events = new Events(threads.platform("events"));
        listeners.forEach(listener -> listener.accept(events));
        EngineServices services = EngineServices.start(threads, events, List.copyOf(carriers), clock);
        OpenTiers open;
        try {
            open = OpenTiers.open(this, caches, new TierEvents(events));
        } catch (Throwable e) {
            Closing.after(e, services::close, servers::close);
            throw e;
        }
        CacheClient client;
        try {
            client = new CacheClient(this, open, caches, services);
        } catch (Throwable e) {
            Closing.after(e, open.store()::close, services::close);
            throw e;
        }
        try {
            client.observe(settings);
            return client;
        } catch (Throwable e) {
            Closing.after(e, client::close);
            throw e;
        }
    }

    private void requireConsistent() {
        requireFree(KnownTier.MEMORY.tier());
        if (withoutMemory && (memoryBytes != null || memories != null)) {
            throw new IllegalStateException(
                    "withoutMemory() and memory(…) contradict each other: leave one of them out");
        }
        if (memoryBytes != null && memories != null) {
            throw new IllegalStateException(
                    "a store of one's own has a size of its own: leave memory(maxBytes) out, or memory(stores)");
        }
    }

    /** Of the tier that is this process's memory, unless there is none. */
    private void requireFree(String tier) {
        if (!withoutMemory && servers.has(tier)) {
            throw new IllegalStateException(
                    "a tier \"" + tier + "\" is there already, this process's: give the server another name, or say"
                            + " withoutMemory(); memory(stores) takes a store of one's own for it");
        }
    }

    String name() {
        return name;
    }

    Settings settings() {
        return settings;
    }

    /** Names what may be said in two ways, for messages: by the variable if there are settings, else as code says it. */
    String named(String variable, String inCode) {
        return settingsGiven ? variable : inCode;
    }

    /** How the time for a call was said. */
    String nameOfFailoverTimeout() {
        boolean byVariable = failover == null && (settings.isSet(FAILOVER_TIMEOUT) || !hasTiers());
        return byVariable ? FAILOVER_TIMEOUT : "FailoverConfig.withFailoverTimeout";
    }

    /** How it was said that each tier must answer. */
    String nameOfStrictStart() {
        return strictStart == null ? "CACHE_STRICT_START is true" : "strictStart(true) was asked for";
    }

    /** Who left memory out. */
    String whyNoMemory() {
        return withoutMemory || hasTiers() ? "withoutMemory() leaves memory out" : "CACHE_TIERS leaves out memory";
    }

    /** Whether code says which tiers there are. */
    boolean hasTiers() {
        return !servers.isEmpty();
    }

    @Nullable
    InstantSource clock() {
        return clock;
    }

    /** Opens those that are not open, and hands them over: whoever asked closes them. If one can't be opened, all are closed. */
    List<Tier> servers() {
        return servers.open(name, keyPrefix, client());
    }

    /** Makes memories; {@code null} if there is to be none. */
    @Nullable
    Supplier<? extends CacheStore> memories(StoreProviders stores) {
        if (withoutMemory || memories != null) {
            return memories;
        }
        Settings sized =
                memoryBytes == null ? settings : settings.with(KnownTier.MEMORY.place(), Long.toString(memoryBytes));
        String tier = KnownTier.MEMORY.tier();
        InstantSource own = clock;
        return own == null ? () -> stores.make(tier, sized) : () -> stores.make(tier, sized, own);
    }

    CachePolicy policy() {
        return policy != null ? policy : client().policy();
    }

    FailoverConfig failover() {
        return failover != null ? failover : client().failover();
    }

    boolean strictStart() {
        return strictStart != null ? strictStart : client().strictStart();
    }

    Duration startTimeout() {
        return startTimeout != null ? startTimeout : client().startTimeout();
    }

    private ClientSettings client() {
        return new ClientSettings(settings);
    }
}
