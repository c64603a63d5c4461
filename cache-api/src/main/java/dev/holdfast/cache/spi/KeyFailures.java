package dev.holdfast.cache.spi;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What became of the keys of a call with several, for implementations of stores: which of them failed, and the one exception that says
 * so. That the store is unavailable outweighs a refusal, since whoever hears of a refusal believes the other keys done; a failure that
 * counts against the store outweighs one that does not; and the outcome is unknown if it is for any key. Of one thread.
 */
public final class KeyFailures {
    private final Set<String> keys = new LinkedHashSet<>();
    private @Nullable CacheUnavailableException worst;
    private @Nullable RuntimeException refusal;
    private boolean outcomeUnknown;

    /** Creates one without failures. */
    public KeyFailures() {}

    /**
     * Notes that a key failed.
     *
     * @param key as the caller gave it
     * @param why how; {@code null} if it was not tried because of the others
     */
    public void add(String key, @Nullable RuntimeException why) {
        addAll(List.of(key), why);
    }

    /**
     * Notes that keys failed together.
     *
     * @param failed as the caller gave them
     * @param why how; {@code null} if they were not tried because of the others. If it names failed keys, those failed only
     */
    public void addAll(Collection<String> failed, @Nullable RuntimeException why) {
        if (why instanceof CacheUnavailableException e) {
            keys.addAll(e.failedKeys().isEmpty() ? failed : e.failedKeys());
            outcomeUnknown |= e.outcomeUnknown();
            worst = worst == null || (e.reason().counts() && !worst.reason().counts()) ? e : worst;
        } else {
            keys.addAll(failed);
            refusal = refusal == null ? why : refusal;
        }
    }

    /**
     * Throws what outweighs the rest, if anything failed.
     *
     * @param found of a read: what was found, which did not fail whatever was noted
     * @throws CacheException the failure; with the failed keys if the store is unavailable
     */
    public void throwIfAny(Map<String, byte[]> found) {
        if (worst != null) {
            keys.removeAll(found.keySet());
            String message = worst.getMessage() + " (" + keys.size() + " keys without an answer)";
            throw worst instanceof CacheTimeoutException
                    ? new CacheTimeoutException(message, worst, outcomeUnknown, keys, found)
                    : new CacheUnavailableException(message, worst, worst.reason(), outcomeUnknown, keys, found);
        }
        if (refusal != null) {
            throw refusal;
        }
    }
}
