package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.DeadlineWatch;
import dev.holdfast.cache.IsolatedThreads;
import dev.holdfast.cache.TlsConfig;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.Call;
import okhttp3.Connection;
import okhttp3.Dns;
import okhttp3.EventListener;
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
    /** A connection that idled for longer is closed: a balancer or a firewall may have dropped it without a word. */
    private static final long IDLE_SECONDS = 15;

    private static final long PROBE_IDLE_SECONDS = 600;

    /** How many pooled connections may turn out to be useless before a call gives up; nothing was sent on them. */
    private static final int MAX_UNUSABLE = 4;

    private static final int MAX_ERROR_BYTES = 64 * 1024;

    private final UpstashErrors errors;
    private final long maxAnswerBytes;
    private final long maxValueAnswerBytes;
    private final OkHttpThreads okHttpThreads = new OkHttpThreads();
    private final ExecutorService threads = threads();
    private final Set<RestCall> underWay = ConcurrentHashMap.newKeySet();
    private final DeadlineWatch<RestCall> watch =
            new DeadlineWatch<>(underWay, RestCall::deadline, RestCall::cancel, threads);
    private final Silence silence;
    private final Doubt doubt = new Doubt(System.nanoTime());
    private final Replacements replacements;
    private final AtomicLong broken = new AtomicLong();
    private final AtomicLong brokenBySmall = new AtomicLong();
    private final Dials dials = new Dials(this::current);
    private final TrackedSockets sockets = new TrackedSockets(dials);
    private final OkHttpClient shared;
    private final AtomicReference<OkHttpClient> probing;

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

    /** An answer, read to its end, or as far as it is of use. */
    static final class Answer {
        private final Response response;
        private final byte[] body;
        private final boolean whole;

        Answer(Response response, byte[] body, boolean whole) {
            this.response = response;
            this.body = body;
            this.whole = whole;
        }

        int status() {
            return response.code();
        }

        /** Unpacked. */
        byte[] body() {
            return body;
        }

        @Nullable
        String header(String name) {
            return response.header(name);
        }

        /** Whether it was read to its end. */
        boolean whole() {
            return whole;
        }
    }

    Transport(UpstashConfig config, UpstashErrors errors, Dns resolver, Silence.Question question) {
        this.silence = new Silence(underWay, threads, question);
        this.replacements = new Replacements(config.maxConnections());
        this.errors = errors;
        this.maxAnswerBytes = maxAnswerBytes(config);
        this.maxValueAnswerBytes = config.maxValueBytes() * 16 / 9 + 4_096;
        OkHttpClient plain = new OkHttpClient();
        TlsConfig tls = config.tls();
        OkHttpClient.Builder client = new OkHttpClient.Builder()
                .socketFactory(sockets)
                .sslSocketFactory(
                        new FramedTls(
                                tls == null
                                        ? plain::sslSocketFactory
                                        : () -> tls.context().getSocketFactory()),
                        Objects.requireNonNull(plain.x509TrustManager()))
                .dns(new Names(resolver, threads, this::current))
                .eventListener(new DialEvents())
                .addNetworkInterceptor(this::framed)
                .connectionPool(okHttpThreads.pool(config.maxConnections(), IDLE_SECONDS))
                .connectTimeout(config.connectTimeout())
                // One watch ends what is overdue. OkHttp's own timeouts wake a thread for every read and write.
                .readTimeout(Duration.ZERO)
                .writeTimeout(Duration.ZERO)
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                // Its race of connections throws InterruptedException through interfaces that don't declare it.
                .fastFallback(false);
        if (tls != null && tls.verification() != TlsConfig.Verification.FULL) {
            client.hostnameVerifier((host, session) -> true);
        }
        okHttpThreads.use(client);
        this.shared = client.build();
        this.probing = new AtomicReference<>(unconnected());
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

    /** The pace at which shared connections that were lost are replaced. */
    Replacements replacements() {
        return replacements;
    }

    /** How many shared connections broke, none of them by this side's doing. */
    long broken() {
        return broken.get();
    }

    /** How many of those did so under requests that no size could be held against. */
    long brokenBySmall() {
        return brokenBySmall.get();
    }

    /** The connections that calls share. */
    OkHttpClient shared() {
        return shared;
    }

    /** The connection that is kept for probes. */
    OkHttpClient probing() {
        return Objects.requireNonNull(probing.get());
    }

    /** One without any connection yet. */
    OkHttpClient unconnected() {
        return shared.newBuilder()
                .connectionPool(okHttpThreads.pool(1, PROBE_IDLE_SECONDS))
                .build();
    }

    /** Closes the idle connections of one that is not needed any more. */
    static void abandon(OkHttpClient client) {
        client.connectionPool().evictAll();
    }

    /** From now on, probes go over the connection of another. */
    void probeBy(OkHttpClient other) {
        OkHttpClient before = Objects.requireNonNull(probing.getAndSet(other));
        if (before != other) {
            abandon(before);
        }
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
        abandon(shared);
        abandon(probing());
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
    Answer exchange(OkHttpClient client, RestCall body, Request request, long until) {
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

    private Answer onAnyConnection(OkHttpClient client, RestCall body, Request request, long until) throws IOException {
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

    private Answer once(OkHttpClient client, RestCall body, Request request, long until) throws IOException {
        Call call =
                client.newCall(request.newBuilder().tag(RestCall.class, body).build());
        Response response = null;
        Answer answer = null;
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
                    lost(body, answer != null);
                }
                body.end();
                underWay.remove(body);
            }
        }
    }

    /** A shared connection gave no whole answer. */
    private void lost(RestCall body, boolean answered) {
        FramedSocket connection = body.connection();
        if (connection == null) {
            return;
        }
        boolean silent = body.listening().isBroken();
        boolean byPeer = !answered
                && !silent
                && !body.isCancelled()
                && !Thread.currentThread().isInterrupted();
        if (connection.hasEndedUncounted()) {
            replacements.lost();
            if (byPeer) {
                broken.incrementAndGet();
                if (body.commands().stream().noneMatch(Command::isLarge)) {
                    brokenBySmall.incrementAndGet();
                }
            }
        }
        if (silent) {
            doubt.foundSilent(System.nanoTime());
        } else if (!answered && !Thread.currentThread().isInterrupted()) {
            doubt.broke(connection.heardAt(), body.sentAt(), System.nanoTime());
        }
    }

    /** Ends the connection of a call that was answered with what may be meant for another. */
    void distrust(RestCall body) {
        FramedSocket connection = body.connection();
        if (connection != null && !body.isMultiplexed()) {
            connection.sever();
            if (body.isOnShared() && connection.hasEndedUncounted()) {
                replacements.lost();
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
    private Answer read(RestCall body, Response response) throws IOException {
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
        return new Answer(response, buffer.readByteArray(), whole);
    }

    /** Tells the connection that an answer is due, and lets nothing go out on one that is of no use. */
    private Response framed(Interceptor.Chain chain) throws IOException {
        Connection connection = chain.connection();
        RestCall body = chain.request().tag(RestCall.class);
        if (connection != null && body != null && connection.socket() instanceof FramedSocket socket) {
            boolean multiplexed = connection.protocol() == Protocol.HTTP_2;
            if (!multiplexed && body.isOnShared() && doubt.isIn(socket.heardAt())) {
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

    private final class DialEvents extends EventListener {
        @Override
        public void connectEnd(Call call, InetSocketAddress address, Proxy proxy, @Nullable Protocol protocol) {
            RestCall body = call.request().tag(RestCall.class);
            if (body != null && protocol != null) {
                dials.succeeded(body);
            }
        }

        @Override
        public void connectFailed(
                Call call, InetSocketAddress address, Proxy proxy, @Nullable Protocol protocol, IOException e) {
            RestCall body = call.request().tag(RestCall.class);
            if (body != null) {
                body.dialFailed(e);
            }
        }
    }
}
