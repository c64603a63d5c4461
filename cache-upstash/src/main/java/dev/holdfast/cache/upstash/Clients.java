package dev.holdfast.cache.upstash;

import dev.holdfast.cache.TlsConfig;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.Call;
import okhttp3.Dns;
import okhttp3.EventListener;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import org.jspecify.annotations.Nullable;

/** The clients by which requests go out: one with the connections that calls share, and one with that which is kept for probes. For any number of threads. */
final class Clients {
    /** A connection that idled for longer is closed: a balancer or a firewall may have dropped it without a word. */
    private static final long IDLE_SECONDS = 15;

    private static final long PROBE_IDLE_SECONDS = 600;

    private final OkHttpThreads okHttpThreads = new OkHttpThreads();
    private final OkHttpClient shared;
    private final AtomicReference<OkHttpClient> probing;

    /**
     * Creates them.
     *
     * @param framed stands between a client and the connection that a request goes out on
     */
    Clients(UpstashConfig config, TrackedSockets sockets, Dials dials, Dns names, Interceptor framed) {
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
                .dns(names)
                .eventListener(new DialEvents(dials))
                .addNetworkInterceptor(framed)
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

    /** Closes all idle connections. */
    void evict() {
        abandon(shared);
        abandon(probing());
    }

    private static final class DialEvents extends EventListener {
        private final Dials dials;

        DialEvents(Dials dials) {
            this.dials = dials;
        }

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
