package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.DeadlineWatch;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.Buffer;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * Sends commands over HTTP and reads their answers. Nothing is ever sent a second time. The limits of one call hold from
 * its first byte to its last, a peer that drips its answer included.
 */
final class RestClient {
    private static final long MAX_RETRY_AFTER_NANOS = TimeUnit.MINUTES.toNanos(5);

    private final UpstashConfig config;
    private final UpstashErrors errors;
    private final ReplyParser parser;
    private final TrackedSockets sockets = new TrackedSockets();
    private final OkHttpClient http;
    private final OkHttpClient probing;
    private final HttpUrl single;
    private final HttpUrl pipeline;
    private final String authorization;
    private final int maxAnswerBytes;

    private final Set<RestCall> underWay = ConcurrentHashMap.newKeySet();
    private final DeadlineWatch<RestCall> watch;

    private volatile String syncToken = "";
    private volatile long closedUntilNanos = System.nanoTime();
    private volatile @Nullable Disconnect disconnect;
    private final AtomicInteger disconnecting = new AtomicInteger();

    /** A disconnection; a new object each time, so that a call knows whether one came while it was under way. */
    private static final class Disconnect {
        final Throwable cause;

        Disconnect(Throwable cause) {
            this.cause = cause;
        }
    }

    RestClient(UpstashConfig config) {
        this.config = config;
        this.errors = new UpstashErrors(config.url().getRawAuthority());
        // An answer is limited like a command; base64 takes a third more, a base64 marker's value a third of that
        // again.
        this.maxAnswerBytes = (int) Math.min(Integer.MAX_VALUE - 64, config.maxCommandBytes() * 2L + 4_096);
        this.parser = new ReplyParser(maxAnswerBytes);
        this.authorization = "Bearer " + config.token().reveal();
        HttpUrl base = HttpUrl.get(config.url().toString());
        this.single = base;
        this.pipeline = base.newBuilder().addPathSegment("pipeline").build();
        Dispatcher dispatcher = dispatcher(config.maxConnections());
        this.watch = new DeadlineWatch<>(underWay, RestCall::deadline, RestCall::cancel, dispatcher.executorService());
        this.http = new OkHttpClient.Builder()
                .socketFactory(sockets)
                .dispatcher(dispatcher)
                .connectionPool(new ConnectionPool(config.maxConnections(), 1, TimeUnit.MINUTES))
                .connectTimeout(config.connectTimeout())
                // One watch ends what is overdue. OkHttp's own timeouts wake a thread for every read and write.
                .readTimeout(Duration.ZERO)
                .writeTimeout(Duration.ZERO)
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                // Its race of connections throws InterruptedException through interfaces that don't declare it.
                .fastFallback(false)
                .build();
        this.probing = http.newBuilder()
                .connectionPool(new ConnectionPool(1, 10, TimeUnit.MINUTES))
                .build();
    }

    private static Dispatcher dispatcher(int maxConnections) {
        // The dispatcher bounds how many run; a bound here would refuse work while a thread is on its way back.
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                    Thread thread = new Thread(task, "holdfast-upstash-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        Dispatcher dispatcher = new Dispatcher(executor);
        dispatcher.setMaxRequests(maxConnections);
        dispatcher.setMaxRequestsPerHost(maxConnections);
        return dispatcher;
    }

    UpstashErrors errors() {
        return errors;
    }

    /** Sends a command on the calling thread. */
    Reply one(Command command, long timeoutNanos) {
        RestCall body = new RestCall(command);
        return parsed(body, execute(http, body, timeoutNanos), parser::one);
    }

    /** Sends several commands in one request on the calling thread; answers stand in their order. */
    List<Reply> many(List<Command> commands, long timeoutNanos) {
        RestCall body = new RestCall(commands);
        return parsed(body, execute(http, body, timeoutNanos), answer -> parser.many(answer, body.size()));
    }

    /** As {@link #many}, on the connection that is kept for probes. */
    List<Reply> probe(List<Command> commands, long timeoutNanos) {
        RestCall body = new RestCall(commands);
        return parsed(body, execute(probing, body, timeoutNanos), answer -> parser.many(answer, body.size()));
    }

    /** Sends several commands in one request without waiting; exactly one of the two is told the outcome. */
    void send(
            List<Command> commands,
            long timeoutNanos,
            Consumer<List<Reply>> answered,
            Consumer<CacheException> failed) {
        RestCall body = new RestCall(commands);
        Disconnect before = disconnect;
        Call call;
        try {
            requireAdmitted(body);
            call = begun(http, body, timeoutNanos);
        } catch (CacheException e) {
            failed.accept(e);
            return;
        }
        call.enqueue(new Callback() {
            @Override
            public void onFailure(Call ignored, IOException e) {
                ended(body);
                failed.accept(failure(body, before, e));
            }

            @Override
            public void onResponse(Call ignored, Response response) {
                List<Reply> replies;
                try (response) {
                    replies = parsed(body, answer(body, response), answer -> parser.many(answer, body.size()));
                } catch (IOException e) {
                    failed.accept(failure(body, before, e));
                    return;
                } catch (CacheException e) {
                    failed.accept(e);
                    return;
                } finally {
                    ended(body);
                }
                answered.accept(replies);
            }
        });
    }

    void disconnect(Throwable cause) {
        disconnecting.incrementAndGet();
        disconnect = new Disconnect(cause);
        http.dispatcher().cancelAll();
        sockets.resetAll();
        evictAll();
        // Again, for calls that began after the first mark and were caught on an old connection all the same.
        disconnect = new Disconnect(cause);
        disconnecting.decrementAndGet();
    }

    void close() {
        disconnect(new IllegalStateException("the store was closed"));
        watch.stop();
        http.dispatcher().executorService().shutdown();
    }

    int connections() {
        return sockets.count();
    }

    private void evictAll() {
        http.connectionPool().evictAll();
        probing.connectionPool().evictAll();
    }

    private byte[] execute(OkHttpClient client, RestCall body, long timeoutNanos) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(body.name(), new InterruptedException());
        }
        requireAdmitted(body);
        Disconnect before = disconnect;
        try (Response response = begun(client, body, timeoutNanos).execute()) {
            return answer(body, response);
        } catch (IOException e) {
            throw failure(body, before, e);
        } finally {
            ended(body);
        }
    }

    private void ended(RestCall body) {
        body.end();
        underWay.remove(body);
    }

    private Call begun(OkHttpClient client, RestCall body, long timeoutNanos) {
        Request.Builder request = new Request.Builder()
                .url(body.isPipeline() ? pipeline : single)
                .header("Authorization", authorization)
                .header("Upstash-Encoding", "base64")
                .post(body);
        String token = syncToken;
        if (!token.isEmpty()) {
            request.header("upstash-sync-token", token);
        }
        Call call = client.newCall(request.build());
        long until = System.nanoTime() + timeoutNanos;
        body.begin(call, until);
        underWay.add(body);
        try {
            watch.expect(until);
        } catch (RejectedExecutionException e) {
            ended(body);
            throw new CacheUnavailableException(
                    body.name() + " at " + errors.address() + ": closed", e, Reason.DISCONNECTED, false);
        }
        return call;
    }

    private CacheException failure(RestCall body, @Nullable Disconnect before, IOException e) {
        Disconnect now = disconnect;
        if (now != null
                && (now != before || disconnecting.get() > 0)
                && !Thread.currentThread().isInterrupted()) {
            return new CacheUnavailableException(
                    body.name() + " at " + errors.address() + ": disconnected",
                    now.cause,
                    Reason.DISCONNECTED,
                    body.started());
        }
        CacheException failure = errors.failed(body, e);
        if (failure instanceof CacheUnavailableException unavailable && unavailable.reason() == Reason.CONNECTION) {
            // The others in the pool are as old as the one that failed: whoever repeats the call gets a new one.
            http.connectionPool().evictAll();
        }
        return failure;
    }

    /** Returns the body of a 2xx answer; throws what any other status means. */
    private byte[] answer(RestCall body, Response response) throws IOException {
        byte[] answer = bounded(response);
        if (response.isSuccessful()) {
            String token = response.header("upstash-sync-token");
            if (config.readYourWrites() && token != null && !token.isEmpty()) {
                syncToken = token;
            }
            return answer;
        }
        if (response.code() == 429 || response.code() == 503) {
            closeFor(response.header("Retry-After"));
        }
        String error = parser.error(answer);
        throw errors.status(body, response.code(), error == null ? UpstashErrors.quoted(answer) : error);
    }

    /** Reads a body to its end, but never more than an answer may have: neither one without an end nor an unpacked bomb. */
    private byte[] bounded(Response response) throws IOException {
        try (BufferedSource source = response.body().source()) {
            Buffer buffer = new Buffer();
            long limit = (long) maxAnswerBytes * (response.request().url().equals(pipeline) ? 8 : 1);
            while (source.read(buffer, 64 * 1024) != -1) {
                if (buffer.size() > limit) {
                    throw new IOException("the answer has more than " + limit + " bytes");
                }
            }
            return buffer.readByteArray();
        }
    }

    private <T> T parsed(RestCall body, byte[] answer, java.util.function.Function<byte[], T> parsing) {
        try {
            return parsing.apply(answer);
        } catch (MalformedReplyException e) {
            throw errors.malformed(body, e);
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
            nanos = retryAfter.strip().matches("\\d{1,9}")
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
