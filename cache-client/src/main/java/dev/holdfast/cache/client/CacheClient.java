package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.CallObserver;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The entry point: named caches and counters over the tiers that are configured, {@code Cache( Failover( cluster > single >
 * upstash > memory ) )}. An application has one and closes it at its end.
 *
 * <pre>{@code
 * try (CacheClient client = CacheClient.fromEnvironment()) {
 *     LoadingCache<Long, User> users = client.cache("users", Long.class, User.class).build(id -> database.findUser(id));
 *     User user = users.get(42L);
 * }
 * }</pre>
 *
 * <p>For any number of threads. After {@link #close()} every method but {@link #isAlive()}, {@link #isReady()} and
 * {@code close()} throws {@link IllegalStateException}.
 */
public final class CacheClient implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CacheClient.class);

    /** No cache can have this name, so counters never meet a cache's keys. */
    static final String COUNTERS = "#:";

    private static final String UPSTASH = "upstash-redis";
    private static final Duration PROBE_PAUSE = Duration.ofSeconds(1);
    private static final Duration BILLED_PAUSE = Duration.ofSeconds(30);

    private final String name;
    private final CacheStore store;
    private final Optional<FailoverStore> failover;
    private final String onlyTier;
    private final HealthReport report;
    private final CachePolicy policy;
    private final EngineServices services;
    private final Caches caches;
    private final Management management;
    private final ClientListeners clientListeners = new ClientListeners();
    private final TierProbes probes = new TierProbes(System::nanoTime);
    private final Observation observation = new Observation();
    private final Closing closing;
    private volatile boolean closed;

    CacheClient(CacheClientBuilder builder, OpenTiers tiers, Caches caches, EngineServices services) {
        this.name = builder.name();
        this.store = tiers.store();
        this.failover = tiers.failover();
        this.onlyTier = tiers.first();
        this.report = new HealthReport(onlyTier, tiers.switchedOff(), Instant.now());
        this.policy = builder.policy();
        this.services = services;
        this.caches = caches;
        this.management = new Management(this, IsolatedThreads.platform("holdfast-" + name + "-jmx"));
        this.closing = new Closing(
                observation::close,
                clientListeners::close,
                management::close,
                caches::close,
                services::close,
                store::close,
                RecordLinks::release);
        management.start(ManagementFactory::getPlatformMBeanServer);
    }

    /**
     * Opens a client as the environment says. With nothing set, entries live in this process's memory.
     *
     * @return the client
     * @throws CacheConfigException if a variable is missing or malformed, a tier's module is not on the class path, or a
     *     server refuses this client and nothing else answers
     * @throws CacheUnavailableException if no tier answers; with memory among them, as it is by default, one always does
     */
    public static CacheClient fromEnvironment() {
        return from(Settings.environment());
    }

    /**
     * Opens a client as settings say.
     *
     * @param settings the settings
     * @return the client
     * @throws CacheConfigException as {@link #fromEnvironment()}
     * @throws CacheUnavailableException as {@link #fromEnvironment()}
     */
    public static CacheClient from(Settings settings) {
        return builder().settings(settings).build();
    }

    /**
     * Begins a client that code describes.
     *
     * @return a builder that knows nothing yet
     */
    public static CacheClientBuilder builder() {
        return new CacheClientBuilder();
    }

    /**
     * Returns the name, as in the log; in JMX a number follows it if another open client has the same.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Returns the policy of caches that bring none.
     *
     * @return the policy
     */
    public CachePolicy policy() {
        return policy;
    }

    /**
     * Begins a cache. Values of other types than String, byte[], Boolean and numbers need a codec provider on the class path,
     * {@code holdfast-cache-jackson}, or a codec.
     *
     * @param name {@code [A-Za-z0-9._-]}, 1 to 64 characters; entries of caches with the same name are the same entries, in
     *     every process
     * @param keys the type of the keys: String, a whole number, UUID, an enum, a record of these, or any for which {@link CacheBuilder#keys} gives a
     *     function
     * @param values the type of the values
     * @param <K> the type of the keys
     * @param <V> the type of the values
     * @return its builder
     */
    public <K, V> CacheBuilder<K, V> cache(String name, Class<K> keys, Class<V> values) {
        return begin(name, keys, Objects.requireNonNull(values, "values"));
    }

    /**
     * Begins a cache like {@link #cache(String, Class, Class)}, of values whose type has parameters.
     *
     * @param name its name
     * @param keys the type of the keys
     * @param values the type of the values: {@code new TypeRef<List<Order>>() {}}
     * @param <K> the type of the keys
     * @param <V> the type of the values
     * @return its builder
     */
    public <K, V> CacheBuilder<K, V> cache(String name, Class<K> keys, TypeRef<V> values) {
        return begin(name, keys, Objects.requireNonNull(values, "values").type());
    }

    private <K, V> CacheBuilder<K, V> begin(String name, Class<K> keys, Type values) {
        requireOpen();
        return new CacheBuilder<>(this, name, Objects.requireNonNull(keys, "keys"), values);
    }

    /** Makes a cache over what it is to stand on. */
    @FunctionalInterface
    interface Opening<K, V> {
        CacheEngine<K, V> open(CacheStore store, EngineServices services);
    }

    <K, V> CacheEngine<K, V> open(String cache, Caches.Terms terms, Opening<K, V> opening) {
        requireOpen();
        return caches.get(
                cache,
                terms,
                () -> {
                    CacheEngine<K, V> opened = opening.open(storeFor(terms.serversOnly()), services);
                    opened.whenClosed(() -> {
                        caches.forget(opened);
                        management.remove(opened);
                        clientListeners.closed(opened);
                    });
                    return opened;
                },
                this::opened);
    }

    private void opened(CacheEngine<?, ?> cache) {
        management.add(cache);
        clientListeners.opened(cache);
    }

    private CacheStore storeFor(boolean serversOnly) {
        return serversOnly
                ? failover.map(FailoverStore::serversOnly).orElseGet(() -> NoServers.because(report.whyNoServer()))
                : store;
    }

    /**
     * Returns the names of the open caches.
     *
     * @return the names, sorted; a snapshot
     */
    public SortedSet<String> caches() {
        requireOpen();
        SortedSet<String> names = new TreeSet<>();
        caches.all().forEach(cache -> names.add(cache.name()));
        return names;
    }

    /**
     * Removes every key of the open caches but of those with a raw codec, whose keys can't be told from those of others. All are tried, whatever
     * becomes of one; counters are kept. Each may take up to {@link CacheStore#PREFIX_REMOVAL_LIMIT}.
     *
     * @throws CacheUnavailableException if some may not have been removed: that of the first cache, those of others suppressed
     */
    public void clearAll() {
        requireUsable();
        new Closing(caches.all().stream()
                        .filter(cache -> !cache.prefix().isEmpty())
                        .map(cache -> (Runnable) cache::clear)
                        .toArray(Runnable[]::new))
                .close();
    }

    /**
     * Begins a counter.
     *
     * @param counter its name, not empty; does not begin with {@code #canary:} and does not hold {@code :#canary:}
     * @return its builder
     */
    public CounterBuilder counter(String counter) {
        requireOpen();
        return new CounterBuilder(this, counter);
    }

    Counter open(String counter, Duration ttl, boolean serversOnly) {
        requireOpen();
        return new StoreCounter(this, counter, counterKey(counter), storeFor(serversOnly), ttl, services);
    }

    private static String counterKey(String counter) {
        if (counter.isEmpty()) {
            throw new IllegalArgumentException("a counter's name must not be empty");
        }
        return COUNTERS.concat(StoreKeys.requireNotOurs(counter));
    }

    /** Refuses the call of a closed client, and that of an interrupted thread, whatever the store would do about it. */
    void requireUsable() {
        requireOpen();
        if (Thread.currentThread().isInterrupted()) {
            throw new CacheInterruptedException("interrupted before a call of the cache client " + name, null, false);
        }
    }

    /**
     * Says how the client is. Does not wait for I/O.
     *
     * @return a snapshot
     */
    public CacheHealth health() {
        requireOpen();
        return report.of(store.health(), caches.notes(), Instant.now());
    }

    /**
     * Says the same as {@link #health()}, in JSON.
     *
     * @return a JSON object in one line
     */
    public String healthJson() {
        return HealthJson.write(health());
    }

    /**
     * Says what each open cache has done. Does no I/O.
     *
     * @return the figures by the caches' names, sorted; a snapshot
     */
    public SortedMap<String, CacheStats> stats() {
        requireOpen();
        SortedMap<String, CacheStats> stats = new TreeMap<>();
        caches.all().forEach(cache -> stats.put(cache.name(), cache.stats()));
        return stats;
    }

    /**
     * Tests the connection to a tier's server, whether it serves or not; changes nothing about that. A test costs the server some commands, so there
     * is at most one in a second for each tier, and one in 30 seconds for Upstash, which bills them: several callers may be told of the same one.
     *
     * @param tier its name
     * @param timeout the longest time to wait, positive
     * @return what was found
     * @throws IllegalArgumentException if there is no such tier
     */
    public TierProbe probe(String tier, Duration timeout) {
        Duration pause = pauseOf(tier);
        TierProbes.Sender sender = failover.<TierProbes.Sender>map(all -> limit -> all.probe(tier, limit))
                .orElse(store::probe);
        return probes.probe(tier, timeout, pause, sender);
    }

    private Duration pauseOf(String tier) {
        return tierHealth(tier).store().type().equals(UPSTASH) ? BILLED_PAUSE : PROBE_PAUSE;
    }

    /**
     * Adds a listener for events of a type from now on. It is called on a thread of its own, one event after the other, never on a caller's path; what
     * it throws is logged. When it is slower than the events come, it misses some, and the log says so.
     *
     * @param type the type: {@code TierLost.class}, or {@code CacheEvent.class} for all
     * @param listener the listener
     * @param <E> the type
     * @return ends it
     */
    public <E extends CacheEvent> Runnable on(Class<E> type, Consumer<? super E> listener) {
        requireOpen();
        return services.events()
                .add(Objects.requireNonNull(type, "type"), Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Waits until a tier serves, as tests do after they have started a server again.
     *
     * @param tier its name
     * @param limit the longest time to wait
     * @return whether it serves
     * @throws IllegalArgumentException if there is no such tier
     * @throws CacheInterruptedException if the calling thread is interrupted meanwhile
     */
    public boolean awaitServing(String tier, Duration limit) {
        Objects.requireNonNull(tier, "tier");
        long end = System.nanoTime() + Objects.requireNonNull(limit, "limit").toNanos();
        while (true) {
            if (tierHealth(tier).serving()) {
                return true;
            }
            if (System.nanoTime() - end >= 0) {
                return false;
            }
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CacheInterruptedException("interrupted while waiting for the tier " + tier, e);
            }
        }
    }

    private TierHealth tierHealth(String tier) {
        return health().tiers().stream()
                .filter(each -> each.name().equals(tier))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no tier \"" + tier + '"'));
    }

    /**
     * Adds someone to tell which caches this client has; of those that are open at once, on this thread.
     *
     * @param listener the listener
     * @return ends it
     */
    public Runnable addListener(ClientListener listener) {
        requireOpen();
        return clientListeners.add(Objects.requireNonNull(listener, "listener"), caches::all);
    }

    /**
     * Adds someone to tell of the commands that this client's calls send to its servers, those of every tier; not of probes.
     *
     * @param observer the observer
     * @return ends it
     */
    public Runnable observeCommands(CallObserver observer) {
        requireOpen();
        return store.observe(Objects.requireNonNull(observer, "observer"));
    }

    /**
     * Adds someone to tell of loads. A load is one run of a loader, for one key or several; it is told of on the thread that runs it, in the context
     * of its caller where {@link CacheClientBuilder#contextCarrier} carries that. Nothing is told of a load that is answered later, which no thread runs.
     *
     * @param observer the observer
     * @return ends it
     */
    public Runnable observeLoads(CallObserver observer) {
        requireOpen();
        return services.loads().add(Objects.requireNonNull(observer, "observer"));
    }

    /**
     * Says whether some tier answers: what a readiness probe asks.
     *
     * @return whether one does; {@code false} after {@link #close()}
     */
    public boolean isReady() {
        return isAlive() && health().ready();
    }

    /**
     * Says whether this client works as an object of this process: what a liveness probe may ask. Never depends on a server.
     *
     * @return whether it was not closed
     */
    public boolean isAlive() {
        return !closed;
    }

    /**
     * Takes a tier out, as if it had failed, until {@link #forceFailback()}. What is changed meanwhile is removed there
     * before it serves again.
     *
     * @param tier its name
     * @throws IllegalArgumentException if there is no such tier
     * @throws IllegalStateException if there is only one tier
     */
    public void forceFailover(String tier) {
        composite().forceFailover(tier);
    }

    /**
     * Takes every tier that answers its probes back at once, without the grace period, yet not without reconciliation.
     *
     * @throws IllegalStateException if there is only one tier
     */
    public void forceFailback() {
        composite().forceFailback();
    }

    private FailoverStore composite() {
        requireOpen();
        return failover.orElseThrow(() -> new IllegalStateException(
                "there is one tier, " + onlyTier + ", and nothing to go to or come back from"));
    }

    /** Shows this client to whoever observes clients. */
    void observe(Settings settings) {
        observation.begin(this, settings);
    }

    Management management() {
        return management;
    }

    Caches registry() {
        return caches;
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the cache client " + name + " is closed");
        }
    }

    /**
     * Closes every cache, then the stores with their connections and threads. All of it is tried, whatever a part of it throws, which is
     * thrown at the end; called again it does what was left. Idempotent.
     */
    @Override
    public void close() {
        closed = true;
        closing.close();
        LOG.debug("Cache client {} closed", name);
    }

    /** The name and the store with its addresses, no secrets. */
    @Override
    public String toString() {
        return "CacheClient " + name + " over " + store;
    }
}
