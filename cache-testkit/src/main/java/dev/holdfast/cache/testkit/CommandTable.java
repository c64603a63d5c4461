package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the server says of its commands ({@code COMMAND}): which of them exist, and which only read. Immutable. */
final class CommandTable {
    private static final Set<String> HARMLESS = Set.of("PING", "ECHO", "TIME");
    private static final Set<String> TOO_POWERFUL = Set.of("SCAN", "KEYS");

    /** Upper case; a subcommand as {@code OBJECT|ENCODING}. */
    private final Map<String, Boolean> readOnly = new HashMap<>();

    CommandTable(@Nullable Object reply) {
        add(reply);
    }

    /** Whether a read-only token may use it: it reads, and not the whole database at once. */
    boolean isOpenToReaders(RestCommand command) {
        String name = command.name();
        return HARMLESS.contains(name) || (!TOO_POWERFUL.contains(name) && isReadOnly(command));
    }

    /** False for what writes and for what is unknown. */
    boolean isReadOnly(RestCommand command) {
        Boolean whole = readOnly.get(command.name());
        if (whole == null || whole) {
            return whole != null;
        }
        return command.args.size() > 1 && readOnly.getOrDefault(command.name() + "|" + command.upper(1), false);
    }

    private void add(@Nullable Object reply) {
        if (!(reply instanceof List<?> commands)) {
            return;
        }
        for (Object entry : commands) {
            List<?> fields = (List<?>) entry;
            String name = new String((byte[]) fields.get(0), UTF_8).toUpperCase(Locale.ROOT);
            readOnly.put(name, ((List<?>) fields.get(2)).contains("readonly"));
            add(fields.size() > 9 ? fields.get(9) : null);
        }
    }
}
