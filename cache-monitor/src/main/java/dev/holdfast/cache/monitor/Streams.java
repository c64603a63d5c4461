package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The event streams that are open, each on the thread of its connection. A reader that stalls is cut off after ten seconds; one that is slow gets the
 * newest figures and none in between.
 */
final class Streams implements AutoCloseable {
    static final int MOST = 32;

    private static final String PATH = "/api/monitoring/stream";
    private static final Reply BEGIN = new Reply(200, "text/event-stream", "", Map.of("X-Accel-Buffering", "no"));

    private final EventLog log;
    private final AtomicInteger count = new AtomicInteger();
    private final Set<Exchange> open = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    Streams(EventLog log) {
        this.log = log;
    }

    boolean wants(Request request) {
        return request.method().equals("GET") && request.path().equals(PATH);
    }

    /** Tells what happens until the reader goes, stalls, or this is closed. */
    void tell(Exchange exchange, @Nullable String lastEventId) throws IOException, InterruptedException {
        open.add(exchange);
        try {
            if (count.incrementAndGet() > MOST || closed) {
                exchange.send(Reply.error(503, "too many streams are open", Map.of("Retry-After", "10")), true);
                return;
            }
            EventLog.Reader reader = log.reader(lastEventId);
            exchange.begin(BEGIN);
            String next = "retry: 3000\n\n";
            while (!closed && next != null) {
                exchange.write(next);
                exchange.rest();
                next = reader.next();
            }
        } finally {
            count.decrementAndGet();
            open.remove(exchange);
        }
    }

    /** How many are open. */
    int count() {
        return count.get();
    }

    @Override
    public void close() {
        closed = true;
        log.close();
        open.forEach(Exchange::close);
    }
}
