package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import javax.net.ServerSocketFactory;
import javax.net.ssl.SSLServerSocket;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP server that speaks the REST API of Upstash Redis in front of a real {@code redis-server}: for tests, and for
 * development without an account. The official clients work with it.
 *
 * <pre>{@code
 * try (RedisServer redis = RedisServer.start();
 *         UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "secret")) {
 *     var url = gateway.url();                                  // UPSTASH_REDIS_REST_URL
 *     gateway.faults().next(Fault.status(503, "").withHeader("Retry-After", "1"));
 * }
 * }</pre>
 *
 * <p>It serves {@code POST /}, {@code /pipeline}, {@code /multi-exec}, commands in the path ({@code /set/k/v?EX=100}, the
 * body being one more argument), {@code /subscribe}, {@code /psubscribe} and {@code /monitor} as server-sent events; answers as
 * JSON, as base64 inside JSON, or as RESP2; and sync tokens. Blocking commands and those of connections and clusters are
 * refused, as the service does. Scripts may begin with {@code #!lua flags=allow-key-locking}. It has what its {@code
 * redis-server} has: no JSON and no search, and commands of hash fields' expiry only with a server that knows them. A script
 * that fails part-way leaves behind what it had written, which the service undoes.
 *
 * <p>It listens on loopback unless {@link Builder#host} says otherwise, and speaks HTTP/1.1, with TLS if {@link Builder#tls} says so. A client that says nothing is sent away when
 * there are more than a thousand. Thread-safe.
 * {@link #close} ends all connections.
 */
public final class UpstashGateway implements AutoCloseable {
    private static final int MAX_BODY_BYTES = 256 * 1024 * 1024;

    private final RedisBackend backend;
    private final RestApi api;
    private final EventStreams events;
    private final HttpServer server;
    private final String host;
    private final String scheme;
    private final GatewayFaults faults = new GatewayFaults();
    private final LongAdder requests = new LongAdder();
    private final @Nullable Consumer<GatewayRequest> observer;
    private final GatewaySettings settings;

    private UpstashGateway(Builder builder) throws IOException {
        host = builder.host;
        scheme = builder.scheme;
        observer = builder.observer;
        backend = new RedisBackend(builder.redis, builder.redisPassword, builder.redisConnections);
        try {
            settings = new GatewaySettings(builder);
            api = new RestApi(settings, backend);
            server = new HttpServer(
                    builder.sockets,
                    new InetSocketAddress(host, builder.port),
                    MAX_BODY_BYTES,
                    request -> api.refusal(request) == null,
                    this::handle);
            events = new EventStreams(backend, server::fork);
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    /**
     * Serves on a free port of loopback.
     *
     * @param redisAddress {@code host:port} or {@code redis://[:password@]host:port}
     * @param token what clients send as {@code Authorization: Bearer}; not blank
     * @throws UncheckedIOException if Redis can't be reached
     */
    public static UpstashGateway start(String redisAddress, String token) {
        return builder(redisAddress, token).start();
    }

    /** For all that {@link #start} leaves as it is; the parameters are the same. */
    public static Builder builder(String redisAddress, String token) {
        return new Builder(redisAddress, token);
    }

    /** {@code http://host:port} or with TLS {@code https://host:port}, without a slash at the end. */
    public String url() {
        return scheme + "://" + host + ":" + port();
    }

    public int port() {
        return server.port();
    }

    /** Takes another token in place of the present one, which is refused from now on, as when it is reset in the console. */
    public void setToken(String token) {
        settings.token = Builder.notBlank("token", token);
    }

    /** The faults to come. */
    public GatewayFaults faults() {
        return faults;
    }

    /** How many HTTP requests have arrived, served or not. */
    public long requests() {
        return requests.sum();
    }

    /** How many commands Redis has executed for this gateway, failed ones included; those refused by the gateway are not. */
    public long executed() {
        return backend.executed();
    }

    /** As {@link #executed()}, for one command, such as {@code INCR}. */
    public long executed(String command) {
        return backend.executed(command.toUpperCase(Locale.ROOT));
    }

    @Override
    public void close() {
        server.close();
        backend.close();
    }

    private void handle(HttpRequest request, HttpConnection connection) throws IOException {
        requests.increment();
        if (observer != null) {
            observer.accept(new GatewayRequest(request));
        }
        Fault fault = faults.take(request);
        if (fault != null) {
            fault.answer(request, connection, () -> api.answer(request));
            return;
        }
        var segments = api.segments(request);
        if (EventStreams.isFor(segments) && api.refusal(request) == null && !api.isReadOnly(request)) {
            events.serve(connection, api.stream(request), segments);
        } else {
            connection.send(request, api.answer(request));
        }
    }

    /**
     * Runs a gateway until the process is ended: {@code --redis HOST:PORT --token TOKEN --port PORT}, and if wanted {@code
     * --redis-password}, {@code --read-only-token}, {@code --host} and {@code --max-request-bytes}. Prints {@code ready
     * http://HOST:PORT} when it serves; port 0 takes a free one.
     */
    public static void main(String[] args) throws InterruptedException {
        try (UpstashGateway gateway = fromArguments(args).start()) {
            System.out.println("ready " + gateway.url());
            System.out.flush();
            Thread.currentThread().join();
        } catch (IllegalArgumentException | UncheckedIOException e) {
            System.err.println(e.getMessage());
            System.err.println("usage: --redis HOST:PORT --token TOKEN --port PORT [--redis-password PASSWORD]"
                    + " [--read-only-token TOKEN] [--host HOST] [--max-request-bytes BYTES]");
            System.exit(2);
        }
    }

    static Builder fromArguments(String... args) {
        Map<String, String> options = new TreeMap<>();
        for (int i = 0; i < args.length; i += 2) {
            if (i + 1 == args.length || options.put(args[i], args[i + 1]) != null) {
                throw new IllegalArgumentException(args[i] + " must be given once and have a value");
            }
        }
        Builder builder = builder(required(options, "--redis"), required(options, "--token"))
                .port(number("--port", required(options, "--port")));
        options.forEach((option, value) -> {
            switch (option) {
                case "--redis-password" -> builder.redisPassword(value);
                case "--read-only-token" -> builder.readOnlyToken(value);
                case "--host" -> builder.host(value);
                case "--max-request-bytes" -> builder.maxRequestBytes(number(option, value));
                case "--redis", "--token", "--port" -> {}
                default -> throw new IllegalArgumentException("unknown option " + option);
            }
        });
        return builder;
    }

    private static String required(Map<String, String> options, String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }

    private static int number(String name, String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " must be a number: " + value, e);
        }
    }

    /** How a gateway is to present itself. Not thread-safe. */
    public static final class Builder {
        private HttpServer.Sockets sockets = ServerSocket::new;
        private String scheme = "http";
        private static final int MAX_REQUEST_BYTES = 10_485_760;
        private static final int REDIS_CONNECTIONS = 16;
        private static final String UNAUTHORIZED = "WRONGPASS invalid or missing auth token. See"
                + " https://docs.upstash.com/redis/troubleshooting/http_unauthorized for details.";

        final InetSocketAddress redis;
        final String token;
        String host = "127.0.0.1";
        int port;

        @Nullable
        String redisPassword;

        @Nullable
        String readOnlyToken;

        String unauthorized = UNAUTHORIZED;
        long maxRequestBytes = MAX_REQUEST_BYTES;
        int redisConnections = REDIS_CONNECTIONS;
        boolean literalOk = true;
        boolean syncTokens = true;

        @Nullable
        Consumer<GatewayRequest> observer;

        private Builder(String redisAddress, String token) {
            URI uri = URI.create(redisAddress.contains("://") ? redisAddress : "redis://" + redisAddress);
            if (!"redis".equals(uri.getScheme()) || uri.getHost() == null || uri.getPort() < 1) {
                throw new IllegalArgumentException("redisAddress must be host:port or redis://[:password@]host:port");
            }
            this.redis = new InetSocketAddress(uri.getHost(), uri.getPort());
            String user = uri.getUserInfo();
            this.redisPassword = user == null || !user.contains(":") ? null : user.substring(user.indexOf(':') + 1);
            this.token = notBlank("token", token);
        }

        /** The address to listen on. Default {@code 127.0.0.1}; anything else lets others in, who need only the token. */
        public Builder host(String address) {
            host = notBlank("host", address);
            return this;
        }

        /** The port to listen on; 0, the default, takes a free one. */
        public Builder port(int number) {
            if (number < 0 || number > 65_535) {
                throw new IllegalArgumentException("port must be between 0 and 65535: " + number);
            }
            port = number;
            return this;
        }

        /** The password of Redis' default user. Default none. */
        public Builder redisPassword(String password) {
            redisPassword = Objects.requireNonNull(password, "password");
            return this;
        }

        /** A second token, good for commands that read, and not for {@code SCAN} and {@code KEYS}. Default none. */
        public Builder readOnlyToken(String other) {
            readOnlyToken = notBlank("readOnlyToken", other);
            return this;
        }

        /** The error text of a 401. */
        public Builder unauthorizedText(String text) {
            unauthorized = Objects.requireNonNull(text, "text");
            return this;
        }

        /** The limit on one command's arguments, and on its result. Default 10,485,760, at least 1. */
        public Builder maxRequestBytes(long bytes) {
            maxRequestBytes = Math.toIntExact(atLeastOne("maxRequestBytes", bytes));
            return this;
        }

        /** How many connections to Redis serve commands; event streams have their own. Default 16, at least 1. */
        public Builder redisConnections(int count) {
            redisConnections = Math.toIntExact(atLeastOne("redisConnections", count));
            return this;
        }

        /** Whether a status OK stays {@code "OK"} under base64, as documented (the default), or is {@code "T0s="}. */
        public Builder literalOk(boolean literal) {
            literalOk = literal;
            return this;
        }

        /** Whether answers carry {@code upstash-sync-token}. Default true; other gateways have none. */
        public Builder syncTokens(boolean present) {
            syncTokens = present;
            return this;
        }

        /**
         * Speaks TLS.
         *
         * @param authority signs the certificate
         * @param kind what is right or wrong with the certificate
         */
        public Builder tls(Certificates authority, Certificates.Kind kind) {
            sockets = authority.serverSockets(kind)::createServerSocket;
            scheme = "https";
            return this;
        }

        /** Speaks TLS with a valid certificate, to clients that show one of the same authority. */
        public Builder mutualTls(Certificates authority) {
            ServerSocketFactory made = authority.serverSockets(Certificates.Kind.VALID);
            scheme = "https";
            sockets = () -> {
                SSLServerSocket socket = (SSLServerSocket) made.createServerSocket();
                socket.setNeedClientAuth(true);
                return socket;
            };
            return this;
        }

        /** Is told of every request before it is served, in the thread that serves it. */
        public Builder onRequest(Consumer<GatewayRequest> action) {
            observer = Objects.requireNonNull(action, "action");
            return this;
        }

        /**
         * Begins to serve.
         *
         * @throws UncheckedIOException if Redis can't be reached or the port is taken
         */
        public UpstashGateway start() {
            try {
                return new UpstashGateway(this);
            } catch (IOException | IllegalStateException e) {
                String reason =
                        "can't serve " + host + ":" + port + " in front of redis at " + redis + ": " + e.getMessage();
                throw new UncheckedIOException(reason, new IOException(e));
            }
        }

        private static String notBlank(String name, String value) {
            if (value.isBlank()) {
                throw new IllegalArgumentException(name + " must not be blank");
            }
            return value;
        }

        private static long atLeastOne(String name, long value) {
            if (value < 1) {
                throw new IllegalArgumentException(name + " must be at least 1: " + value);
            }
            return value;
        }
    }
}
