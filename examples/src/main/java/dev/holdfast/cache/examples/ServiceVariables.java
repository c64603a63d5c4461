package dev.holdfast.cache.examples;

import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The variables of the two services. Settings pass over what they don't know, so a misspelt one leaves its default in force without a
 * word: the services name such ones when they start.
 */
final class ServiceVariables {
    static final List<String> KNOWN = List.of(
            "PROXY_TERMINALS",
            "PROXY_WORK",
            "REQUEST_BODIES_MAX_BYTES",
            "REQUEST_DRAIN",
            "REQUEST_LIMIT",
            "STREAMS_CLAIM_IDLE",
            "STREAMS_GRACE",
            "STREAMS_MAX_DELIVERIES",
            "STREAMS_MAX_IN_FLIGHT",
            "STREAMS_MAX_PAYLOAD_BYTES",
            "STREAMS_MAX_QUEUE_LENGTH",
            "STREAMS_NAME",
            "STREAMS_PARTITIONS",
            "STREAMS_REPLY_WINDOW");

    private static final Pattern OURS = Pattern.compile("(STREAMS|REQUEST|PROXY)_.*");
    private static final Pattern SERVICE_LINK =
            Pattern.compile(".*_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_.*)?)");
    private static final int NEAR = 4;

    private ServiceVariables() {}

    /** Prints what nobody reads to the standard error stream. */
    static void warn() {
        warnings(System.getenv().keySet()).forEach(System.err::println);
    }

    /** A line for each name that is ours by its beginning and known to nobody, in their order. */
    static List<String> warnings(Set<String> names) {
        return names.stream()
                .filter(name -> OURS.matcher(name).matches() && !KNOWN.contains(name))
                .filter(name -> !SERVICE_LINK.matcher(name).matches())
                .sorted()
                .map(ServiceVariables::warning)
                .toList();
    }

    private static String warning(String name) {
        return name + " is set, but nothing reads it"
                + KNOWN.stream()
                        .filter(known -> distance(name, known) <= NEAR)
                        .min(Comparator.comparingInt(known -> distance(name, known)))
                        .map(known -> "; did you mean " + known + "?")
                        .orElse("");
    }

    /** Levenshtein's: how many letters are to be put in, taken out or changed. */
    private static int distance(String from, String to) {
        int[] row = new int[to.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int changed = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
