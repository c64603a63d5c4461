package dev.holdfast.cache.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.IsolatedThreads;
import dev.holdfast.cache.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The HTTP side of a service: {@code /health} says that the process lives, and what troubles it; {@code /ready} whether it can work,
 * {@code /metrics} what it has seen, in Prometheus' text format. These have a port and threads of their own: requests, however many and slow, are no
 * reason to take the process for dead. A request that is sent or read too slowly is cut off, or its sender would
 * hold a thread for ever.
 *
 * <p>It ends in steps, so that no request is cut off: {@link #leave} while whoever distributes requests learns of it, {@link #refuse},
 * {@link #awaitIdle}, {@link #close}.
 */
final class ServiceHttp implements AutoCloseable {
    private static final int THREADS = 2_000;
    private static final int SIGN_THREADS = 100;
    /** Of a body that nobody wants: who sends is deaf to an answer until all is sent. */
    private static final long MOST_DISCARDED = 64 << 20;

    private final Listener signs;
    private Listener work;
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

    /** Binds to a port for the signs of life, 0 for any that is free; nothing is answered before {@link #start}. */
    ServiceHttp(int port) {
        if (System.getProperty("sun.net.httpserver.maxReqTime") == null) {
            System.setProperty("sun.net.httpserver.maxReqTime", "10");
            System.setProperty("sun.net.httpserver.maxRspTime", "60");
        }
        signs = new Listener(port, SIGN_THREADS, "health");
        work = signs;
    }

    /** The port for the signs of life: {@code HEALTH_PORT}, 8081, or any that is free if {@code PORT} is. */
    static int healthPort(Settings settings) {
        boolean any = settings.integer("PORT", 8080, 0, 65_535) == 0;
        return settings.integer("HEALTH_PORT", any ? 0 : 8081, 0, 65_535);
    }

    /** The path, on a port of its own, whose requests are work: they are waited for at the end, and refused from then on. */
    ServiceHttp work(int port, String path, Route route) {
        work = new Listener(port, THREADS, "http");
        work.server.createContext(path, exchange -> {
            inHand.incrementAndGet();
            try {
                serve(path, exchange, refusing ? each -> retryLater(each, "this instance ends") : route);
            } finally {
                inHand.decrementAndGet();
            }
        });
        return this;
    }

    private ServiceHttp on(String path, Route route) {
        signs.server.createContext(path, exchange -> serve(path, exchange, route));
        return this;
    }

    private void serve(String path, HttpExchange exchange, Route route) throws IOException {
        try (exchange) {
            if (exchange.getRequestURI().getPath().equals(path)) {
                route.answer(exchange);
            } else {
                send(exchange, 404, "not found");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            exchange.getResponseBody().write(body);
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
    }
}
