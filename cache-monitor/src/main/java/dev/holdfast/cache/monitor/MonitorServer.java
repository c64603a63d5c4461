package dev.holdfast.cache.monitor;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server of HTTP in front of the endpoints, with a bound on everything: connections, threads, the length of a request, the time that each step takes.
 * There are at most 64 connections besides streams, each with a thread that ends soon after it. One more takes the place of the oldest whose peer is
 * waited for, to send its request, to read its answer or to close: however many of those others open, who asks something is answered. The JDK's own
 * server bounds connections by a system property alone, which is the whole process's, and lets half-sent requests keep its threads.
 */
final class MonitorServer implements AutoCloseable {
    static final int MOST_CONNECTIONS = 64;

    private static final Logger LOG = LoggerFactory.getLogger(MonitorServer.class);
    private static final int BACKLOG = 256;
    private static final long IDLE_SECONDS = 10;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final ServerSocket listener = new ServerSocket();
    private final ThreadPoolExecutor threads;
    private final ScheduledExecutorService alarms;
    private final Function<Request, Reply> endpoints;
    private final HostCheck hosts;
    private final Streams streams;
    /** The oldest first; streams are none of them. */
    private final Set<Exchange> open = new LinkedHashSet<>();

    /**
     * Listens and answers.
     *
     * @param name begins the threads' names
     * @param address where it listens; port 0 for any that is free
     * @param hosts which requests it takes
     * @param alarms tells when time is over
     * @param endpoints answers
     * @param streams tells those who want to be told
     * @throws IOException if it can't listen there
     */
    MonitorServer(
            String name,
            InetSocketAddress address,
            HostCheck hosts,
            ScheduledExecutorService alarms,
            Function<Request, Reply> endpoints,
            Streams streams)
            throws IOException {
        this.alarms = alarms;
        this.hosts = hosts;
        this.endpoints = endpoints;
        this.streams = streams;
        this.threads = new ThreadPoolExecutor(
                0,
                2 * MOST_CONNECTIONS + Streams.MOST,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                IsolatedThreads.platform(name + "-http"));
        try {
            listener.setReuseAddress(true);
            listener.bind(address, BACKLOG);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
        IsolatedThreads.thread(this::accept, name + "-http").start();
    }

    InetAddress address() {
        return listener.getInetAddress();
    }

    int port() {
        return listener.getLocalPort();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                admit(listener.accept());
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                // Of the process, as when it has no file descriptors left: those of others may be given back.
                LOG.debug("a connection was not taken", e);
                LockSupport.parkNanos(listener.isClosed() ? 0 : PAUSE_NANOS);
            }
        }
    }

    private void admit(Socket socket) throws IOException {
        boolean admitted = false;
        Exchange exchange = null;
        try {
            exchange = new Exchange(socket, alarms);
            if (enter(exchange)) {
                Exchange entered = exchange;
                threads.execute(() -> serve(entered));
                admitted = true;
            }
        } catch (RejectedExecutionException e) {
            LOG.debug("a connection was not taken", e);
        } finally {
            if (!admitted) {
                dismiss(socket, exchange);
            }
        }
    }

    private void dismiss(Socket socket, @Nullable Exchange exchange) throws IOException {
        if (exchange != null) {
            leave(exchange);
            exchange.close();
        }
        socket.close();
    }

    /** Finds a place; there is none if everybody who has one is just being answered. */
    private boolean enter(Exchange exchange) {
        Exchange oldest = null;
        synchronized (open) {
            if (open.size() >= MOST_CONNECTIONS) {
                for (Iterator<Exchange> each = open.iterator(); each.hasNext() && oldest == null; ) {
                    Exchange candidate = each.next();
                    if (candidate.mayGo()) {
                        oldest = candidate;
                        each.remove();
                    }
                }
                if (oldest == null) {
                    return false;
                }
            }
            open.add(exchange);
        }
        if (oldest != null) {
            oldest.close();
        }
        return true;
    }

    private void leave(Exchange exchange) {
        synchronized (open) {
            open.remove(exchange);
        }
    }

    private void serve(Exchange exchange) {
        try (exchange) {
            answer(exchange);
        } catch (IOException | InterruptedException | RejectedExecutionException e) {
            // The peer has gone, or all of this ends.
            LOG.debug("a request was not answered", e);
        } catch (RuntimeException | Error e) {
            LOG.warn("a request was not answered", e);
        } finally {
            leave(exchange);
        }
    }

    private void answer(Exchange exchange) throws IOException, InterruptedException {
        Head head;
        try {
            head = exchange.read();
        } catch (BadRequestException e) {
            exchange.send(e.reply(), true);
            return;
        }
        Request request = head.request(exchange.remote());
        boolean withBody = !request.method().equals("HEAD");
        Reply refusal = hosts.refusal(head.host(), request, exchange.local());
        if (refusal != null) {
            exchange.send(refusal, withBody);
        } else if (!streams.wants(request)) {
            exchange.send(endpoints.apply(request), withBody);
        } else if (withBody) {
            stream(exchange, head.header("last-event-id"));
        } else {
            exchange.send(Streams.BEGIN, false);
        }
    }

    /** A stream has a place of its own; who finds none keeps that of a connection, which is bounded too, while he is told so. */
    private void stream(Exchange exchange, @Nullable String lastEventId) throws IOException, InterruptedException {
        if (!streams.enter(exchange)) {
            exchange.send(Streams.FULL, true);
            return;
        }
        leave(exchange);
        try {
            streams.tell(exchange, lastEventId);
        } finally {
            streams.leave(exchange);
        }
    }

    /** How many connections are open, streams left out. */
    int connections() {
        synchronized (open) {
            return open.size();
        }
    }

    /** Ends what is under way. */
    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            LOG.debug("the monitor's listener did not end well", e);
        }
        threads.shutdownNow();
        synchronized (open) {
            open.forEach(Exchange::close);
        }
    }
}
