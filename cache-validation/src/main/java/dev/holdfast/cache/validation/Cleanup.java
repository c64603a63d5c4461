package dev.holdfast.cache.validation;

import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Removes what this run has left on a server, and lets what must stay for now expire within ten minutes, in case this process is killed: the stores'
 * own keys live for a day otherwise. For one thread.
 */
final class Cleanup {
    private static final String TEN_MINUTES = "600000";

    private final Conversation server;
    private final String pattern;

    /** What was there when this run's keys were looked for; {@code null} before. */
    private @Nullable List<String> known;

    Cleanup(Conversation server, String keyPrefix) {
        this.server = server;
        this.pattern = keyPrefix.replaceAll("([\\[\\]*?\\\\^])", "\\\\$1") + '*';
    }

    /** Lets the keys of this run expire. They are looked for in the whole database, so once: what comes later is for {@link #remove()}. */
    void shorten() {
        List<String> keys = known;
        if (keys == null) {
            keys = new ArrayList<>();
            each(keys::add);
            known = keys;
        }
        keys.forEach(key -> server.ask("PEXPIRE", key, TEN_MINUTES));
    }

    /** Removes every key of this run. */
    void remove() {
        each(this::remove);
    }

    private void remove(String key) {
        try {
            server.ask("UNLINK", key);
        } catch (RefusedException e) {
            try {
                server.ask("DEL", key);
            } catch (RefusedException again) {
                server.ask("PEXPIRE", key, "1");
            }
        }
    }

    private void each(Consumer<String> action) {
        String cursor = "0";
        do {
            List<?> page = (List<?>) server.ask("SCAN", cursor, "MATCH", pattern, "COUNT", "1000");
            if (page == null || page.size() != 2) {
                return;
            }
            for (Object key : (List<?>) page.get(1)) {
                action.accept(String.valueOf(key));
            }
            cursor = String.valueOf(page.get(0));
        } while (!cursor.equals("0"));
    }
}
