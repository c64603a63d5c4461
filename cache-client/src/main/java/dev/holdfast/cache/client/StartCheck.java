package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.Map;
import java.util.Optional;

/**
 * Decides whether a client may start with the tiers that answer, and says what is wrong with the others.
 *
 * @param bySettings whether settings say which tiers there are, so that their names help
 * @param whyStrict how it was said that each tier must answer, as a clause
 * @param whyNoMemory who left memory out, as a clause
 */
record StartCheck(boolean bySettings, String whyStrict, String whyNoMemory) {

    /**
     * Lets the start go on, or not.
     *
     * @param tiers how many there are
     * @param failures what is wrong with those that don't answer, by tier, in order
     * @param strict whether each must answer
     * @throws CacheConfigException if the start is strict and a tier does not answer, or no tier does and one refused this
     *     client
     * @throws CacheUnavailableException if no tier answers
     */
    void require(int tiers, Map<String, CacheUnavailableException> failures, boolean strict) {
        if (failures.isEmpty()) {
            return;
        }
        if (strict) {
            throw failed(whyStrict + ", and not every configured tier answers: ", failures, true);
        }
        if (failures.size() == tiers) {
            boolean refused = failures.values().stream().anyMatch(StartCheck::isRefusal);
            throw failed("no tier answers, and " + whyNoMemory + ", which always does: ", failures, refused);
        }
    }

    private CacheException failed(String what, Map<String, CacheUnavailableException> failures, boolean configuration) {
        StringBuilder message = new StringBuilder(what);
        failures.forEach((tier, failure) ->
                message.append(message.length() == what.length() ? "" : "; ").append(explain(tier, failure)));
        CacheException first = failures.values().iterator().next();
        CacheException thrown = configuration
                ? new CacheConfigException(message.toString(), first)
                : new CacheUnavailableException(message.toString(), first, Reason.CONNECTION, false);
        failures.values().stream().skip(1).forEach(thrown::addSuppressed);
        return thrown;
    }

    /** Says what is wrong with a tier, and which variables may be. */
    String explain(String tier, CacheUnavailableException failure) {
        String check = (bySettings ? KnownTier.named(tier) : Optional.<KnownTier>empty())
                .map(known -> isRefusal(failure) ? known.credentials() : known.place())
                .map(variables -> " (check " + variables + ')')
                .orElse("");
        return tier + ": " + failure.getMessage() + check;
    }

    static boolean isRefusal(CacheUnavailableException failure) {
        return failure.reason() == Reason.REFUSED;
    }
}
