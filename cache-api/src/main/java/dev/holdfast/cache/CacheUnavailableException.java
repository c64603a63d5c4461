package dev.holdfast.cache;

import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A store could not answer: another one may. {@link #reason()} says whose fault it is, {@link #outcomeUnknown()} whether the
 * operation may have been applied all the same, and for calls with several keys {@link #failedKeys()} and
 * {@link #partialResult()} tell what became of each.
 */
public non-sealed class CacheUnavailableException extends CacheException {
    private static final long serialVersionUID = 1L;

    /** Why a store could not answer; it decides whether the failure counts against the store. */
    public enum Reason {
        /** Not reachable, connection reset or closed, a protocol error. Counts. */
        CONNECTION,
        /** No answer in time. Counts. */
        TIMEOUT,
        /**
         * The server named a state in which it can't serve (READONLY, OOM, LOADING, MASTERDOWN, CLUSTERDOWN, NOREPLICAS,
         * MISCONF, BUSY, too many clients; HTTP 429 and 5xx). Counts, and is worth a probe at once.
         */
        SERVER_STATE,
        /**
         * The server refused this client: credentials, database number, certificate. Counts; at start it is a mistake in the
         * configuration.
         */
        REFUSED,
        /** All pooled connections were in use by other callers for the whole wait. Does not count; worth a probe. */
        SATURATED,
        /**
         * The store serves, but not these keys (a shard of a cluster is out). Does not count: the store watches its nodes
         * itself.
         */
        PARTIAL,
        /** The store failed in a way that it does not describe itself: an exception of no {@link CacheException} type, an error. Counts. */
        UNEXPECTED,
        /** The store was disconnected on purpose while the call was under way. Does not count. */
        DISCONNECTED;

        /** Whether a failure for this reason counts against the health of the store. */
        public boolean counts() {
            return this != SATURATED && this != PARTIAL && this != DISCONNECTED;
        }
    }

    private final Reason reason;
    private final boolean outcomeUnknown;
    private final transient Set<String> failedKeys;
    private final transient Map<String, byte[]> partialResult;

    /**
     * Creates one for a call as a whole.
     *
     * @param message address and what happened
     * @param cause the client library's exception, or {@code null}
     * @param reason why
     * @param outcomeUnknown whether the operation may have been applied: true as soon as its first byte was written
     */
    public CacheUnavailableException(String message, @Nullable Throwable cause, Reason reason, boolean outcomeUnknown) {
        this(message, cause, reason, outcomeUnknown, Set.of(), Map.of());
    }

    /**
     * Creates one for a call with several keys.
     *
     * @param message address and what happened
     * @param cause the client library's exception, or {@code null}
     * @param reason why
     * @param outcomeUnknown whether the operation may have been applied to a failed key
     * @param failedKeys the keys, as the caller gave them, that got no answer
     * @param partialResult of a read: what was found of the other keys
     */
    public CacheUnavailableException(
            String message,
            @Nullable Throwable cause,
            Reason reason,
            boolean outcomeUnknown,
            Collection<String> failedKeys,
            Map<String, byte[]> partialResult) {
        super(message, cause);
        this.reason = Objects.requireNonNull(reason, "reason");
        this.outcomeUnknown = outcomeUnknown;
        this.failedKeys = Set.copyOf(failedKeys);
        this.partialResult = Map.copyOf(partialResult);
    }

    /**
     * Returns why.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }

    /**
     * Says whether the operation may have been applied all the same, now or later: its first byte had been written when it
     * failed.
     *
     * @return whether it may
     */
    public boolean outcomeUnknown() {
        return outcomeUnknown;
    }

    /**
     * Returns the keys of a call with several that got no answer.
     *
     * @return an unmodifiable set; empty if the call failed as a whole
     */
    public Set<String> failedKeys() {
        return failedKeys == null ? Set.of() : failedKeys;
    }

    /**
     * Returns what a read of several keys found before or beside the failure.
     *
     * @return an unmodifiable map whose keys are disjoint from {@link #failedKeys()}
     */
    public Map<String, byte[]> partialResult() {
        return partialResult == null ? Map.of() : partialResult;
    }
}
