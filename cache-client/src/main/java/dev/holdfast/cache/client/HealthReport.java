package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.internal.ForeignText;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Makes the client's health out of its store's.
 *
 * @param onlyTier the tier's name where the store is no composite
 * @param switchedOff the variable that keeps servers out; {@code null} if none does
 * @param startedAt when the client was opened
 */
record HealthReport(String onlyTier, @Nullable String switchedOff, Instant startedAt) {

    /** Our own sentence around a server's, which the store has cut to {@link ForeignText#MAX_LENGTH}. */
    private static final int MOST_SHOWN = 1_000;

    /**
     * Sums up.
     *
     * @param store what the store says
     * @param notes what else wants an operator's attention
     * @param now the time
     */
    CacheHealth of(StoreHealth store, List<String> notes, Instant now) {
        List<TierHealth> tiers = store.tiers().isEmpty()
                ? List.of(plain(onlyTier, store))
                : store.tiers().stream().map(HealthReport::clean).toList();
        Optional<TierHealth> serving =
                tiers.stream().filter(TierHealth::serving).findFirst();
        StoreHealth shown = serving.orElse(tiers.get(0)).store();
        List<String> remarks = new ArrayList<>();
        if (switchedOff != null) {
            remarks.add("the kill switch is on: " + switchedOff
                    + " is false, so no server is contacted, whatever else is set");
        }
        remarks.addAll(notes);
        boolean disabled = switchedOff != null
                && tiers.stream().noneMatch(tier -> tier.store().distributed());
        return new CacheHealth(
                disabled ? Status.DISABLED : status(tiers, serving),
                serving.isPresent(),
                shown.type(),
                shown.distributed(),
                shown.readYourWrites(),
                now,
                Duration.between(startedAt, now),
                shown.operations(),
                shown.pool(),
                tiers,
                remarks.isEmpty() ? null : String.join("; ", remarks));
    }

    /** Why there is no server where there is none, as the end of a sentence. */
    String whyNoServer() {
        return switchedOff == null ? "this client has none" : switchedOff + " is false";
    }

    private static Status status(List<TierHealth> tiers, Optional<TierHealth> serving) {
        if (serving.isEmpty()) {
            return Status.CRITICAL;
        }
        if (tiers.get(0).serving()) {
            return Status.HEALTHY;
        }
        return serving.get().store().distributed() ? Status.DEGRADED : Status.CRITICAL;
    }

    /** A store that needs no composite is a tier that always serves. */
    private static TierHealth plain(String name, StoreHealth store) {
        return new TierHealth(
                name,
                TierHealth.State.CLOSED,
                true,
                store.startedAt(),
                null,
                0,
                null,
                null,
                0,
                0,
                0,
                false,
                null,
                store);
    }

    /** Stores are of other authors too: what they say of a failure becomes one line of bounded length. */
    private static TierHealth clean(TierHealth tier) {
        String failure = line(tier.lastFailure());
        String notes = line(tier.notes());
        if (Objects.equals(failure, tier.lastFailure()) && Objects.equals(notes, tier.notes())) {
            return tier;
        }
        return new TierHealth(
                tier.name(),
                tier.state(),
                tier.serving(),
                tier.since(),
                tier.reason(),
                tier.failureRate(),
                failure,
                tier.lastFailureAt(),
                tier.dirtyKeys(),
                tier.dirtyPrefixes(),
                tier.dirtyCounters(),
                tier.overflowed(),
                notes,
                tier.store());
    }

    /** The text itself if nothing is wrong with it. */
    private static @Nullable String line(@Nullable String text) {
        if (text == null || (text.length() <= MOST_SHOWN && text.chars().noneMatch(Character::isISOControl))) {
            return text;
        }
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < Math.min(text.length(), MOST_SHOWN); i += ForeignText.MAX_LENGTH) {
            int end = Math.min(Math.min(text.length(), MOST_SHOWN), i + ForeignText.MAX_LENGTH);
            line.append(ForeignText.shown(text.substring(i, end)));
        }
        return text.length() <= MOST_SHOWN
                ? line.toString()
                : line + "… (+" + (text.length() - MOST_SHOWN) + " characters)";
    }
}
