package dev.holdfast.cache.validation;

import dev.holdfast.cache.client.JsonWriter;
import java.util.List;
import java.util.Locale;

/**
 * All results of a run.
 *
 * @param results in the order of the checks; unmodifiable
 */
record Report(List<Result> results) {
    Report {
        results = List.copyOf(results);
    }

    long count(Mark mark) {
        return results.stream().filter(result -> result.mark() == mark).count();
    }

    boolean ready() {
        return count(Mark.FAILED) == 0;
    }

    String verdict() {
        if (!ready()) {
            return "NOT READY: " + count(Mark.FAILED) + " checks failed";
        }
        return "PRODUCTION READY - " + (count(Mark.WARNING) == 0 ? "Excellent" : "Good");
    }

    /** 0 if the environment is ready, else 1. */
    int exitCode() {
        return ready() ? 0 : 1;
    }

    String json() {
        return JsonWriter.object(json -> json.field("verdict", verdict())
                .field("ready", ready())
                .field("failed", count(Mark.FAILED))
                .field("warnings", count(Mark.WARNING))
                .array("checks", results, (each, result) -> each.field("check", result.check())
                        .field("mark", result.mark().word().toLowerCase(Locale.ROOT))
                        .field("measured", result.measured())
                        .field("remedy", result.remedy())));
    }
}
