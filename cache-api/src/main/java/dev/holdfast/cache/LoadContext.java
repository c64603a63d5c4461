package dev.holdfast.cache;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an adaptive loader knows of the last value, and what it decides about the new one. For the loader's thread, until
 * the loader returns.
 *
 * @param <V> the type of the values
 */
public interface LoadContext<V> {

    /**
     * Returns the value that the cache still holds: a stale one, or at a refresh a fresh one.
     *
     * @return the value; {@code null} if there is none that can be read, or it was removed since the caller asked
     */
    @Nullable
    V lastValue();

    /**
     * Returns the ETag that was stored with the last value.
     *
     * @return the ETag; empty if there is no last value, or none was stored with it
     */
    Optional<String> lastETag();

    /**
     * Sets the time to live of this value instead of the policy's.
     *
     * @param ttl positive, at most {@link CacheStore#MAX_TTL}, or {@link CacheStore#FOREVER}
     * @throws IllegalArgumentException if it is out of these bounds
     */
    void ttl(Duration ttl);

    /**
     * Stores an ETag (or any other validator) with this value, for the next load.
     *
     * @param etag at most 65,535 bytes of UTF-8
     */
    void etag(String etag);

    /**
     * Marks this value with tags beside those of the policy: {@link Cache#removeByTag} removes it with all that have one of them. A value whose
     * tag was removed, by whomever, since the load began is not stored.
     *
     * @param tags as in {@link CachePolicy#withTags}, with those of the policy at most {@link CachePolicy#MAX_TAGS}
     * @throws IllegalArgumentException if they are out of these bounds, or the codec is raw
     */
    void tags(String... tags);

    /**
     * Answers that the source has nothing newer: the last value is fresh again, for a whole time to live, with its ETag and tags.
     * To be returned: {@code return context.notModified();}
     *
     * @return the last value
     * @throws IllegalStateException if there is none
     */
    V notModified();

    /** Gives the value to its callers without storing it. What the cache held before is left as it is. */
    void dontCache();
}
