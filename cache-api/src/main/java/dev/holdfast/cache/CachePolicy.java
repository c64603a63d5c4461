package dev.holdfast.cache;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.CacheStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How long values live and how they are loaded. A value: derive others with the withers, in any order. Each wither checks its own bounds;
 * whether the parts agree is checked where the policy is used, by {@link #requireConsistent()}. Immutable.
 */
public final class CachePolicy {
    /** The most {@link #tags()} of an entry. */
    public static final int MAX_TAGS = 64;

    /** The most characters, as {@link String#length} counts them, of a tag. */
    public static final int MAX_TAG_LENGTH = 512;

    private static final CachePolicy DEFAULTS = new Draft().build();

    private final Draft fields;
    private final @Nullable String contradiction;

    private CachePolicy(Draft fields) {
        this.fields = fields;
        this.contradiction = fields.contradiction();
    }

    /**
     * Returns the defaults: five minutes to live, no staleness, loads of at most 30 s, 64 at once.
     *
     * @return the defaults
     */
    public static CachePolicy defaults() {
        return DEFAULTS;
    }

    /**
     * Returns the defaults with another time to live.
     *
     * @param ttl as in {@link #withTtl}
     * @return the policy
     */
    public static CachePolicy of(Duration ttl) {
        return DEFAULTS.withTtl(ttl);
    }

    /** How long a value is fresh. */
    public Duration ttl() {
        return fields.ttl;
    }

    /** How long beyond its time to live a value may stand in for a failed load; zero: not at all. */
    public Duration staleIfError() {
        return fields.staleIfError;
    }

    /** How long after a failed load a stale value is returned without trying again. */
    public Duration retryLoadAfter() {
        return fields.retryLoadAfter;
    }

    /** The lease of a load: how long it may run, the wait for its place among {@link #maxLoads()} included. */
    public Duration loadTimeout() {
        return fields.loadTimeout;
    }

    /** How long a caller that has a stale value waits for a load; zero: until it ends. */
    public Duration loadSoftTimeout() {
        return fields.loadSoftTimeout;
    }

    /** The fraction of its time to live after which a read starts a refresh in the background; 0: never. */
    public double refreshAhead() {
        return fields.refreshAhead;
    }

    /** The fraction of the time to live of which a random part is taken off at each write; 0: none. */
    public double ttlJitter() {
        return fields.ttlJitter;
    }

    /** How long it is remembered that a key has no value; zero: not at all. */
    public Duration rememberAbsence() {
        return fields.rememberAbsence;
    }

    /** How old an entry may get that another client may have changed unseen; zero: as old as it lives. */
    public Duration agreeWithin() {
        return fields.agreeWithin;
    }

    /** What entries are marked with, so that {@link Cache#removeByTag} removes them together. Immutable. */
    public Set<String> tags() {
        return fields.tags;
    }

    /** For how long other clients leave a load to the client that runs it, unless that says that it goes on; zero: not at all. */
    public Duration loadLock() {
        return fields.loadLock;
    }

    /** Whether a read without a loader returns a stale value where there is no fresh one. */
    public boolean staleOnGet() {
        return fields.staleOnGet;
    }

    /** Whether a call with a loader is content with a fresh value that the cache holds. */
    public boolean reading() {
        return fields.reading;
    }

    /** Whether what a load finds is stored. */
    public boolean storing() {
        return fields.storing;
    }

    /** How many loads of one cache run at once. */
    public int maxLoads() {
        return fields.maxLoads;
    }

    /** How many keys a bulk loader is given at once. */
    public int maxBatch() {
        return fields.maxBatch;
    }

    /**
     * Derives a policy with another time to live.
     *
     * @param ttl positive, at most {@link CacheStore#MAX_TTL}, or {@link CacheStore#FOREVER}
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withTtl(Duration ttl) {
        return with(draft -> draft.ttl = Objects.requireNonNull(ttl, "ttl"));
    }

    /**
     * Derives a policy that returns a value up to this long beyond its time to live when a load fails. The limit is written
     * in the entry when it is made.
     *
     * @param staleIfError zero for not at all; with the time to live at most {@link CacheStore#MAX_TTL}
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withStaleIfError(Duration staleIfError) {
        return with(draft -> draft.staleIfError = Objects.requireNonNull(staleIfError, "staleIfError"));
    }

    /**
     * Derives a policy that rests this long after a failed load for which a stale value stood in. The rest is kept in this
     * process and ends when the key is changed.
     *
     * @param retryLoadAfter zero for no rest, at most a day
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withRetryLoadAfter(Duration retryLoadAfter) {
        return with(draft -> draft.retryLoadAfter = Objects.requireNonNull(retryLoadAfter, "retryLoadAfter"));
    }

    /**
     * Derives a policy with another lease for loads. When it ends the loader is interrupted and its callers get a
     * {@link CacheLoadException} or the stale value, within 50 ms.
     *
     * @param loadTimeout positive, at most a day
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withLoadTimeout(Duration loadTimeout) {
        return with(draft -> draft.loadTimeout = Objects.requireNonNull(loadTimeout, "loadTimeout"));
    }

    /**
     * Derives a policy in which a caller that has a stale value waits only so long for a load, which goes on without it.
     *
     * @param loadSoftTimeout zero for no such limit; shorter than the load timeout
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withLoadSoftTimeout(Duration loadSoftTimeout) {
        return with(draft -> draft.loadSoftTimeout = Objects.requireNonNull(loadSoftTimeout, "loadSoftTimeout"));
    }

    /**
     * Derives a policy that refreshes values in the background before they expire: the first read past this fraction of
     * the time to live starts a load and nobody waits for it.
     *
     * @param fraction from 0 (never) to less than 1
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withRefreshAhead(double fraction) {
        return with(draft -> draft.refreshAhead = fraction);
    }

    /**
     * Derives a policy that shortens each time to live at random, so that what was written together does not expire
     * together.
     *
     * @param fraction the most that is taken off, from 0 to less than 1
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withTtlJitter(double fraction) {
        return with(draft -> draft.ttlJitter = fraction);
    }

    /**
     * Derives a policy that remembers for this long that a loader returned {@code null}.
     *
     * @param rememberAbsence zero for not at all, at most {@link CacheStore#MAX_TTL}
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withRememberAbsence(Duration rememberAbsence) {
        return with(draft -> draft.rememberAbsence = Objects.requireNonNull(rememberAbsence, "rememberAbsence"));
    }

    /**
     * Derives a policy in which no client returns a value for longer than this after another client's change to it was acknowledged, whatever
     * server dies, freezes or returns with old data, and whichever clients crash, restart or are cut off for up to 30 s; the change's client must
     * have reached the first server once before. While nobody knows whether all clients are well, entries older than this are loaded anew; one that is
     * {@linkplain #withStaleIfError kept for errors} stands in where that fails. Counts in the policy that a cache was made with; in that of a
     * single call it has no effect. Each client then says every fifth of it how it is, once a second at most.
     *
     * @param agreeWithin zero for no such bound, else from 5 s to a day
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withAgreeWithin(Duration agreeWithin) {
        return with(draft -> draft.agreeWithin = Objects.requireNonNull(agreeWithin, "agreeWithin"));
    }

    /**
     * Derives a policy that marks entries with these tags in the place of those it had, so that one {@link Cache#removeByTag} removes all that have one of
     * them, and one {@link Cache#markStaleByTag} makes them stale. A tag belongs to one cache. Each write then reads where its tags stand, and so does each read of an entry that has any, in one round trip more
     * for all of them; entries without tags cost nothing.
     *
     * <pre>{@code
     * carts.put(id, cart, carts.policy().withTags("user:" + userId, "shop:" + shopId));
     * carts.removeByTag("user:42");
     * }</pre>
     *
     * @param tags at most {@value #MAX_TAGS}, each of 1 to {@value #MAX_TAG_LENGTH} characters; none for entries without
     * @return the derived policy
     * @throws IllegalArgumentException if there are too many, or one is empty, too long or holds an unpaired surrogate
     */
    public CachePolicy withTags(String... tags) {
        Set<String> distinct = new LinkedHashSet<>(List.of(Objects.requireNonNull(tags, "tags")));
        return with(draft -> draft.tags = Collections.unmodifiableSet(distinct));
    }

    /**
     * Derives a policy in which one client at a time loads a key, of all that share the first server: it holds a lease there while its loader runs, and the
     * others wait for what it finds, up to their own {@link #loadTimeout()}. If it dies, another loads when the lease is over, which a living one renews. What
     * two loads at once would do is only done twice, never wrong: where the server does not answer, everybody loads. A bulk load, a refresh that was asked
     * for and what a loader under such a lease waits for wait for nobody. Costs two or three round trips for each load.
     *
     * @param loadLock the lease: zero for no lock, else from 100 ms to a minute, and shorter than {@link #loadTimeout()}. Longer than pauses of a living process
     *     and its server
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withLoadLock(Duration loadLock) {
        return with(draft -> draft.loadLock = Objects.requireNonNull(loadLock, "loadLock"));
    }

    /**
     * Derives a policy in which reads without a loader ({@link Cache#get(Object)}, {@link Cache#find}, {@link Cache#getAll(java.util.Collection)} and
     * their like) return a value that is stale, and not yet beyond {@link #staleIfError()}, where there is no fresh one: for who has no loader, and would
     * rather show an old value than none. Such a read counts as a miss and as a stale hit. Counts in the policy that a cache was made with; in that of a
     * single call it has no effect.
     *
     * @param staleOnGet whether they do; they don't by default
     * @return the derived policy
     */
    public CachePolicy withStaleOnGet(boolean staleOnGet) {
        return with(draft -> draft.staleOnGet = staleOnGet);
    }

    /**
     * Derives a policy of calls that load though the cache holds a fresh value, as {@link Cache#refresh(Object, CacheLoader)} does: for a single call, one
     * that was asked for what the source has now. What such a call loads is stored, each key by itself, and wins
     * over what was there; a load that fails fails the call, whatever the cache holds. Calls without a loader read all the same.
     *
     * <pre>{@code
     * CachePolicy policy = request.header("Cache-Control").equals("no-cache") ? base.withReading(false) : base;
     * Page page = pages.get(url, source::page, policy);
     * }</pre>
     *
     * @param reading {@code false} for calls that load at any rate; a cache can't be opened with it
     * @return the derived policy
     */
    public CachePolicy withReading(boolean reading) {
        return with(draft -> draft.reading = reading);
    }

    /**
     * Derives a policy under which what a load finds reaches its callers and is not stored, as after {@link LoadContext#dontCache()}; what the cache held
     * before is left as it is. A caller that joins a load which another call began gets that call's value, which is stored as that call's policy says. A
     * refresh joins no load that stores nothing, and such a policy starts no refresh ahead.
     *
     * @param storing {@code false} for loads that store nothing; a {@code put} with such a policy is refused, and a cache can't be opened with it
     * @return the derived policy
     */
    public CachePolicy withStoring(boolean storing) {
        return with(draft -> draft.storing = storing);
    }

    /**
     * Derives a policy with another bound on the loads of one cache that run at once, so that a cold cache does not
     * overrun the source. Counts in the policy that a cache was made with; in that of a single call it has no effect. A
     * batch of a bulk load is one. A load in the background whose lease ran out, and whose loader ignores its interrupt, gives its place to
     * another while there are no more than twice as many such as places; beyond that, loads wait until one of those loaders returns.
     *
     * @param maxLoads from 1 to 100,000
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withMaxLoads(int maxLoads) {
        return with(draft -> draft.maxLoads = maxLoads);
    }

    /**
     * Derives a policy that gives a bulk loader at most so many keys at once, as databases bound the parameters of one statement. Each batch is a
     * load, with a lease of its own.
     *
     * @param maxBatch from 1 to 1,000,000; 1,000 by default
     * @return the derived policy
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CachePolicy withMaxBatch(int maxBatch) {
        return with(draft -> draft.maxBatch = maxBatch);
    }

    /**
     * Checks that the parts agree. Whoever takes a policy to use it calls this; caches do.
     *
     * @return this policy
     * @throws IllegalArgumentException if there is a {@link #loadSoftTimeout()} or a {@link #loadLock()} that is not shorter than the {@link #loadTimeout()}, or the
     *     former without {@link #staleIfError()}; if there is {@link #staleOnGet()} beside {@link #agreeWithin()}; if values live for ever and {@link #staleIfError()}, {@link #refreshAhead()} or {@link #ttlJitter()}
     *     counts from their end; or if {@link #ttl()} and {@link #staleIfError()} are together more than {@link CacheStore#MAX_TTL}
     */
    public CachePolicy requireConsistent() {
        if (contradiction != null) {
            throw new IllegalArgumentException(contradiction);
        }
        return this;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CachePolicy that
                && tags().equals(that.tags())
                && fields.withoutTags().equals(that.fields.withoutTags());
    }

    @Override
    public int hashCode() {
        return 31 * fields.withoutTags().hashCode() + tags().hashCode();
    }

    @Override
    public String toString() {
        return fields.toString();
    }

    private CachePolicy with(Consumer<Draft> change) {
        Draft draft = fields.copy();
        change.accept(draft);
        return draft.build();
    }

    /** Refuses more tags than an entry can have, and what is none. */
    static void requireTags(Set<String> tags) {
        Draft.require(tags.size() <= MAX_TAGS, "an entry has at most " + MAX_TAGS + " tags: " + tags.size());
        for (String tag : tags) {
            Draft.require(
                    !tag.isEmpty() && tag.length() <= MAX_TAG_LENGTH,
                    "a tag has from 1 to " + MAX_TAG_LENGTH + " characters: " + tag.length());
            Draft.require(
                    StandardCharsets.UTF_8.newEncoder().canEncode(tag),
                    "a tag holds an unpaired surrogate: " + ForeignText.shown(tag));
        }
    }

    /** The fields while they are being chosen; never shared before {@link #build} has checked them. */
    private static final class Draft implements Cloneable {
        private static final Duration DAY = Duration.ofDays(1);

        private Duration ttl = Duration.ofMinutes(5);
        private Duration staleIfError = Duration.ZERO;
        private Duration retryLoadAfter = Duration.ofSeconds(5);
        private Duration loadTimeout = Duration.ofSeconds(30);
        private Duration loadSoftTimeout = Duration.ZERO;
        private double refreshAhead;
        private double ttlJitter;
        private Duration rememberAbsence = Duration.ZERO;
        private Duration agreeWithin = Duration.ZERO;
        private Set<String> tags = Set.of();
        private Duration loadLock = Duration.ZERO;
        private boolean staleOnGet;
        private boolean reading = true;
        private boolean storing = true;
        private int maxLoads = 64;
        private int maxBatch = 1_000;

        Draft copy() {
            try {
                return (Draft) clone();
            } catch (CloneNotSupportedException e) {
                throw new AssertionError("a draft is cloneable", e);
            }
        }

        CachePolicy build() {
            CacheStore.ttlMillis(ttl);
            span("staleIfError", staleIfError, Duration.ZERO, CacheStore.MAX_TTL);
            span("retryLoadAfter", retryLoadAfter, Duration.ZERO, DAY);
            span("loadTimeout", loadTimeout, Duration.ofMillis(1), DAY);
            span("loadSoftTimeout", loadSoftTimeout, Duration.ZERO, DAY);
            fraction("refreshAhead", refreshAhead);
            fraction("ttlJitter", ttlJitter);
            span("rememberAbsence", rememberAbsence, Duration.ZERO, CacheStore.MAX_TTL);
            if (!agreeWithin.isZero()) {
                span("agreeWithin", agreeWithin, Duration.ofSeconds(5), DAY);
            }
            requireTags(tags);
            if (!loadLock.isZero()) {
                span("loadLock", loadLock, Duration.ofMillis(100), Duration.ofMinutes(1));
            }
            require(maxLoads >= 1 && maxLoads <= 100_000, "maxLoads must be from 1 to 100000: " + maxLoads);
            require(maxBatch >= 1 && maxBatch <= 1_000_000, "maxBatch must be from 1 to 1000000: " + maxBatch);
            return new CachePolicy(this);
        }

        /** Why the parts don't agree; {@code null} if they do. */
        private @Nullable String contradiction() {
            if (!loadSoftTimeout.isZero() && staleIfError.isZero()) {
                return "loadSoftTimeout " + loadSoftTimeout + " needs a stale value to return: set staleIfError too";
            }
            if (loadSoftTimeout.compareTo(loadTimeout) >= 0) {
                return "loadSoftTimeout must be shorter than loadTimeout " + loadTimeout + ": " + loadSoftTimeout;
            }
            if (loadLock.compareTo(loadTimeout) >= 0) {
                return "loadLock must be shorter than loadTimeout " + loadTimeout
                        + ", or whoever waits for a client that died has no time to load: " + loadLock;
            }
            if (staleOnGet && !agreeWithin.isZero()) {
                return "staleOnGet returns what agreeWithin " + agreeWithin + " promises that nobody returns";
            }
            if (!ttl.equals(CacheStore.FOREVER)) {
                return ttl.plus(staleIfError).compareTo(CacheStore.MAX_TTL) <= 0
                        ? null
                        : "ttl and staleIfError must together be at most " + CacheStore.MAX_TTL + ": " + ttl + " and "
                                + staleIfError;
            }
            String why = " counts from the end of the ttl, which is FOREVER: ";
            if (!staleIfError.isZero()) {
                return "staleIfError" + why + staleIfError;
            }
            if (refreshAhead != 0) {
                return "refreshAhead" + why + refreshAhead;
            }
            return ttlJitter == 0 ? null : "ttlJitter" + why + ttlJitter;
        }

        private static void span(String name, Duration value, Duration min, Duration max) {
            require(
                    value.compareTo(min) >= 0 && value.compareTo(max) <= 0,
                    name + " must be from " + min + " to " + max + ": " + value);
        }

        private static void fraction(String name, double value) {
            require(value >= 0 && value < 1, name + " must be from 0 to less than 1: " + value);
        }

        private static void require(boolean holds, String message) {
            if (!holds) {
                throw new IllegalArgumentException(message);
            }
        }

        @Override
        public String toString() {
            return "CachePolicy[tags=" + tags.stream().map(ForeignText::shown).toList() + ", " + withoutTags() + ']';
        }

        private String withoutTags() {
            return "ttl=" + ttl + ", staleIfError=" + staleIfError + ", retryLoadAfter=" + retryLoadAfter
                    + ", loadTimeout=" + loadTimeout + ", loadSoftTimeout=" + loadSoftTimeout + ", refreshAhead="
                    + refreshAhead + ", ttlJitter=" + ttlJitter + ", rememberAbsence=" + rememberAbsence
                    + ", agreeWithin=" + agreeWithin + ", loadLock=" + loadLock + ", staleOnGet="
                    + staleOnGet + ", reading=" + reading + ", storing=" + storing + ", maxLoads=" + maxLoads
                    + ", maxBatch=" + maxBatch;
        }
    }
}
