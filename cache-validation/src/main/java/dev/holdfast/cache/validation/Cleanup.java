package dev.holdfast.cache.validation;

import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.io.UncheckedIOException;
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
    private final Target target;
    private final String keyPrefix;
    private final String pattern;

    /** What was there when this run's keys were looked for; {@code null} before. */
    private @Nullable List<String> known;

    Cleanup(Conversation server, Target target, String keyPrefix) {
        this.server = server;
        this.target = target;
        this.keyPrefix = keyPrefix;
        this.pattern = keyPrefix.replaceAll("([\\[\\]*?\\\\^])", "\\\\$1") + '*';
    }

    /**
     * Lets the keys of this run expire. They are looked for in the whole database, so once: what comes later is for {@link #remove()}, but for those of
     * the roll, whose names are known, and which live for a month otherwise.
     */
    void shorten() {
        List<String> keys = known;
        if (keys == null) {
            keys = new ArrayList<>();
            each(server, keys::add);
            known = keys;
        }
        keys.forEach(key -> server.ask("PEXPIRE", key, TEN_MINUTES));
        for (String key : Roll.KEYS) {
            try {
                server.ask("PEXPIRE", keyPrefix + key, TEN_MINUTES);
            } catch (RefusedException e) {
                // Another master has them, which is asked as well.
            }
        }
    }

    /** Removes every key of this run; over another connection if that of the checks is lost. */
    void remove() {
        try {
            removeBy(server);
        } catch (UncheckedIOException lost) {
            try (Conversation another = Conversation.with(target)) {
                removeBy(another);
            }
        }
    }

    private static void remove(Conversation by, String key) {
        try {
            by.ask("UNLINK", key);
        } catch (RefusedException e) {
            try {
                by.ask("DEL", key);
            } catch (RefusedException again) {
                by.ask("PEXPIRE", key, "1");
            }
        }
    }

    private void removeBy(Conversation by) {
        each(by, key -> remove(by, key));
    }

    private void each(Conversation by, Consumer<String> action) {
        String cursor = "0";
        do {
            List<?> page = (List<?>) by.ask("SCAN", cursor, "MATCH", pattern, "COUNT", "1000");
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
