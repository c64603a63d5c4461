package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.DeadlineWatch;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.Call;
import okhttp3.Connection;
import okhttp3.Dns;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okio.Buffer;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * Carries requests to the database and whole answers back. Nothing is ever sent a second time. The limits of one call hold
 * from its first byte to its last, the resolution of a name and a peer that drips its answer included; a call that ends in
 * any other way than with a whole answer takes its connection with it. For any number of threads.
 */
final class Transport {
    /** How many pooled connections may turn out to be useless before a call gives up; nothing was sent on them. */
    private static final int MAX_UNUSABLE = 4;

    private static final int MAX_ERROR_BYTES = 64 * 1024;

    private final UpstashErrors errors;
    private final long maxAnswerBytes;
    private final long maxValueAnswerBytes;
    private final ExecutorService threads = threads();
    private final Set<RestCall> underWay = ConcurrentHashMap.newKeySet();
    private final DeadlineWatch<RestCall> watch =
            new DeadlineWatch<>(underWay, RestCall::deadline, RestCall::cancel, threads);
    private final Silence silence;
    private final Dials dials = new Dials(this::current);
    private final TrackedSockets sockets = new TrackedSockets(dials);
    private final Clients clients;
    private final Losses losses;

    private volatile boolean closed;
    private volatile @Nullable Disconnect disconnect;
    private final AtomicInteger disconnecting = new AtomicInteger();

    /** A disconnection; a new object each time, so that a call knows whether one came while it was under way. */
    private static final class Disconnect {
        final Throwable cause;

        Disconnect(Throwable cause) {
            this.cause = cause;
        }
    }

    Transport(UpstashConfig config, UpstashErrors errors, Dns resolver, Silence.Question question) {
        this.silence = new Silence(underWay, threads, question);
        this.errors = errors;
        this.maxAnswerBytes = maxAnswerBytes(config);
        this.losses = new Losses(config.maxConnections());
        this.clients = new Clients(config, sockets, dials, new Names(resolver, threads, this::current), this::framed);
        this.maxValueAnswerBytes = config.maxValueBytes() * 16 / 9 + 4_096;
    }

    /** An answer is limited like a command; base64 takes a third more, a base64 marker's value a third of that again. */
    static int maxAnswerBytes(UpstashConfig config) {
        return (int) Math.min(Integer.MAX_VALUE - 64, config.maxCommandBytes() * 2L + 4_096);
    }

    private static ExecutorService threads() {
        return new ThreadPoolExecutor(
                0,
                Integer.MAX_VALUE,
                10,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                IsolatedThreads.platform("holdfast-upstash"));
    }

    /** What may wait for the database, on threads that end with this. */
    Executor threadPool() {
        return threads;
    }

    /** By which requests go out. */
    Clients clients() {
        return clients;
    }

    /** What became of the connections that calls share. */
    Losses losses() {
        return losses;
    }

    int connections() {
        return sockets.count();
    }

    long failedDials() {
        return dials.failed();
    }

    void disconnect(Throwable cause) {
        disconnecting.incrementAndGet();
        disconnect = new Disconnect(cause);
        underWay.forEach(RestCall::cancel);
        sockets.resetAll();
        clients.evict();
        // Again, for calls that began after the first mark and were caught on an old connection all the same.
        disconnect = new Disconnect(cause);
        disconnecting.decrementAndGet();
    }

    void close() {
        closed = true;
        disconnect(new IllegalStateException("the store was closed"));
        watch.stop();
        silence.stop();
        threads.shutdown();
    }

    /** Sends a request on the calling thread, and returns its answer, whatever it says. */
    HttpAnswer exchange(OkHttpClient client, RestCall body, Request request, long until) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(body.name(), new InterruptedException());
        }
        Disconnect before = disconnect;
        try {
            return onAnyConnection(client, body, request, until);
        } catch (IOException e) {
            dials.broke(body, e);
            throw failure(body, before, e);
        } catch (CacheException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw errors.unexpected(body, e);
        } finally {
            dials.ended(body);
        }
    }

    private HttpAnswer onAnyConnection(OkHttpClient client, RestCall body, Request request, long until)
            throws IOException {
        for (int useless = 1; ; ) {
            try {
                return once(client, body, request, until);
            } catch (UnusableConnectionException e) {
                // There are no more in doubt than were pooled.
                if (!e.wasInDoubt() && useless++ == MAX_UNUSABLE) {
                    throw e;
                }
            }
        }
    }

    private HttpAnswer once(OkHttpClient client, RestCall body, Request request, long until) throws IOException {
        Call call =
                client.newCall(request.newBuilder().tag(RestCall.class, body).build());
        Response response = null;
        HttpAnswer answer = null;
        try {
            begin(body, call, until);
            response = call.execute();
            silence.answered(body);
            dials.answered(body);
            answer = read(body, response);
            return answer;
        } finally {
            if (answer == null || !answer.whole()) {
                // First, or else OkHttp reads on in the hope to save the connection.
                call.cancel();
            }
            try {
                if (response != null) {
                    response.close();
                }
            } finally {
                if (body.isOnShared() && (answer == null || !answer.whole())) {
                    losses.lost(body, answer != null);
                }
                body.end();
                underWay.remove(body);
            }
        }
    }

    private void begin(RestCall body, Call call, long until) throws IOException {
        body.begin(call, until);
        underWay.add(body);
        try {
            watch.expect(until);
        } catch (RejectedExecutionException e) {
            throw new CacheUnavailableException(
                    body.name() + " at " + errors.address() + ": not sent, " + (closed ? "closed" : e.getMessage()),
                    e,
                    closed ? Reason.DISCONNECTED : Reason.SATURATED,
                    false);
        }
        if (body.isCancelled()) {
            throw new IOException("ended before it was sent");
        }
    }

    private CacheException failure(RestCall body, @Nullable Disconnect before, IOException e) {
        // In this order: one that ends in between has left its mark by then.
        boolean isDisconnecting = disconnecting.get() > 0;
        Disconnect now = disconnect;
        if (now != null
                && (now != before || isDisconnecting)
                && !Thread.currentThread().isInterrupted()) {
            return new CacheUnavailableException(
                    body.name() + " at " + errors.address() + ": disconnected",
                    now.cause,
                    Reason.DISCONNECTED,
                    body.started());
        }
        return errors.failed(body, e);
    }

    /** Reads a body to its end, but never more than an answer may have: neither one without an end nor an unpacked bomb. */
    private HttpAnswer read(RestCall body, Response response) throws IOException {
        long limit =
                response.isSuccessful() ? body.maxAnswerBytes(maxAnswerBytes, maxValueAnswerBytes) : MAX_ERROR_BYTES;
        Buffer buffer = new Buffer();
        boolean whole = false;
        try (BufferedSource source = response.body().source()) {
            while (buffer.size() <= limit && !whole) {
                whole = source.read(buffer, 64 * 1024) == -1;
            }
            if (!whole) {
                body.cancelCall();
            }
        }
        if (!whole && response.isSuccessful()) {
            throw MalformedHttpException.tooLarge(limit);
        }
        return new HttpAnswer(response, buffer.readByteArray(), whole);
    }

    /** Tells the connection that an answer is due, and lets nothing go out on one that is of no use. */
    private Response framed(Interceptor.Chain chain) throws IOException {
        Connection connection = chain.connection();
        RestCall body = chain.request().tag(RestCall.class);
        if (connection != null && body != null && connection.socket() instanceof FramedSocket socket) {
            boolean multiplexed = connection.protocol() == Protocol.HTTP_2;
            if (!multiplexed && body.isOnShared() && losses.isInDoubt(socket)) {
                socket.sever();
                throw UnusableConnectionException.inDoubt();
            }
            if (!multiplexed) {
                // An error page may be larger than what was asked for, and is read in part.
                socket.expectAnswer(
                        Math.max(body.maxAnswerBytes(maxAnswerBytes, maxValueAnswerBytes), MAX_ERROR_BYTES * 2L));
            }
            body.on(socket, multiplexed, System.nanoTime());
            silence.expect(body, socket);
        }
        return chain.proceed(chain.request());
    }

    private @Nullable RestCall current() {
        Thread own = Thread.currentThread();
        for (RestCall each : underWay) {
            if (each.isOn(own)) {
                return each;
            }
        }
        return null;
    }
}
