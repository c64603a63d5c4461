package dev.holdfast.cache.validation;

import java.time.Duration;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What the command line says.
 *
 * @param json whether one JSON object is printed rather than lines
 * @param sendTestAlert whether an alert is sent to the channel
 * @param p50Millis the target of the median of a read in ms; {@code null} for that of the tier
 * @param p99Millis the same of the 99th percentile
 * @param most how long the reads may take in all
 */
record Options(
        boolean json,
        boolean sendTestAlert,
        @Nullable Double p50Millis,
        @Nullable Double p99Millis,
        Duration most) {
    static final String USAGE = "usage: validate [--json] [--send-test-alert] [--p50-ms N] [--p99-ms N] [--seconds N]";

    private static final Options NONE = new Options(false, false, null, null, Duration.ofSeconds(10));

    /** Reads the arguments; throws {@link IllegalArgumentException} if one is unknown or no positive number. */
    static Options parse(List<String> arguments) {
        Draft draft = new Draft();
        for (int i = 0; i < arguments.size(); i++) {
            String name = arguments.get(i);
            switch (name) {
                case "--json" -> draft.json = true;
                case "--send-test-alert" -> draft.sendTestAlert = true;
                case "--p50-ms" -> number(arguments, ++i, value -> draft.p50 = value);
                case "--p99-ms" -> number(arguments, ++i, value -> draft.p99 = value);
                case "--seconds" -> number(arguments, ++i, value -> draft.seconds = value);
                default -> throw new IllegalArgumentException(name + " is not known; " + USAGE);
            }
        }
        return new Options(draft.json, draft.sendTestAlert, draft.p50, draft.p99, Duration.ofMillis((long)
                (draft.seconds * 1_000)));
    }

    private static final class Draft {
        boolean json;
        boolean sendTestAlert;

        @Nullable
        Double p50;

        @Nullable
        Double p99;

        double seconds = NONE.most.toSeconds();
    }

    private static void number(List<String> arguments, int at, DoubleConsumer taken) {
        String name = arguments.get(at - 1);
        String text = at < arguments.size() ? arguments.get(at) : "";
        if (!text.matches("[0-9]{1,6}(\\.[0-9]{1,3})?") || Double.parseDouble(text) <= 0) {
            throw new IllegalArgumentException(name + " needs a positive number behind it; " + USAGE);
        }
        taken.accept(Double.parseDouble(text));
    }
}
