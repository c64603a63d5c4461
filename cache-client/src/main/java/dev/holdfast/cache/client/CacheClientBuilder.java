package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheListener;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.TierPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Describes a {@link CacheClient}. What code says wins over what the settings say; with neither, entries live in this process's
 * memory. For one thread, and for one client: it owns the stores it was given.
 */
public final class CacheClientBuilder {
    private String name = "holdfast";
    private Settings settings = Settings.of(Map.of());
    private final List<Tier> servers = new ArrayList<>();
    private final List<FailoverListener> failoverListeners = new ArrayList<>();
    private final List<ContextCarrier> carriers = new ArrayList<>();
    private final LaterListeners laterListeners = new LaterListeners();
    private CacheListener listener = CacheListener.NONE;
    private @Nullable Supplier<? extends CacheStore> memories;
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
        if (value.isBlank()) {
            throw new IllegalArgumentException("a client's name must not be blank");
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
        return this;
    }

    /**
     * Adds a server below those added before. With at least one tier from code, the settings make none.
     *
     * @param tier its name, in health and JMX: {@code cluster}, {@code single}, {@code upstash}, or any other
     * @param store the store, the client's from now on
     * @return this
     */
    public CacheClientBuilder tier(String tier, CacheStore store) {
        return tier(tier, store, TierPolicy.DEFAULT);
    }

    /**
     * Adds a server like {@link #tier(String, CacheStore)}, watched by rules of its own.
     *
     * @param tier its name
     * @param store the store
     * @param rules how it is watched
     * @return this
     */
    public CacheClientBuilder tier(String tier, CacheStore store, TierPolicy rules) {
        if (tier.isBlank() || servers.stream().anyMatch(other -> other.name().equals(tier))) {
            throw new IllegalArgumentException("a tier's name must not be blank and be given once: \"" + tier + '"');
        }
        servers.add(new Tier(tier, Objects.requireNonNull(store, "store"), Objects.requireNonNull(rules, "rules")));
        return this;
    }

    /**
     * Adds this process's memory, as the last tier, by the name {@code memory}.
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
     * Says whom to tell what goes wrong in caches.
     *
     * @param value the listener
     * @return this
     */
    public CacheClientBuilder listener(CacheListener value) {
        this.listener = Objects.requireNonNull(value, "listener");
        return this;
    }

    /**
     * Adds someone to tell what becomes of the tiers.
     *
     * @param value the listener
     * @return this
     */
    public CacheClientBuilder failoverListener(FailoverListener value) {
        failoverListeners.add(Objects.requireNonNull(value, "failoverListener"));
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
     * @throws IllegalStateException if this builder has built already
     */
    public CacheClient build() {
        if (built) {
            throw new IllegalStateException("a builder builds one client: it owns the stores it was given");
        }
        built = true;
        Caches caches = new Caches();
        OpenTiers open = OpenTiers.open(this, caches::prefixes);
        CacheClient client;
        try {
            client = new CacheClient(this, open, caches);
        } catch (Throwable e) {
            Closing.after(e, open.store()::close);
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

    String name() {
        return name;
    }

    Settings settings() {
        return settings;
    }

    boolean hasTiers() {
        return !servers.isEmpty() || memories != null;
    }

    List<Tier> servers() {
        return List.copyOf(servers);
    }

    @Nullable
    Supplier<? extends CacheStore> memories() {
        return memories;
    }

    CachePolicy policy() {
        return policy != null ? policy : client().policy();
    }

    FailoverConfig failover() {
        return failover != null ? failover : client().failover();
    }

    CacheListener listener() {
        return listener;
    }

    List<FailoverListener> failoverListeners() {
        List<FailoverListener> all = new ArrayList<>(failoverListeners);
        all.add(laterListeners);
        return all;
    }

    LaterListeners laterListeners() {
        return laterListeners;
    }

    List<ContextCarrier> carriers() {
        return List.copyOf(carriers);
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
