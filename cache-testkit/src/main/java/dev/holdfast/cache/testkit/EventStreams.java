package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * {@code /subscribe/<channel>…}, {@code /psubscribe/<pattern>…} and {@code /monitor}: what Redis pushes, as server-sent events
 * ({@code data: message,<channel>,<text>}). Each stream has its own connection to Redis and ends with the client's. Thread-safe.
 */
final class EventStreams {
    static final String TYPE = "text/event-stream";
    private static final Set<String> WITH_NAMES = Set.of("subscribe", "psubscribe");

    private final RedisBackend backend;
    private final Executor executor;

    EventStreams(RedisBackend backend, Executor executor) {
        this.backend = backend;
        this.executor = executor;
    }

    /** Without a channel, {@code /subscribe} is a command like any other, and refused. */
    static boolean isFor(List<byte[]> segments) {
        String first = segments.isEmpty() ? "" : new String(segments.get(0), UTF_8);
        return segments.size() == 1 ? first.equals("monitor") : WITH_NAMES.contains(first);
    }

    /** Returns when the client or Redis has gone. */
    void serve(HttpConnection client, HttpResponse head, List<byte[]> segments) throws IOException {
        RespConnection redis = backend.dedicated();
        try {
            redis.timeout(Duration.ZERO);
            redis.send(segments);
            redis.flush();
            client.startChunks(head);
            executor.execute(() -> {
                client.awaitEnd();
                redis.close();
            });
            while (true) {
                client.chunk(event(redis.receive()));
            }
        } finally {
            redis.close();
            client.close();
        }
    }

    private static byte[] event(@Nullable Object push) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        if (push instanceof List<?> fields) {
            for (int i = 0; i < fields.size(); i++) {
                text.writeBytes(i == 0 ? new byte[0] : new byte[] {','});
                text.writeBytes(bytes(fields.get(i)));
            }
        } else {
            // MONITOR begins with its status, which the service quotes
            text.writeBytes(bytes("OK".equals(push) ? "\"OK\"" : push));
        }
        // A line feed would end the event: the standard has a field "data" per line.
        return ("data: " + text.toString(UTF_8).replace("\n", "\ndata: ") + "\n\n").getBytes(UTF_8);
    }

    private static byte[] bytes(@Nullable Object field) {
        if (field instanceof byte[] raw) {
            return raw;
        }
        return (field instanceof RespError error ? error.message() : String.valueOf(field)).getBytes(UTF_8);
    }
}
