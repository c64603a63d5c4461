package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The event streams that are open, each on the thread of its connection. A reader that stalls is cut off after ten seconds; one that is slow gets the
 * newest figures and none in between.
 */
final class Streams implements AutoCloseable {
    static final int MOST = 32;

    static final String PATH = "/api/monitoring/stream";
    static final Reply BEGIN = new Reply(200, "text/event-stream", "", Map.of("X-Accel-Buffering", "no"));

    /** For whom there is no place. */
    static final Reply FULL = Reply.error(503, "too many streams are open", Map.of("Retry-After", "10"));

    /** Behind somebody else's server: events need a connection of one's own. */
    static final Reply ELSEWHERE = Reply.error(501, "the stream is only at the monitor's own server");

    private final EventLog log;
    private final Set<Exchange> open = new HashSet<>();
    private boolean closed;

    Streams(EventLog log) {
        this.log = log;
    }

    boolean wants(Request request) {
        return request.path().equals(PATH)
                && (request.method().equals("GET") || request.method().equals("HEAD"));
    }

    /** Finds a place, to be given back by {@link #leave}; there is none beside 32 others, and when all of this has ended. */
    boolean enter(Exchange exchange) {
        synchronized (open) {
            return !closed && open.size() < MOST && open.add(exchange);
        }
    }

    void leave(Exchange exchange) {
        synchronized (open) {
            open.remove(exchange);
        }
    }

    /** Tells who has a place what happens until the reader goes, stalls, or this is closed. */
    void tell(Exchange exchange, @Nullable String lastEventId) throws IOException, InterruptedException {
        EventLog.Reader reader = log.reader(lastEventId);
        exchange.begin(BEGIN);
        for (String next = "retry: 3000\n\n"; next != null; next = reader.next()) {
            exchange.write(next);
            exchange.rest();
        }
    }

    /** How many are open. */
    int count() {
        synchronized (open) {
            return open.size();
        }
    }

    @Override
    public void close() {
        log.close();
        synchronized (open) {
            closed = true;
            open.forEach(Exchange::close);
        }
    }
}
