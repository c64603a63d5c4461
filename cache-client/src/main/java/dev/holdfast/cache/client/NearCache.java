package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Stamps;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a cache keeps near: decoded values in this process, in front of its store, so that a hit costs no network, no decoding and no allocation. Given to
 * {@link CacheBuilder#near}; {@code docs/near.md} says when it pays, what it costs, and what it promises. Every instance is valid. Immutable.
 *
 * <pre>{@code
 * LoadingCache<Long, User> users = client.cache("users", Long.class, User.class)
 *         .near(NearCache.ofBytes(32 << 20))
 *         .build(id -> database.findUser(id));
 * }</pre>
 *
 * <p>Values that are kept near are shared by all who read them, so they must not be changed, or {@linkplain #withCopies copies} be asked for. Values of a
 * cache without near cache belong to whoever reads them.
 */
public final class NearCache {
    /** The least that is worth while, in bytes: 1 MiB. */
    public static final long LEAST_BYTES = 1L << 20;

    private final long maxBytes;
    private final @Nullable Duration untrackedTtl;
    private final boolean copies;

    private NearCache(long maxBytes, @Nullable Duration untrackedTtl, boolean copies) {
        this.maxBytes = maxBytes;
        this.untrackedTtl = untrackedTtl;
        this.copies = copies;
    }

    /**
     * Begins one of a size.
     *
     * @param maxBytes how much heap it may take, at least {@value #LEAST_BYTES}: keys, values and what surrounds them, {@value Stamps#BYTES} bytes of stamps
     *     and some thousand of counts included. A value counts as many bytes as it has encoded
     * @return one that keeps nothing of a server that does not tell of changes, and hands out the values themselves
     * @throws IllegalArgumentException if that is less
     */
    public static NearCache ofBytes(long maxBytes) {
        if (maxBytes < LEAST_BYTES) {
            throw new IllegalArgumentException(
                    "maxBytes of a near cache must be at least " + LEAST_BYTES + ": " + maxBytes);
        }
        return new NearCache(maxBytes, null, false);
    }

    /**
     * Derives one that keeps entries of a server that does not tell of changes, as Upstash, or one whose user may not track: for so long after they were
     * read others' changes are not seen. Elsewhere it means nothing.
     *
     * @param value from 1 ms to an hour
     * @return the derived one
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public NearCache withUntrackedTtl(Duration value) {
        Objects.requireNonNull(value, "untrackedTtl");
        if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException("untrackedTtl must be from 1 ms to an hour: " + value);
        }
        return new NearCache(maxBytes, value, copies);
    }

    /**
     * Derives one that keeps encoded values and decodes them for each hit, so that each caller has one of its own and may change it.
     *
     * @return the derived one
     */
    public NearCache withCopies() {
        return new NearCache(maxBytes, untrackedTtl, true);
    }

    /**
     * Returns its bound.
     *
     * @return how much heap it may take, in bytes
     */
    public long maxBytes() {
        return maxBytes;
    }

    /**
     * Returns how long entries are kept of whose changes nobody tells.
     *
     * @return how long; {@code null} if they are not kept
     */
    public @Nullable Duration untrackedTtl() {
        return untrackedTtl;
    }

    /**
     * Says whether each hit has a value of its own.
     *
     * @return whether values are decoded for each hit
     */
    public boolean copies() {
        return copies;
    }

    /** How long from now on an entry may be kept of whose changes nobody tells, in milliseconds; 0 if not at all. */
    long untrackedMillis() {
        return untrackedTtl == null ? 0 : CacheStore.ttlMillis(untrackedTtl);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof NearCache that
                && maxBytes == that.maxBytes
                && copies == that.copies
                && Objects.equals(untrackedTtl, that.untrackedTtl);
    }

    @Override
    public int hashCode() {
        return Objects.hash(maxBytes, untrackedTtl, copies);
    }

    @Override
    public String toString() {
        return "NearCache[maxBytes=" + maxBytes + ", untrackedTtl=" + untrackedTtl + ", copies=" + copies + ']';
    }
}
