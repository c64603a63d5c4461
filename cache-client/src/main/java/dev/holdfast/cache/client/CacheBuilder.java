package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCacheLoader;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.spi.CacheStore;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Describes a cache of a {@link CacheClient}. What is not said is as the client's policy has it. Options may come in any order; whether they
 * agree is checked when the cache is built. For one thread.
 *
 * <pre>{@code
 * LoadingCache<Long, User> users = client.cache("users", Long.class, User.class)
 *         .ttl(Duration.ofMinutes(5))
 *         .staleIfError(Duration.ofHours(1))
 *         .build(id -> database.findUser(id));
 * }</pre>
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public final class CacheBuilder<K, V> {
    private final CacheClient client;
    private final String name;
    private final Class<K> keyType;
    private final Type valueType;
    private final List<UnaryOperator<CachePolicy>> changes = new ArrayList<>();
    private @Nullable Function<? super K, String> keys;
    private @Nullable Codec<V> codec;
    private @Nullable CachePolicy policy;
    private boolean serversOnly;
    private @Nullable NearCache near;

    CacheBuilder(CacheClient client, String name, Class<K> keyType, Type valueType) {
        this.client = client;
        this.name = Objects.requireNonNull(name, "name");
        this.keyType = keyType;
        this.valueType = valueType;
    }

    /**
     * Makes keys' texts by a function. String, whole numbers, UUID, enums, and records of these need none.
     *
     * @param value makes a key's text: never {@code null}, and different for different keys. When the cache is opened again under its name it must be
     *     an equal function, which for a lambda means the same object
     * @return this
     */
    public CacheBuilder<K, V> keys(Function<? super K, String> value) {
        keys = Objects.requireNonNull(value, "keys");
        return this;
    }

    /**
     * Turns values into bytes by a codec of one's own.
     *
     * @param value the codec; when the cache is opened again under its name, an equal one
     * @return this
     */
    public CacheBuilder<K, V> codec(Codec<V> value) {
        codec = Objects.requireNonNull(value, "codec");
        return this;
    }

    /**
     * Takes a policy in the place of the client's. Single options of this builder go before it, wherever they stand.
     *
     * @param value the policy
     * @return this
     */
    public CacheBuilder<K, V> policy(CachePolicy value) {
        policy = Objects.requireNonNull(value, "policy");
        return this;
    }

    private CacheBuilder<K, V> change(UnaryOperator<CachePolicy> change) {
        CachePolicy unused = change.apply(CachePolicy.defaults()); // says at once what is out of its bounds
        changes.add(change);
        return this;
    }

    /**
     * Sets how long a value is fresh.
     *
     * @param value as in {@link CachePolicy#withTtl}
     * @return this
     */
    public CacheBuilder<K, V> ttl(Duration value) {
        return change(base -> base.withTtl(value));
    }

    /**
     * Lets a value stand in for a failed load so long beyond its time to live.
     *
     * @param value as in {@link CachePolicy#withStaleIfError}
     * @return this
     */
    public CacheBuilder<K, V> staleIfError(Duration value) {
        return change(base -> base.withStaleIfError(value));
    }

    /**
     * Has reads without a loader return a stale value where there is no fresh one.
     *
     * @return this
     */
    public CacheBuilder<K, V> staleOnGet() {
        return change(base -> base.withStaleOnGet(true));
    }

    /**
     * Remembers so long that the source has no value for a key.
     *
     * @param value as in {@link CachePolicy#withRememberAbsence}
     * @return this
     */
    public CacheBuilder<K, V> rememberAbsence(Duration value) {
        return change(base -> base.withRememberAbsence(value));
    }

    /**
     * Refreshes values in the background before they expire.
     *
     * @param fraction of the time to live, as in {@link CachePolicy#withRefreshAhead}
     * @return this
     */
    public CacheBuilder<K, V> refreshAhead(double fraction) {
        return change(base -> base.withRefreshAhead(fraction));
    }

    /**
     * Shortens each time to live at random.
     *
     * @param fraction the most that is taken off, as in {@link CachePolicy#withTtlJitter}
     * @return this
     */
    public CacheBuilder<K, V> ttlJitter(double fraction) {
        return change(base -> base.withTtlJitter(fraction));
    }

    /**
     * Bounds how long a load may take.
     *
     * @param value as in {@link CachePolicy#withLoadTimeout}
     * @return this
     */
    public CacheBuilder<K, V> loadTimeout(Duration value) {
        return change(base -> base.withLoadTimeout(value));
    }

    /**
     * Bounds how long a caller that has a stale value waits for a load, which goes on without it.
     *
     * @param value as in {@link CachePolicy#withLoadSoftTimeout}
     * @return this
     */
    public CacheBuilder<K, V> loadSoftTimeout(Duration value) {
        return change(base -> base.withLoadSoftTimeout(value));
    }

    /**
     * Bounds for how long another client's change may go unseen, whatever dies.
     *
     * @param value as in {@link CachePolicy#withAgreeWithin}
     * @return this
     */
    public CacheBuilder<K, V> agreeWithin(Duration value) {
        return change(base -> base.withAgreeWithin(value));
    }

    /**
     * Marks every entry with these tags, so that one removal removes them together.
     *
     * @param values as in {@link CachePolicy#withTags}; a load may add others by {@link dev.holdfast.cache.LoadContext#tags}
     * @return this
     */
    public CacheBuilder<K, V> tags(String... values) {
        String[] copy = Objects.requireNonNull(values, "tags").clone();
        return change(base -> base.withTags(copy));
    }

    /**
     * Has one client at a time load a key, of all that share the first server.
     *
     * @param lease as in {@link CachePolicy#withLoadLock}
     * @return this
     */
    public CacheBuilder<K, V> loadLock(Duration lease) {
        return change(base -> base.withLoadLock(lease));
    }

    /**
     * Bounds how many loads run at once.
     *
     * @param value as in {@link CachePolicy#withMaxLoads}
     * @return this
     */
    public CacheBuilder<K, V> maxLoads(int value) {
        return change(base -> base.withMaxLoads(value));
    }

    /**
     * Bounds how many keys a bulk loader is given at once.
     *
     * @param value as in {@link CachePolicy#withMaxBatch}
     * @return this
     */
    public CacheBuilder<K, V> maxBatch(int value) {
        return change(base -> base.withMaxBatch(value));
    }

    /**
     * Keeps the cache on servers: an operation that no server answers fails with a {@link dev.holdfast.cache.CacheUnavailableException} where another
     * cache would use this process's memory. For what other processes must see too, such as which events were handled.
     *
     * @return this
     */
    public CacheBuilder<K, V> serversOnly() {
        serversOnly = true;
        return this;
    }

    /**
     * Keeps what was read in this process, in front of the store, until its server says that it changed. Off by default. Values that are kept are shared by
     * all who read them.
     *
     * @param value how much, and what of servers that don't say so; when the cache is opened again under its name, an equal one
     * @return this
     */
    public CacheBuilder<K, V> near(NearCache value) {
        near = Objects.requireNonNull(value, "near");
        return this;
    }

    /**
     * Opens the cache, or returns the one that is open under this name.
     *
     * @return the cache
     * @throws IllegalArgumentException if the name is no cache's name, the keys need a function, options contradict each other, or the policy does not read or
     *     does not store
     * @throws IllegalStateException if the cache is open with other options, or the client is closed
     * @throws CacheConfigException if there is no codec for the values, or a near cache is asked for of servers that can't tell of changes, without saying
     *     how long an entry may be kept ({@link NearCache#withUntrackedTtl})
     */
    public Cache<K, V> build() {
        return open(null);
    }

    /**
     * Opens the cache with a loader.
     *
     * @param loader finds the value of a key; when the cache is opened again under its name, an equal one, which for a lambda means the same object
     * @return the cache
     */
    public LoadingCache<K, V> build(CacheLoader<? super K, V> loader) {
        return opened(Loaders.single(Objects.requireNonNull(loader, "loader")));
    }

    /**
     * Opens the cache with a loader that decides per value: time to live, ETag, whether to store at all.
     *
     * @param loader finds the value of a key, as in {@link #build(CacheLoader)}
     * @return the cache
     */
    public LoadingCache<K, V> build(CacheLoader.Adaptive<K, V> loader) {
        return build(CacheLoader.adaptive(loader));
    }

    /**
     * Opens the cache with a loader of several keys. One key is loaded by it too.
     *
     * @param loader finds the values of several keys, as in {@link #build(CacheLoader)}
     * @return the cache
     */
    public LoadingCache<K, V> buildBulk(BulkCacheLoader<K, V> loader) {
        return opened(Loaders.bulk(Objects.requireNonNull(loader, "loader"), policy()));
    }

    /**
     * Opens the cache with a loader that answers later. No thread waits for what it loads.
     *
     * @param loader finds the value of a key, as in {@link #build(CacheLoader)}
     * @return the cache
     */
    public LoadingCache<K, V> buildAsync(AsyncCacheLoader<? super K, V> loader) {
        return opened(Loaders.later(Objects.requireNonNull(loader, "loader")));
    }

    private LoadingEngine<K, V> opened(Loaders<K, V> loaders) {
        return (LoadingEngine<K, V>) open(loaders);
    }

    private CachePolicy policy() {
        CachePolicy result = policy == null ? clientPolicy() : policy;
        for (UnaryOperator<CachePolicy> change : changes) {
            result = change.apply(result);
        }
        return result;
    }

    /** The client's policy; without what only this cache could have asked for. */
    private CachePolicy clientPolicy() {
        boolean raw = codec != null && codec.isRaw();
        return raw ? client.policy().withAgreeWithin(Duration.ZERO) : client.policy();
    }

    private CacheEngine<K, V> open(@Nullable Loaders<K, V> loaders) {
        CachePolicy chosen = policy();
        if (!chosen.reading() || !chosen.storing()) {
            throw new IllegalArgumentException("reading=" + chosen.reading() + " and storing=" + chosen.storing()
                    + ": a policy without either is for single calls; a cache with it would hold nothing for anybody");
        }
        Object keysAsked = keys != null ? keys : keyType;
        Object valuesAsked = codec != null ? codec : valueType;
        Caches.Terms terms = new Caches.Terms(
                keysAsked, valuesAsked, chosen, serversOnly, near, loaders == null ? null : loaders.given());
        return client.open(name, terms, (store, services) -> engine(store, services, chosen, loaders));
    }

    private CacheEngine<K, V> engine(
            CacheStore store, EngineServices services, CachePolicy chosen, @Nullable Loaders<K, V> loaders) {
        Function<? super K, String> mapper = keys != null ? keys : KeyMappers.of(keyType);
        Codec<V> coding = codec != null ? codec : Codecs.of(valueType);
        NearTerms front = near == null ? null : new NearTerms(near, KeyMappers.areValues(keyType));
        EngineSpec<K, V> spec = new EngineSpec<>(name, store, mapper, coding, chosen, services, front);
        return loaders == null ? new CacheEngine<>(spec) : new LoadingEngine<>(spec, loaders);
    }

    boolean isServersOnly() {
        return serversOnly;
    }
}
