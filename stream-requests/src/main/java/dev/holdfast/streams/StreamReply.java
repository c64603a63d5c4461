package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads what Redis answers about streams. */
final class StreamReply {
    private StreamReply() {}

    /**
     * One entry.
     *
     * @param id what Redis calls it
     * @param fields its fields by name; empty if it was deleted
     */
    record Entry(String id, Map<String, byte[]> fields) {}

    /** The entries of a reply to {@code XREAD} or {@code XREADGROUP} of one stream. */
    static List<Entry> read(@Nullable Object reply) {
        if (reply == null) {
            return List.of();
        }
        return entries(list(list(list(reply).get(0)).get(1)));
    }

    /** The entries of a list. */
    static List<Entry> entries(List<?> items) {
        List<Entry> entries = new ArrayList<>(items.size());
        for (Object item : items) {
            if (item != null) {
                List<?> parts = list(item);
                entries.add(new Entry(text(parts.get(0)), fields(parts.get(1))));
            }
        }
        return entries;
    }

    private static Map<String, byte[]> fields(@Nullable Object flat) {
        Map<String, byte[]> fields = new HashMap<>();
        if (flat != null) {
            List<?> items = list(flat);
            for (int i = 0; i + 1 < items.size(); i += 2) {
                fields.put(text(items.get(i)), (byte[]) Objects.requireNonNull(items.get(i + 1)));
            }
        }
        return fields;
    }

    /** The values of {@code XINFO}, by name. */
    static Map<String, @Nullable Object> named(@Nullable Object flat) {
        Map<String, @Nullable Object> named = new HashMap<>();
        List<?> items = list(flat);
        for (int i = 0; i + 1 < items.size(); i += 2) {
            named.put(text(items.get(i)), items.get(i + 1));
        }
        return named;
    }

    static List<?> list(@Nullable Object reply) {
        return (List<?>) Objects.requireNonNull(reply);
    }

    static String text(@Nullable Object reply) {
        return new String((byte[]) Objects.requireNonNull(reply), UTF_8);
    }

    /** Whether a text has digits only, so many at most. */
    static boolean isNumber(String text, int digits) {
        return text.length() <= digits && text.matches("[0-9]+");
    }

    static long number(@Nullable Object reply) {
        return reply instanceof Long number ? number : Long.parseLong(text(reply));
    }

    /** The milliseconds of an entry's id; of an id beyond all time as many as there can be. */
    static long millis(String entryId) {
        long millis = Long.parseUnsignedLong(entryId.substring(0, entryId.indexOf('-')));
        return millis < 0 ? Long.MAX_VALUE : millis;
    }
}
