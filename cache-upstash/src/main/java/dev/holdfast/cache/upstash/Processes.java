package dev.holdfast.cache.upstash;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The process that answers behind the database's address, by the name that {@code INFO server} gives it: another after each start.
 * A connection says nothing of it. Where none is given, or the token may not ask, it counts as the same for ever. Thread-safe.
 */
final class Processes {
    /** Asks for the name. */
    static final Command NAME = Command.of("INFO", "server");

    private static final Pattern RUN_ID = Pattern.compile("(?m)^run_id:(\\p{XDigit}{8,64})\\s*$");

    private String present = "";
    private long since = System.nanoTime();

    /** When the one that answered last was met first, by {@link System#nanoTime()}. */
    synchronized long since() {
        return since;
    }

    /**
     * Notes what is called what.
     *
     * @param info the answer to {@link #NAME}, whatever it is
     */
    synchronized void met(Reply info) {
        if (!(info instanceof Reply.Bytes text)) {
            return;
        }
        Matcher line = RUN_ID.matcher(new String(text.value(), StandardCharsets.ISO_8859_1));
        if (line.find() && !line.group(1).equals(present)) {
            present = line.group(1);
            since = System.nanoTime();
        }
    }
}
