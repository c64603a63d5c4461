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

    private synchronized long since() {
        return since;
    }

    /** Begins to look on behalf of one removal. */
    Seen seen() {
        return new Seen();
    }

    /**
     * What one removal sees of the processes. Names that change again and again are those of several processes which answer by turns: then none is
     * believed any more, as where none is given. Of one thread.
     */
    final class Seen {
        private static final int MOST_CHANGES = 3;

        private final long first = Processes.this.since();
        private long last = first;
        private int changes;

        /** When the process that answered last was met first, by {@link System#nanoTime()}. */
        long since() {
            long now = Processes.this.since();
            changes += now == last ? 0 : 1;
            last = now;
            return changes > MOST_CHANGES ? first : now;
        }
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
