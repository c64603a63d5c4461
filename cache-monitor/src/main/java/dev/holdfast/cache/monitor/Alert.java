package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.JsonWriter;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An incident: there is one for each rule, whose severity may rise and fall.
 *
 * @param id the rule's
 * @param severity how bad it is
 * @param metric what is measured
 * @param value what was measured last
 * @param threshold what it is beyond
 * @param unit of both
 * @param message all of it in words
 * @param since when it began
 * @param resolved when it ended; {@code null} while it lasts
 */
record Alert(
        String id,
        Severity severity,
        String metric,
        double value,
        double threshold,
        String unit,
        String message,
        Instant since,
        @Nullable Instant resolved) {

    Alert resolvedAt(@Nullable Instant time) {
        return new Alert(id, severity, metric, value, threshold, unit, message, since, time);
    }

    void write(JsonWriter json) {
        json.field("id", id)
                .field("severity", severity.word())
                .field("metric", metric)
                .field("value", value)
                .field("threshold", threshold)
                .field("unit", unit)
                .field("message", message)
                .field("since", HealthJson.time(since));
        if (resolved != null) {
            json.field("resolved", HealthJson.time(resolved));
        }
    }
}
