package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
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
        UNREADABLE
    }

    private final Codec<V> codec;
    private final boolean raw;
    private final InstantSource clock;

    Entries(Codec<V> codec, InstantSource clock) {
        this.codec = codec;
        this.raw = codec.isRaw();
        this.clock = clock;
    }

    boolean isRaw() {
        return raw;
    }

    /** Refuses what needs an envelope where there is none. */
    CachePolicy checked(CachePolicy policy) {
        if (raw && needsEnvelope(policy)) {
            throw new IllegalArgumentException(
                    "a raw codec stores values alone, so staleFor, refreshAhead and negativeTtl"
                            + " have no place to be written: " + policy);
        }
        return policy;
    }

    private static boolean needsEnvelope(CachePolicy policy) {
        return !policy.staleFor().isZero()
                || policy.refreshAhead() > 0
                || !policy.negativeTtl().isZero();
    }

    long now() {
        return clock.millis();
    }

    State state(byte[] entry, long now) {
        if (raw) {
            return State.FRESH;
        }
        if (Envelope.problem(entry) != null) {
            return State.UNREADABLE;
        }
        if (now < Envelope.freshUntil(entry)) {
            return Envelope.isAbsence(entry) ? State.ABSENCE : State.FRESH;
        }
        return now < Envelope.staleUntil(entry) && !Envelope.isAbsence(entry) ? State.STALE : State.EXPIRED;
    }

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
        } catch (RuntimeException e) {
            throw new CacheCodecException("a codec failed: " + codec, e);
        }
    }

    /** The value of an entry; {@code null}, and counted, if its codec refuses it. */
    @Nullable
    V decode(String storeKey, byte[] entry, Counters counters) {
        try {
            return decode(entry);
        } catch (CacheCodecException e) {
            counters.entryUnreadable(storeKey, String.valueOf(e.getMessage()));
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

    Encoded encode(V value, CachePolicy policy) {
        return encode(value, policy, policy.ttl(), null);
    }

    Encoded encode(V value, CachePolicy policy, Duration ttl, byte @Nullable [] etag) {
        byte[] payload = payload(value);
        Lifetime lifetime =
                Lifetime.of(ttl, policy, now(), ThreadLocalRandom.current().nextDouble());
        if (raw) {
            return new Encoded(payload, Lifetime.remaining(lifetime.freshUntil(), lifetime.created()));
        }
        return new Encoded(Envelope.of(lifetime, etag, payload), lifetime.inStore());
    }

    /**
     * How long the store is to keep entries that are written together. Their envelopes hold each one's own end, jitter taken
     * off; without envelopes they share one.
     */
    Duration ttlOfBatch(CachePolicy policy) {
        CachePolicy inStore = raw ? policy : policy.withTtlJitter(0);
        return Lifetime.of(
                        policy.ttl(),
                        inStore,
                        now(),
                        ThreadLocalRandom.current().nextDouble())
                .inStore();
    }

    Encoded encodeAbsence(Duration ttl) {
        Lifetime lifetime = Lifetime.ofAbsence(ttl, now());
        return new Encoded(Envelope.ofAbsence(lifetime), lifetime.inStore());
    }

    private byte[] payload(V value) {
        try {
            return codec.encode(value);
        } catch (CacheCodecException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new CacheCodecException("a codec failed: " + codec, e);
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
