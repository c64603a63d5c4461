package dev.holdfast.cache.client;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a test of the connection to one tier's server found.
 *
 * @param answered whether the server answered, if only to refuse
 * @param latency how long that took; {@code null} if it did not
 * @param writable whether this client may write there
 * @param error why it did not answer, in one line of at most 200 characters; {@code null} if it did
 * @param time when the test began: several callers may be told of the same one
 */
public record TierProbe(
        boolean answered,
        @Nullable Duration latency,
        boolean writable,
        @Nullable String error,
        Instant time) {}
