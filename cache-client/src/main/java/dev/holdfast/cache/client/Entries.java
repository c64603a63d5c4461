package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.Agreement;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Turns values into what stands in the store and back: an {@link Envelope}, or with a raw codec the value's bytes alone. */
final class Entries<V> {
    /** What an entry is good for, now. */
    enum State {
        FRESH,
        STALE,
        ABSENCE,
        EXPIRED,
        UNREADABLE;

        /** What a readable entry is good for once its tags are taken into account. */
        State under(TagReader.Standing tags) {
            return switch (tags) {
                case UNCHANGED -> this;
                case MARKED -> this == FRESH || this == STALE ? STALE : EXPIRED;
                case REMOVED -> EXPIRED;
            };
        }
    }

    /** What says that it was made later than so long from now was made by somebody who did not know the time. */
    private static final long AHEAD_MILLIS = 1_000;

    private final Codec<V> codec;
    private final boolean raw;
    private final KeyHash hash;
    private final InstantSource clock;
    private final Agreement agreement;
    private final boolean limited;

    /** {@code prefix}: what the keys in the store begin with. */
    Entries(String prefix, Codec<V> codec, InstantSource clock) {
        this(prefix, codec, clock, Agreement.NONE, false);
    }

    /** The same, of which not every entry is believed; {@code limited}: nor of any age. */
    Entries(String prefix, Codec<V> codec, InstantSource clock, Agreement agreement, boolean limited) {
        this.hash = KeyHash.under(prefix);
        this.codec = codec;
        this.raw = codec.isRaw();
        this.clock = clock;
        this.agreement = agreement;
        this.limited = limited;
    }

    /** Those of a cache. */
    static <V> Entries<V> of(EngineSpec<?, V> spec) {
        Duration agreeWithin = spec.policy().agreeWithin();
        String prefix = spec.keys().prefix();
        Agreement agreement =
                spec.codec().isRaw() ? Agreement.NONE : spec.store().agreement(prefix, agreeWithin);
        return new Entries<>(prefix, spec.codec(), spec.services().clock(), agreement, !agreeWithin.isZero());
    }

    /** Ends what is known of the cache beside it. */
    void close() {
        agreement.close();
    }

    boolean isRaw() {
        return raw;
    }

    /** Refuses what contradicts itself, and what needs an envelope where there is none. */
    CachePolicy checked(CachePolicy policy) {
        return checked(policy, raw);
    }

    /** The same for a cache with a codec that is raw, or is not. */
    static CachePolicy checked(CachePolicy policy, boolean raw) {
        policy.requireConsistent();
        if (raw && needsEnvelope(policy)) {
            throw new IllegalArgumentException(
                    "a raw codec stores values alone, so staleIfError, staleOnGet, refreshAhead, rememberAbsence,"
                            + " agreeWithin and tags have no place to be written: " + policy);
        }
        return policy;
    }

    /** The same for a policy that a value is put under. */
    CachePolicy checkedToPut(CachePolicy policy) {
        if (!policy.storing()) {
            throw new IllegalArgumentException(
                    "a value can't be put under a policy that stores nothing: it has withStoring(false)");
        }
        return checked(policy);
    }

    /** The same for an absence to be remembered for so long. */
    CachePolicy checkedAbsence(CachePolicy policy, Duration ttl) {
        CachePolicy remembering = policy.withRememberAbsence(ttl);
        if (ttl.isZero()) {
            throw new IllegalArgumentException("how long an absence is remembered must be positive: " + ttl);
        }
        return remembering;
    }

    /** Refuses what needs envelopes, where there are none. */
    void requireEnveloped(String why) {
        if (raw) {
            throw new UnsupportedOperationException(why);
        }
    }

    private static boolean needsEnvelope(CachePolicy policy) {
        return !policy.staleIfError().isZero()
                || policy.staleOnGet()
                || policy.refreshAhead() > 0
                || !policy.rememberAbsence().isZero()
                || !policy.agreeWithin().isZero()
                || !policy.tags().isEmpty();
    }

    /** Has everything absent that was made so far; false, with nothing done, if it has to be removed. */
    boolean clear() {
        return agreement.clear();
    }

    /** The servers' time, as far as it is known. */
    long now() {
        return agreement == Agreement.NONE ? clock.millis() : agreement.now();
    }

    /** When work began that may make an entry. */
    static final class Begin {
        private final long mark;
        private final long time;
        private final long floor;

        private Begin(long mark, long time, long floor) {
            this.mark = mark;
            this.time = time;
            this.floor = floor;
        }
    }

    /** Says of work that it begins now. */
    Begin begin() {
        long floor = agreement.floor();
        long time = now();
        return new Begin(agreement == Agreement.NONE ? time : agreement.mark(), time, floor);
    }

    /**
     * When work began, by the servers' clock; not before the floor that was known then. Nor after what was known of that clock then: what
     * has passed since is not known where the machine stood still.
     */
    private long timeOf(Begin begin) {
        return Math.max(Math.min(agreement.timeOf(begin.mark), begin.time), begin.floor);
    }

    /** Until when entries of any age are believed, so far; to be asked before the store is. */
    long trustedUntil() {
        return limited ? agreement.trustedUntil() : Long.MAX_VALUE;
    }

    /** Whether an entry that was made then, and was believed once, is believed now, as far as other clients go. */
    boolean isBelieved(long created, NearClock by) {
        return created >= agreement.floor()
                && (!limited || by.isTrusted(agreement) || isBelieved(created, now(), Long.MAX_VALUE));
    }

    /** Whether an entry says when it was made, and is young enough for what is believed now and was before. */
    private boolean isBelieved(long created, long now, long trusted) {
        return created >= agreement.staleBefore(now, trusted) && created - now <= AHEAD_MILLIS;
    }

    /** What the entry that the store holds under a key is good for, where nothing is too old. */
    State state(String storeKey, byte[] entry, long now) {
        return state(storeKey, entry, now, Long.MAX_VALUE);
    }

    /**
     * What the entry that the store holds under a key is good for.
     *
     * @param trusted until when entries of any age were believed before the store was asked
     */
    State state(String storeKey, byte[] entry, long now, long trusted) {
        if (raw) {
            return State.FRESH;
        }
        if (Envelope.problem(entry) != null || !Envelope.isOf(hash.of(storeKey), entry)) {
            return State.UNREADABLE;
        }
        long created = Envelope.created(entry);
        if (created < agreement.floor()) {
            return State.EXPIRED;
        }
        long freshUntil = Envelope.freshUntil(entry);
        long staleUntil = Envelope.staleUntil(entry);
        boolean believed = !limited || isBelieved(created, now, trusted);
        if (believed && now < freshUntil) {
            return Envelope.isAbsence(entry) ? State.ABSENCE : State.FRESH;
        }
        boolean mayStandIn = believed || staleUntil > freshUntil;
        return mayStandIn && now < staleUntil && !Envelope.isAbsence(entry) ? State.STALE : State.EXPIRED;
    }

    /** Whether a readable entry has tags. */
    boolean isTagged(byte[] entry) {
        return !raw && Envelope.isTagged(entry);
    }

    /** The tags of an entry that was found, and their numbers when it was made; none if there is no entry. */
    Map<String, Long> tags(byte @Nullable [] entry) {
        return entry == null || raw || Envelope.problem(entry) != null ? Map.of() : Envelope.tags(entry);
    }

    /** Whether an entry is whole, and was written under another key than the one it is read under. */
    boolean isMisplaced(String storeKey, byte[] entry) {
        return !raw && Envelope.problem(entry) == null && !Envelope.isOf(hash.of(storeKey), entry);
    }

    /** Why an entry is unreadable. */
    String problem(byte[] entry) {
        String problem = raw ? null : Envelope.problem(entry);
        return problem == null ? "its codec refuses it" : problem;
    }

    V decode(byte[] entry) {
        try {
            if (raw) {
                return codec.decode(entry);
            }
            int offset = Envelope.payloadOffset(entry);
            return codec.decode(entry, offset, entry.length - offset);
        } catch (CacheCodecException e) {
            throw e;
        } catch (RuntimeException | Error e) { // a class that an old entry needs may be gone
            throw new CacheCodecException("a codec failed: " + codec.getClass().getName(), e);
        }
    }

    /** The value of an entry; {@code null}, and counted, if its codec refuses it. */
    @Nullable
    V decode(String storeKey, byte[] entry, Counters counters) {
        try {
            return decode(entry);
        } catch (CacheCodecException e) {
            counters.entryUnreadable(storeKey, ForeignText.shown(e.getMessage()));
            return null;
        }
    }

    Optional<String> etag(byte @Nullable [] entry) {
        return entry == null || raw ? Optional.empty() : Envelope.etag(entry);
    }

    Duration age(byte[] entry, long now) {
        return raw ? Duration.ZERO : Duration.ofMillis(Math.max(0, now - Envelope.created(entry)));
    }

    /** Whether a fresh entry is old enough to be refreshed ahead. */
    boolean isDue(byte[] entry, CachePolicy policy, long now) {
        long created = Envelope.created(entry);
        long freshUntil = Envelope.freshUntil(entry);
        return freshUntil != Long.MAX_VALUE && now - created >= policy.refreshAhead() * (freshUntil - created);
    }

    byte[] markedStale(byte[] entry, long now) {
        return Envelope.markedStale(entry, now);
    }

    /** A readable entry whose lifetime ends as if it were stored now. It was made when it was made. */
    Encoded renewed(byte[] entry, CachePolicy policy) {
        Lifetime fromNow = lifetime(policy, policy.ttl());
        long created = Math.min(Envelope.created(entry), fromNow.created());
        Lifetime lifetime = new Lifetime(created, fromNow.freshUntil(), fromNow.staleUntil());
        return new Encoded(Envelope.renewed(entry, lifetime), fromNow.inStore());
    }

    /** An entry of a value that is stored now, under these tags. */
    Encoded encode(String storeKey, V value, CachePolicy policy, Map<String, Long> tags) {
        return encode(storeKey, value, lifetime(policy, policy.ttl()), begin(), null, tags);
    }

    /** The same by work that began earlier. */
    Encoded encode(
            String storeKey, V value, Lifetime lifetime, Begin begin, byte @Nullable [] etag, Map<String, Long> tags) {
        byte[] payload = payload(value);
        if (raw) {
            return new Encoded(payload, Lifetime.remaining(lifetime.freshUntil(), lifetime.created()));
        }
        return new Encoded(
                Envelope.of(hash.of(storeKey), lifetime.madeAt(timeOf(begin)), etag, tags, payload),
                lifetime.inStore());
    }

    /** The lifetime of a value that is stored now, shortened at random as the policy says. */
    Lifetime lifetime(CachePolicy policy, Duration ttl) {
        return Lifetime.of(ttl, policy, now(), ThreadLocalRandom.current().nextDouble());
    }

    /**
     * How long the store is to keep entries that are written together. Their envelopes hold each one's own end, jitter taken
     * off; without envelopes they share one.
     */
    Duration ttlOfBatch(CachePolicy policy) {
        CachePolicy inStore = raw ? policy : policy.withTtlJitter(0);
        return lifetime(inStore, policy.ttl()).inStore();
    }

    /** An entry that remembers an absence from now on, found by work that began earlier. */
    Encoded encodeAbsence(String storeKey, Duration ttl, Begin begin, Map<String, Long> tags) {
        Lifetime lifetime = Lifetime.ofAbsence(ttl, now());
        return new Encoded(
                Envelope.ofAbsence(hash.of(storeKey), lifetime.madeAt(timeOf(begin)), tags), lifetime.inStore());
    }

    private byte[] payload(V value) {
        try {
            return codec.encode(value);
        } catch (CacheCodecException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new CacheCodecException("a codec failed: " + codec.getClass().getName(), e);
        }
    }

    static byte[] etagBytes(String etag) {
        byte[] bytes = etag.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > Envelope.MAX_ETAG_BYTES) {
            throw new IllegalArgumentException(
                    "an ETag has at most " + Envelope.MAX_ETAG_BYTES + " bytes: " + bytes.length);
        }
        return bytes;
    }

    /** An entry, and how long the store is to keep it. */
    @SuppressWarnings("ArrayRecordComponent") // handed on at once, and never compared
    record Encoded(byte[] entry, Duration ttl) {}
}
