package dev.holdfast.cache.monitor;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.JsonWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The last failovers and failbacks, and how many there were. For any number of threads. */
final class Timeline {
    private static final int MOST = 50;

    private final Deque<Turn> turns = new ArrayDeque<>();
    private final Map<Failover, Long> failovers = new LinkedHashMap<>();

    /** What failovers have in common; {@code to} is empty if no tier was left. */
    record Failover(String from, String to, String reason) {}

    /**
     * Calls went to another tier.
     *
     * @param at when
     * @param from the tier before; {@code null} if none served
     * @param to the tier since; {@code null} if none is left
     * @param reason why the former went; {@code null} for a failback
     * @param outage how long the latter had been away; {@code null} for a failover
     * @param changes how many changes were entered there
     */
    private record Turn(
            Instant at,
            @Nullable String from,
            @Nullable String to,
            @Nullable String reason,
            @Nullable Duration outage,
            long changes) {}

    synchronized void failover(String from, @Nullable String to, TierHealth.Reason reason) {
        String why = HealthJson.word(reason);
        failovers.merge(new Failover(from, to == null ? "" : to, why), 1L, Long::sum);
        add(new Turn(Instant.now(), from, to, why, null, 0));
    }

    synchronized void failback(@Nullable String from, String to, Duration outage, long changes) {
        add(new Turn(Instant.now(), from, to, null, outage, changes));
    }

    private void add(Turn turn) {
        turns.addFirst(turn);
        if (turns.size() > MOST) {
            turns.removeLast();
        }
    }

    /** How many failovers there were. */
    synchronized Map<Failover, Long> failovers() {
        return new LinkedHashMap<>(failovers);
    }

    /** Adds the field {@code timeline}, the last first. */
    void write(JsonWriter json) {
        List<Turn> copy;
        synchronized (this) {
            copy = List.copyOf(turns);
        }
        json.array("timeline", copy, (each, turn) -> each.field("at", HealthJson.time(turn.at()))
                .field("event", turn.reason() == null ? "failback" : "failover")
                .field("from", turn.from())
                .field("to", turn.to())
                .field("reason", turn.reason())
                .field(
                        "outage",
                        turn.outage() == null
                                ? null
                                : (Double) (double) turn.outage().toMillis())
                .field("changes", turn.changes()));
    }
}
