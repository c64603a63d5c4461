package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.SparedKeys;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/** Speaks the database's protocol: commands out, replies back, and what the service says beside them. */
final class RestClient implements Requests {
    private static final long MAX_RETRY_AFTER_NANOS = TimeUnit.MINUTES.toNanos(5);
    /** For how long a question is asked on the kept connection alone. */
    private static final long FRESH_AFTER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** For how long after an answer to a call there are callers to be spared. */
    static final Duration OTHERS = Duration.ofSeconds(1);

    private static final int MAX_TOKEN_CHARACTERS = 1_024;

    private final UpstashConfig config;
    private final UpstashErrors errors;
    private final ReplyParser parser;
    private final Transport transport;
    private final HttpUrl single;
    private final HttpUrl pipeline;
    private final Token token;
    private final AtomicInteger requests = new AtomicInteger();

    /** When a call was last answered that has its connection from all, by {@link System#nanoTime()}. */
    private volatile long answeredAt;

    private final long othersNanos;
    /** How many connections had broken by then. */
    private volatile long brokenBefore;

    private volatile String syncToken = "";
    private volatile long closedUntilNanos = System.nanoTime();

    RestClient(UpstashConfig config, Dns resolver, Duration others) {
        this.othersNanos = others.toNanos();
        this.answeredAt = System.nanoTime() - othersNanos;
        this.config = config;
        this.errors = new UpstashErrors(config.url().getRawAuthority(), config.access());
        this.parser = new ReplyParser(Transport.maxAnswerBytes(config));
        this.transport = new Transport(config, errors, resolver, this::isAnswered);
        this.token = new Token(config.access(), errors, transport.threadPool());
        HttpUrl base = HttpUrl.get(config.url().toString());
        this.single = base;
        this.pipeline = base.newBuilder().addPathSegment("pipeline").build();
    }

    @Override
    public UpstashErrors errors() {
        return errors;
    }

    @Override
    public Executor threadPool() {
        return transport.threadPool();
    }

    @Override
    public Reply one(Command command, long timeoutNanos) {
        boolean marked = isMarked(requests.incrementAndGet());
        return single(marked ? RestCall.oneInPipeline(command) : RestCall.one(command), timeoutNanos);
    }

    @Override
    public Reply oneAgain(Command command, long timeoutNanos) {
        return single(RestCall.again(command, isMarked(requests.incrementAndGet())), timeoutNanos);
    }

    private Reply single(RestCall body, long timeoutNanos) {
        Reply reply = send(transport.clients().shared(), body, timeoutNanos).get(0);
        if (body.isPipeline() && reply instanceof Reply.Failure refused) {
            throw errors.text(body.name(), refused.text());
        }
        return reply;
    }

    /**
     * Whether a request is to have another shape than its neighbours, which one in four has, in no order that callers could be in step with. An
     * answer names no request, but that to a neighbour has the wrong shape then: so a connection whose answers got out of step, by one too
     * many while a request was under way, is noticed after a few of them.
     */
    private static boolean isMarked(int request) {
        return (request * 0x9E3779B9) >>> 30 == 0;
    }

    @Override
    public Reply alone(Command command, long timeoutNanos) {
        return alone(RestCall.suspect(command), timeoutNanos).get(0);
    }

    @Override
    public List<Reply> manyAlone(List<Command> commands, long timeoutNanos) {
        return alone(RestCall.suspect(commands), timeoutNanos);
    }

    private List<Reply> alone(RestCall body, long timeoutNanos) {
        OkHttpClient unconnected = transport.clients().unconnected();
        try {
            return send(unconnected, body, timeoutNanos);
        } finally {
            Clients.abandon(unconnected);
        }
    }

    @Override
    public List<Reply> manyAgain(List<Command> commands, long timeoutNanos) {
        return send(transport.clients().shared(), RestCall.again(commands), timeoutNanos);
    }

    @Override
    public List<Reply> many(List<Command> commands, long timeoutNanos) {
        return send(transport.clients().shared(), RestCall.pipeline(commands), timeoutNanos);
    }

    private List<Reply> send(OkHttpClient client, RestCall body, long timeoutNanos) {
        byte[] answer = answer(client, body, timeoutNanos);
        List<Reply> replies = parsed(
                body,
                answer,
                bytes -> body.isPipeline()
                        ? parser.many(bytes, body.commands())
                        : List.of(parser.one(bytes, body.commands().get(0))));
        if (body.isOnShared()) {
            answeredAt = System.nanoTime();
            brokenBefore = transport.losses().broken();
        }
        return replies;
    }

    /** Begins a probe over the connection that is kept for it, and if need be over a new one. */
    Probing.Result probe(List<Command> commands, long timeoutNanos) {
        return new Probing(transport, this::send, errors)
                .run(() -> RestCall.probe(commands), timeoutNanos, timeoutNanos / 2);
    }

    /** Asks for a key that nobody has, or removes it: that takes the way that calls take, behind the service's front too. */
    private boolean isAnswered(boolean writes, long timeoutNanos) {
        Command question =
                Command.of(writes ? "UNLINK" : "GET", config.keyPrefix().apply(SparedKeys.CANARY + "nobody"));
        try {
            Probing.Result result = new Probing(transport, this::send, errors)
                    .run(() -> RestCall.question(question), timeoutNanos, FRESH_AFTER_NANOS);
            return !(result.replies().get(0) instanceof Reply.Failure);
        } catch (CacheException e) {
            return false;
        }
    }

    @Override
    public boolean answersOthers() {
        return System.nanoTime() - answeredAt < othersNanos;
    }

    @Override
    public boolean answersQuestion(long timeoutNanos) {
        return isAnswered(false, timeoutNanos);
    }

    @Override
    public boolean answers(long since, long timeoutNanos) {
        return answeredAt - since > 0 || isPinged(timeoutNanos);
    }

    private boolean isPinged(long timeoutNanos) {
        try {
            return !(alone(RestCall.question(Command.of("PING")), timeoutNanos).get(0) instanceof Reply.Failure);
        } catch (CacheException e) {
            return false;
        }
    }

    @Override
    public long broken() {
        return transport.losses().brokenBySmall();
    }

    @Override
    public long brokenInARow() {
        return transport.losses().broken() - brokenBefore;
    }

    Replacements replacements() {
        return transport.losses().replacements();
    }

    void disconnect(Throwable cause) {
        transport.disconnect(cause);
    }

    void close() {
        token.close();
        transport.close();
    }

    int connections() {
        return transport.connections();
    }

    long failedDials() {
        return transport.failedDials();
    }

    /** Returns the body of a 2xx answer; throws what any other status means. */
    private byte[] answer(OkHttpClient client, RestCall body, long timeoutNanos) {
        requireAdmitted(body);
        long until = System.nanoTime() + timeoutNanos;
        String authorization = token.header(timeoutNanos);
        HttpAnswer answer = transport.exchange(client, body, request(body, authorization), until);
        if (isRefused(answer)) {
            // Nothing was executed, and whoever gives the token may have another by now.
            String other = token.other(authorization, until - System.nanoTime());
            answer = other == null ? answer : transport.exchange(client, body, request(body, other), until);
        }
        if (answer.status() >= 200 && answer.status() < 300) {
            keep(body, answer.header("upstash-sync-token"));
            return answer.body();
        }
        if (answer.status() == 429 || answer.status() == 503) {
            closeFor(answer.header("Retry-After"));
        }
        String error = parser.error(answer.body());
        throw errors.status(body, answer.status(), error == null ? UpstashErrors.beginning(answer.body()) : error);
    }

    private static boolean isRefused(HttpAnswer answer) {
        return answer.status() == 401 || answer.status() == 403;
    }

    private Request request(RestCall body, String authorization) {
        Request.Builder request = new Request.Builder()
                .url(body.isPipeline() ? pipeline : single)
                .header("Authorization", authorization)
                .header("Upstash-Encoding", "base64")
                .post(body);
        String sync = syncToken;
        if (!sync.isEmpty()) {
            request.header("upstash-sync-token", sync);
        }
        return request.build();
    }

    /** The token goes out with every later request: it must be one that a header can carry. */
    private void keep(RestCall body, @Nullable String token) {
        if (!config.readYourWrites() || token == null || token.isEmpty()) {
            return;
        }
        if (token.length() > MAX_TOKEN_CHARACTERS || !token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw errors.malformed(
                    body, new MalformedReplyException("an upstash-sync-token that no request can carry"));
        }
        syncToken = token;
    }

    private <T> T parsed(RestCall body, byte[] answer, Function<byte[], T> parsing) {
        try {
            return parsing.apply(answer);
        } catch (MalformedReplyException e) {
            // It may be the answer to another request; its connection is in the pool by now, or under another's call.
            transport.losses().distrust(body);
            throw errors.malformed(body, e);
        } catch (RuntimeException | Error e) {
            throw errors.unexpected(body, e);
        }
    }

    /** A server that named a time is not asked before it. */
    private void requireAdmitted(RestCall body) {
        long left = closedUntilNanos - System.nanoTime();
        if (left > 0) {
            throw new CacheUnavailableException(
                    body.name() + " at " + errors.address() + ": the server asked not to be called for another "
                            + Duration.ofNanos(left).toMillis() + " ms (Retry-After)",
                    null,
                    Reason.SERVER_STATE,
                    false);
        }
    }

    private void closeFor(@Nullable String retryAfter) {
        if (retryAfter == null) {
            return;
        }
        long nanos;
        try {
            nanos = retryAfter.strip().matches("[0-9]{1,9}")
                    ? TimeUnit.SECONDS.toNanos(Long.parseLong(retryAfter.strip()))
                    : Duration.between(
                                    Instant.now(),
                                    ZonedDateTime.parse(retryAfter.strip(), DateTimeFormatter.RFC_1123_DATE_TIME))
                            .toNanos();
        } catch (DateTimeException | ArithmeticException e) {
            return;
        }
        closedUntilNanos = System.nanoTime() + Math.min(Math.max(nanos, 0), MAX_RETRY_AFTER_NANOS);
    }
}
