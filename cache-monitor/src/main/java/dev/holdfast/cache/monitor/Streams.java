package dev.holdfast.cache.monitor;

import com.sun.net.httpserver.HttpExchange;
import dev.holdfast.cache.IsolatedThreads;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The event streams that are open, each with a thread of its own. A reader that stalls holds its thread for ten seconds and is cut off then; one that is
 * slow gets the newest figures and none in between.
 */
final class Streams implements AutoCloseable {
    private static final String PATH = "/api/monitoring/stream";
    private static final int MOST = 32;

    private final EventLog log;
    private final ScheduledExecutorService alarms;
    private final ThreadFactory threads;
    private final AtomicInteger open = new AtomicInteger();
    private final Set<Thread> writing = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    Streams(String name, EventLog log, ScheduledExecutorService alarms) {
        this.log = log;
        this.alarms = alarms;
        this.threads = IsolatedThreads.platform(name + "-stream");
    }

    boolean wants(Request request) {
        return request.method().equals("GET") && request.path().equals(PATH);
    }

    /** Takes the exchange over, to be closed by its thread. */
    void open(HttpExchange exchange) throws IOException {
        MonitorServer.common(exchange.getResponseHeaders());
        if (closed || open.incrementAndGet() > MOST) {
            open.decrementAndGet();
            exchange.getResponseHeaders().set("Retry-After", "10");
            exchange.sendResponseHeaders(503, -1);
            exchange.close();
            return;
        }
        threads.newThread(() -> {
                    writing.add(Thread.currentThread());
                    try {
                        write(exchange);
                    } catch (IOException | InterruptedException e) {
                        // The reader or the server is gone, and what is left to send must not be waited for.
                        Thread.currentThread().interrupt();
                    } finally {
                        exchange.close();
                        writing.remove(Thread.currentThread());
                        open.decrementAndGet();
                    }
                })
                .start();
    }

    private void write(HttpExchange exchange) throws IOException, InterruptedException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.getResponseHeaders().set("X-Accel-Buffering", "no");
        EventLog.Reader reader = log.reader(exchange.getRequestHeaders().getFirst("Last-Event-ID"));
        RequestThreads.within(alarms, () -> exchange.sendResponseHeaders(200, 0));
        OutputStream out = exchange.getResponseBody();
        String next = "retry: 3000\n\n";
        while (!closed && next != null) {
            byte[] piece = next.getBytes(StandardCharsets.UTF_8);
            RequestThreads.within(alarms, () -> {
                out.write(piece);
                out.flush();
            });
            next = reader.next();
        }
    }

    /** How many are open. */
    int count() {
        return open.get();
    }

    @Override
    public void close() {
        closed = true;
        log.close();
        writing.forEach(Thread::interrupt);
    }
}
