package dev.holdfast.cache.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The HTTP side of a service: {@code /health} says that the process lives, and what troubles it; {@code /ready} whether it can work,
 * {@code /metrics} what it has seen, in Prometheus' text format. These have a port and threads of their own: requests, however many and slow, are no
 * reason to take the process for dead. A request that is sent too slowly is cut off, as is an answer that is read too slowly, or its sender would
 * hold a thread for ever. How long an answer takes to be made is no matter of HTTP's.
 *
 * <p>It ends in steps, so that no request is cut off: {@link #leave} while whoever distributes requests learns of it, {@link #refuse},
 * {@link #awaitIdle}, {@link #close}.
 */
final class ServiceHttp implements AutoCloseable {
    private static final int THREADS = 2_000;
    /** Of these each says no more than that all others are held. */
    private static final int REFUSING_THREADS = 100;

    private static final int SIGN_THREADS = 100;
    /** Of a body that nobody wants: who sends is deaf to an answer until all is sent. */
    private static final long MOST_DISCARDED = 64 << 20;

    /** How long an answer may take from its first byte to its last. */
    private static final Duration LONGEST_ANSWER = Duration.ofSeconds(60);

    private final Listener signs;
    private Listener work;
    private final Duration longestAnswer;
    private final ScheduledThreadPoolExecutor alarms =
            new ScheduledThreadPoolExecutor(1, IsolatedThreads.platform("http-alarm"));
    private final AtomicInteger inHand = new AtomicInteger();
    private volatile boolean leaving;
    private volatile boolean refusing;

    /** Answers one request. */
    interface Route {
        void answer(HttpExchange exchange) throws IOException, InterruptedException;
    }

    /** A port and the threads that serve it. */
    private static final class Listener implements AutoCloseable {
        final HttpServer server;
        final ExecutorService threads;

        Listener(int port, int most, String name) {
            try {
                server = HttpServer.create(new InetSocketAddress(port), 1_024);
            } catch (IOException e) {
                throw new UncheckedIOException("can't listen on port " + port, e);
            }
            threads = new ThreadPoolExecutor(
                    0,
                    most,
                    10,
                    TimeUnit.SECONDS,
                    new SynchronousQueue<>(),
                    IsolatedThreads.virtual(name).orElseGet(() -> IsolatedThreads.platform(name)),
                    new ThreadPoolExecutor.AbortPolicy());
            server.setExecutor(threads);
        }

        int port() {
            return server.getAddress().getPort();
        }

        @Override
        public void close() {
            server.stop(0);
            threads.shutdownNow();
        }
    }

    /** Interrupts its thread if an answer is not read in time, which closes the connection. */
    private final class Reading {
        private final Thread writer = Thread.currentThread();
        private final Future<?> alarm = alarms.schedule(this::ring, longestAnswer.toMillis(), TimeUnit.MILLISECONDS);
        private boolean ended;

        private synchronized void ring() {
            if (!ended) {
                writer.interrupt();
            }
        }

        synchronized void end() {
            ended = true;
            alarm.cancel(false);
        }
    }

    /** Binds to a port for the signs of life, 0 for any that is free; nothing is answered before {@link #start}. */
    ServiceHttp(int port) {
        this(port, LONGEST_ANSWER);
    }

    ServiceHttp(int port, Duration longestAnswer) {
        this.longestAnswer = longestAnswer;
        alarms.setRemoveOnCancelPolicy(true);
        setUnlessSet("sun.net.httpserver.maxReqTime", "10");
        // Head and body are two writes: the second would wait until the first is acknowledged, for 40 ms.
        setUnlessSet("sun.net.httpserver.nodelay", "true");
        signs = new Listener(port, SIGN_THREADS, "health");
        work = signs;
    }

    private static void setUnlessSet(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    /** The port for the signs of life: {@code HEALTH_PORT}, 8081, or any that is free if {@code PORT} is. */
    static int healthPort(Settings settings) {
        boolean any = settings.integer("PORT", 8080, 0, 65_535) == 0;
        return settings.integer("HEALTH_PORT", any ? 0 : 8081, 0, 65_535);
    }

    /** The path, on a port of its own, whose requests are work: they are waited for at the end, and refused from then on. */
    ServiceHttp work(int port, String path, Route route) {
        return work(port, THREADS, path, route);
    }

    ServiceHttp work(int port, int most, String path, Route route) {
        work = new Listener(port, most + REFUSING_THREADS, "http");
        work.server.createContext(path, exchange -> {
            int now = inHand.incrementAndGet();
            try {
                serve(
                        path,
                        exchange,
                        now > most
                                ? this::refuseAtOnce
                                : refusing ? each -> retryLater(each, "this instance ends") : route);
            } finally {
                inHand.decrementAndGet();
            }
        });
        return this;
    }

    /** Answers without a look at the body, which may never come. */
    private void refuseAtOnce(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Retry-After", "1");
        exchange.getResponseHeaders().set("Connection", "close");
        send(exchange, 503, "too many requests are in hand");
        // Whoever closes the exchange waits for the rest of the body, unless it is interrupted: that closes the
        // connection.
        Thread.currentThread().interrupt();
    }

    /** A path that is answered beside the signs of life, in their threads. */
    ServiceHttp on(String path, Route route) {
        signs.server.createContext(path, exchange -> serve(path, exchange, route));
        return this;
    }

    /** All paths that begin so, answered beside the signs of life. */
    ServiceHttp under(String path, Route route) {
        signs.server.createContext(
                path, exchange -> serve(exchange.getRequestURI().getPath(), exchange, route));
        return this;
    }

    private void serve(String path, HttpExchange exchange, Route route) throws IOException {
        try (exchange) {
            if (exchange.getRequestURI().getPath().equals(path)) {
                answer(path, exchange, route);
            } else {
                send(exchange, 404, "not found");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** While the exchange is open, or nobody would hear of the failure. */
    private void answer(String path, HttpExchange exchange, Route route) throws IOException, InterruptedException {
        try {
            route.answer(exchange);
        } catch (RuntimeException e) {
            System.err.println(path + ": " + e);
            send(exchange, 500, "failed");
        }
    }

    /** Alive is alive, whatever the trouble: a restart mends no Redis. The trouble is for who reads it. */
    ServiceHttp health(Supplier<Optional<String>> trouble) {
        return on(
                "/health",
                exchange -> send(
                        exchange,
                        200,
                        trouble.get().map(what -> "OK, but not well: " + what).orElse("OK")));
    }

    ServiceHttp ready(BooleanSupplier ready) {
        return on("/ready", exchange -> {
            boolean is = !leaving && ready.getAsBoolean();
            send(exchange, is ? 200 : 503, is ? "READY" : "NOT READY");
        });
    }

    ServiceHttp metrics(Supplier<String> text) {
        return on("/metrics", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4");
            send(exchange, 200, text.get());
        });
    }

    ServiceHttp start() {
        signs.server.start();
        if (work != signs) {
            work.server.start();
        }
        return this;
    }

    /** Where work is taken; that of the signs of life where there is none. */
    int port() {
        return work.port();
    }

    int healthPort() {
        return signs.port();
    }

    void send(HttpExchange exchange, int status, String text) throws IOException {
        send(exchange, status, text.getBytes(StandardCharsets.UTF_8));
    }

    void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        if (leaving) {
            exchange.getResponseHeaders().set("Connection", "close");
        }
        Reading reading = new Reading();
        try {
            exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
            if (body.length > 0) {
                OutputStream out = exchange.getResponseBody();
                out.write(body);
                out.flush();
            }
        } finally {
            reading.end();
        }
    }

    /** Answers 503 with {@code Retry-After}. */
    void retryLater(HttpExchange exchange, String why) throws IOException {
        exchange.getResponseHeaders().set("Retry-After", "1");
        discardAndSend(exchange, 503, why);
    }

    /** Answers without wanting what is left of the body. */
    void discardAndSend(HttpExchange exchange, int status, String text) throws IOException {
        InputStream body = exchange.getRequestBody();
        byte[] nobody = new byte[8_192];
        long left = MOST_DISCARDED;
        int read = body.read(nobody);
        while (read >= 0 && left > 0) {
            left -= read;
            read = body.read(nobody);
        }
        send(exchange, status, text);
    }

    /** Is not ready any more, and asks callers with every answer to take another connection; works on. */
    void leave() {
        leaving = true;
    }

    /** Begins no more work: 503. */
    void refuse() {
        refusing = true;
    }

    /** Waits until no work is in hand, or the time is over; the thread's interruption ends it too. */
    void awaitIdle(Duration most) {
        long end = System.nanoTime() + most.toNanos();
        try {
            while (inHand.get() > 0 && System.nanoTime() - end < 0) {
                Thread.sleep(20);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Closes the ports, and cuts off what is under way. */
    @Override
    public void close() {
        work.close();
        signs.close();
        alarms.shutdownNow();
    }
}
