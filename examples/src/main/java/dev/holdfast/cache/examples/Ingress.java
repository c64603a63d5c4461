package dev.holdfast.cache.examples;

import com.sun.net.httpserver.HttpExchange;
import dev.holdfast.cache.Settings;
import dev.holdfast.streams.RequestClient;
import dev.holdfast.streams.RequestFailedException;
import dev.holdfast.streams.RequestRejectedException;
import dev.holdfast.streams.RequestTimeoutException;
import dev.holdfast.streams.StreamsConfig;
import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The service that takes requests over HTTP and answers with what a {@link Proxy} makes of them. {@code POST /request}, the id in the header
 * {@code Idempotency-Key}, or one is made and given back there; who repeats a request with its id gets the first one's answer.
 *
 * <p>200 with the answer; 400 for an id that can't be, 413 for a body that is too large; 502 if the request failed; 503 with {@code
 * Retry-After} at once if there is too much to do, too much in hand, or Redis is away; 504 if there was no answer within {@code REQUEST_LIMIT}
 * ms. By default that is 5 s more than twice {@code STREAMS_CLAIM_IDLE}, so that a request is answered though its worker dies.
 *
 * <p>Told to end, it is not ready any more, but serves for {@code REQUEST_DRAIN} ms (0), while those who distribute requests take note;
 * then it refuses new ones, and waits for those in hand up to {@code STREAMS_GRACE} seconds (25).
 *
 * <p>Settings: {@code PORT} (8080), {@code HEALTH_PORT} (8081), {@code REQUEST_LIMIT}, {@code REQUEST_DRAIN}, {@code REQUEST_BODIES_MAX_BYTES} for the bodies in hand (a
 * quarter of the heap), and those of {@link StreamsConfig#from}.
 */
public final class Ingress implements AutoCloseable {
    private static final String ID = "Idempotency-Key";
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final RequestClient client;
    private final ServiceHttp http;
    private final BodyMemory bodies;
    private final Duration limit;
    private final Duration drain;
    private final Duration grace;
    private final int maxBody;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Ingress(Settings settings) {
        StreamsConfig config = StreamsConfig.from(settings);
        limit = limit(settings, config.claimIdle());
        drain = Duration.ofMillis(settings.number("REQUEST_DRAIN", 0, 0, 3_600_000));
        grace = settings.seconds("STREAMS_GRACE", Duration.ofSeconds(25));
        maxBody = config.maxPayloadBytes();
        bodies = new BodyMemory(bodyBytes(settings, maxBody));
        client = RequestClient.connect(config);
        http = new ServiceHttp(ServiceHttp.healthPort(settings))
                .work(settings.integer("PORT", 8080, 0, 65_535), "/request", this::request)
                .health(() -> client.health().trouble())
                .ready(() -> client.health().available())
                .metrics(() -> StreamMetrics.of(client.health(), bodies, client::queue))
                .start();
    }

    private static Duration limit(Settings settings, Duration claimIdle) {
        Duration twice = claimIdle.multipliedBy(2);
        Duration survivor = twice.plusSeconds(5);
        Duration limit = settings.millis(
                "REQUEST_LIMIT", survivor.compareTo(RequestClient.MAX_LIMIT) < 0 ? survivor : RequestClient.MAX_LIMIT);
        if (limit.compareTo(RequestClient.MAX_LIMIT) > 0) {
            // Else each request would be told that it has a limit which no call may have.
            throw settings.malformed("REQUEST_LIMIT", "must be a day at most");
        }
        if (limit.compareTo(twice) <= 0) {
            System.err.println(
                    "REQUEST_LIMIT is " + limit.toMillis() + " ms, and what a dead worker held is taken over after"
                            + " STREAMS_CLAIM_IDLE, " + claimIdle.toMillis()
                            + " ms: its caller will have given up. Take more than twice that and the work");
        }
        return limit;
    }

    /** At least two of the largest: one of a length that is not known is in hand twice when it is put together. */
    private static int bodyBytes(Settings settings, int largest) {
        long quarter = Runtime.getRuntime().maxMemory() / 4;
        int least = 2 * largest + (64 << 10);
        return settings.integer(
                "REQUEST_BODIES_MAX_BYTES",
                (int) Math.min(Integer.MAX_VALUE, Math.max(quarter, least)),
                least,
                Integer.MAX_VALUE);
    }

    /** Runs until the process is told to end. */
    public static void main(String[] args) {
        ServiceVariables.warn();
        Ingress ingress = start(Settings.environment());
        Runtime.getRuntime().addShutdownHook(new Thread(ingress::close));
        System.out.println("ingress on port " + ingress.port() + ", health on port " + ingress.healthPort());
    }

    static Ingress start(Settings settings) {
        return new Ingress(settings);
    }

    int port() {
        return http.port();
    }

    int healthPort() {
        return http.healthPort();
    }

    private void request(HttpExchange exchange) throws IOException, InterruptedException {
        if (!exchange.getRequestMethod().equals("POST")) {
            exchange.getResponseHeaders().set("Allow", "POST");
            http.discardAndSend(exchange, 405, "POST only");
            return;
        }
        String given = exchange.getRequestHeaders().getFirst(ID);
        try (BodyMemory.Share share = bodies.share()) {
            byte[] body = body(exchange, share);
            if (body != null) {
                answer(exchange, given == null ? UUID.randomUUID().toString() : given, body, share);
            }
        } catch (BodyMemory.RefusedException e) {
            if (e.status() == 503) {
                http.retryLater(exchange, String.valueOf(e.getMessage()));
            } else {
                http.discardAndSend(exchange, e.status(), String.valueOf(e.getMessage()));
            }
        }
    }

    /** The body; {@code null} if it was answered that this is none. */
    private byte @Nullable [] body(HttpExchange exchange, BodyMemory.Share share) throws IOException {
        try {
            return share.read(exchange.getRequestBody(), length(exchange), maxBody);
        } catch (BodyMemory.RefusedException e) {
            throw e;
        } catch (IOException e) {
            // Chunks that are none, or a connection that is lost; then this fails too.
            exchange.getResponseHeaders().set("Connection", "close");
            http.send(exchange, 400, "the body can't be read");
            return null;
        }
    }

    private static long length(HttpExchange exchange) {
        if (exchange.getRequestHeaders().containsKey("Transfer-Encoding")) {
            return -1;
        }
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        return length == null ? 0 : Long.parseLong(length);
    }

    private void answer(HttpExchange exchange, String id, byte[] body, BodyMemory.Share share)
            throws IOException, InterruptedException {
        try {
            byte[] answer = client.callAndWait(id, body, limit);
            exchange.getResponseHeaders().set(ID, id);
            // Those who read slowly hold their answers; one there is no room for is kept in Redis, under its id.
            share.exchangeFor(answer);
            http.send(exchange, 200, answer);
        } catch (IllegalArgumentException e) {
            http.send(exchange, 400, String.valueOf(e.getMessage()));
        } catch (RequestFailedException e) {
            http.send(exchange, 502, String.valueOf(e.getMessage()));
        } catch (RequestRejectedException e) {
            exchange.getResponseHeaders()
                    .set("Retry-After", Long.toString(e.retryAfter().toSeconds()));
            http.send(exchange, 503, String.valueOf(e.getMessage()));
        } catch (RequestTimeoutException e) {
            exchange.getResponseHeaders().set(ID, id);
            http.send(exchange, 504, String.valueOf(e.getMessage()));
        } catch (IllegalStateException e) {
            // The client is closed: the body came in the last moment, and nothing was sent.
            http.retryLater(exchange, "this instance ends");
        }
    }

    /** Ends as the class says; what is still in hand then is answered with 504, or with 503 if its body is not there yet. Removes the reply stream. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        http.leave();
        try {
            Thread.sleep(drain.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        http.refuse();
        http.awaitIdle(grace);
        client.close();
        http.awaitIdle(LAST_WORDS);
        http.close();
    }
}
