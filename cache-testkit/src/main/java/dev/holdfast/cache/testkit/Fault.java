package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * One way in which an {@link UpstashGateway} answers a request badly. Scripted with {@link GatewayFaults}.
 *
 * <p>Immutable and thread-safe; the same fault may be used any number of times.
 */
public final class Fault {
    /** Executes the request's commands, once, and returns the answer that a healthy gateway would give. */
    interface Execution {
        HttpResponse run() throws IOException;
    }

    /** Spoils one exchange. */
    interface Behaviour {
        void answer(
                HttpRequest request,
                HttpConnection connection,
                Execution execution,
                UnaryOperator<HttpResponse> headers)
                throws IOException;
    }

    private final Behaviour behaviour;
    private final Duration delay;
    private final Map<String, String> headers;

    Fault(Behaviour behaviour) {
        this(behaviour, Duration.ZERO, Map.of());
    }

    private Fault(Behaviour behaviour, Duration delay, Map<String, String> headers) {
        this.behaviour = behaviour;
        this.delay = delay;
        this.headers = headers;
    }

    /**
     * Answers without executing anything.
     *
     * @param body sent as {@code application/json}, whether it is JSON or not
     */
    public static Fault status(int status, String body) {
        return answer(status, HttpResponse.JSON, body);
    }

    /** Answers with an error page, as a load balancer does, without executing anything. */
    public static Fault html(int status) {
        return answer(
                status, "text/html", "<html><head><title>" + status + "</title></head><body>upstream</body></html>");
    }

    /** Answers with no body, without executing anything. */
    public static Fault empty(int status) {
        return new Fault((request, connection, execution, headers) ->
                connection.send(request, headers.apply(HttpResponse.empty(status))));
    }

    /** {@code {"error":…}} in a 200, in an array if the request was to {@code /pipeline}, without executing anything. */
    public static Fault error(String message) {
        return inShape(new String(new ReplyWriter(false, false).one(new RespError(message)), UTF_8));
    }

    /**
     * {@code {"result":…}} in a 200, in an array if the request was to {@code /pipeline}, without executing anything.
     *
     * @param json the result, as it is written in JSON
     */
    public static Fault result(String json) {
        return inShape("{\"result\":" + json + '}');
    }

    private static Fault inShape(String one) {
        return new Fault((request, connection, execution, headers) -> connection.send(
                request,
                headers.apply(HttpResponse.json(200, request.path().endsWith("/pipeline") ? '[' + one + ']' : one))));
    }

    /** {@code 302} to {@code location}, without executing anything. */
    public static Fault redirect(String location) {
        return empty(302).withHeader("location", location);
    }

    /** Executes and answers as it should, but only after {@code delay}. */
    public static Fault delay(Duration delay) {
        return new Fault((request, connection, execution, headers) ->
                        connection.send(request, headers.apply(execution.run())))
                .after(delay);
    }

    /** Resets the connection without executing anything. */
    public static Fault resetBefore() {
        return new Fault((request, connection, execution, headers) -> connection.reset());
    }

    /** Executes, then resets the connection instead of answering: the case in which a repeated {@code INCR} counts twice. */
    public static Fault resetAfter() {
        return new Fault((request, connection, execution, headers) -> {
            execution.run();
            connection.reset();
        });
    }

    /** Executes, announces the whole answer, sends half of its body and closes. */
    public static Fault truncatedBody() {
        return new Fault((request, connection, execution, headers) ->
                BodyFaults.truncate(connection, headers.apply(execution.run())));
    }

    /**
     * Executes and answers with an array that is longer or shorter than it should be: that of a pipeline, or else that of
     * the result.
     *
     * @param by how many elements to add (copies of the last), or if negative to leave out
     */
    public static Fault wrongArrayLength(int by) {
        return new Fault((request, connection, execution, headers) -> {
            HttpResponse answer = headers.apply(execution.run());
            connection.send(request, answer.withBody(BodyFaults.resized(answer.body, by)));
        });
    }

    /** Executes and answers with strings that are not base64 in place of all that the answer has, however deep. */
    public static Fault garbageBase64() {
        return new Fault((request, connection, execution, headers) -> {
            HttpResponse answer = headers.apply(execution.run());
            connection.send(request, answer.withBody(BodyFaults.garbled(answer.body)));
        });
    }

    /** Executes and sends the answer byte by byte, {@code pause} apart. */
    public static Fault slowDrip(Duration pause) {
        return new Fault((request, connection, execution, headers) ->
                BodyFaults.drip(connection, headers.apply(execution.run()), pause));
    }

    /** Answers with a JSON string that goes on until the client hangs up, without executing anything. */
    public static Fault endlessBody() {
        return new Fault((request, connection, execution, headers) -> BodyFaults.endless(connection));
    }

    /** Answers with a small gzip stream that is a JSON string of {@code bytes} bytes, without executing anything. */
    public static Fault gzipBomb(long bytes) {
        return new Fault((request, connection, execution, headers) -> BodyFaults.bomb(connection, bytes));
    }

    /**
     * Executes and answers as it should, then sends a second answer that nobody asked for.
     *
     * @param pause between the two; zero: both in one go
     * @param body of the second, sent as {@code application/json}
     */
    public static Fault superfluousAnswer(Duration pause, String body) {
        HttpResponse second = HttpResponse.json(200, body);
        return new Fault((request, connection, execution, headers) ->
                BodyFaults.twice(connection, headers.apply(execution.run()), pause, second));
    }

    /** Begins a chunked answer whose first chunk extension goes on until the client hangs up, without executing anything. */
    public static Fault endlessChunkExtension() {
        return new Fault((request, connection, execution, headers) -> BodyFaults.endlessExtension(connection));
    }

    /** The same fault, beginning later by {@code wait}. */
    public Fault after(Duration wait) {
        if (wait.isNegative()) {
            throw new IllegalArgumentException("wait must not be negative: " + wait);
        }
        return new Fault(behaviour, wait, headers);
    }

    /** The same fault with one more header, such as {@code Retry-After}; it has no effect where no whole answer is sent. */
    public Fault withHeader(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
        return new Fault(behaviour, delay, more);
    }

    void answer(HttpRequest request, HttpConnection connection, Execution execution) throws IOException {
        BodyFaults.pause(delay);
        behaviour.answer(request, connection, execution, response -> {
            HttpResponse more = response;
            for (Map.Entry<String, String> header : headers.entrySet()) {
                more = more.with(header.getKey(), header.getValue());
            }
            return more;
        });
    }

    private static Fault answer(int status, String contentType, String body) {
        HttpResponse response = HttpResponse.of(status, contentType, body.getBytes(UTF_8));
        return new Fault(
                (request, connection, execution, headers) -> connection.send(request, headers.apply(response)));
    }
}
