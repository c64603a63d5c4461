package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * A small HTTP/1.1 server: one thread per connection, virtual where the JVM has them. It exists because the JDK's own can neither
 * reset a connection nor cut an answer short. Thread-safe.
 */
final class HttpServer implements AutoCloseable {
    /** Answers one request on {@code connection}, which serves one request at a time. */
    interface Handler {
        void handle(HttpRequest request, HttpConnection connection) throws IOException;
    }

    /** Makes listening sockets that are not bound yet. */
    interface Sockets {
        ServerSocket open() throws IOException;
    }

    private static final int BACKLOG =
            16 * 1024; // as much as the system allows: clients of serverless functions come in bursts

    /** As many clients as may be connected; beyond that, a new one takes the place of one that says nothing. */
    private static final int MAX_CONNECTIONS = 1_000;

    private static final long PAUSE_NANOS = 1_000_000;

    private final ServerSocket listener;
    private final Handler handler;
    private final int maxBodyBytes;
    private final Predicate<HttpRequest> admission;
    private final ExecutorService threads = threads();
    private final Set<HttpConnection> connections = ConcurrentHashMap.newKeySet();

    /**
     * Begins to serve.
     *
     * @param sockets makes the listening socket
     * @param admission whether a request, of which only the head is known, may have a large body
     */
    HttpServer(
            Sockets sockets,
            InetSocketAddress address,
            int maxBodyBytes,
            Predicate<HttpRequest> admission,
            Handler handler)
            throws IOException {
        this.admission = admission;
        this.handler = handler;
        this.maxBodyBytes = maxBodyBytes;
        this.listener = sockets.open();
        try {
            listener.setReuseAddress(true);
            listener.bind(address, BACKLOG);
        } catch (IOException e) {
            listener.close();
            throw e;
        }
        Thread acceptor = new Thread(this::accept, "upstash-gateway-" + listener.getLocalPort());
        acceptor.setDaemon(true);
        acceptor.start();
    }

    int port() {
        return listener.getLocalPort();
    }

    /** Runs a task in a thread that ends with this server. */
    void fork(Runnable task) {
        threads.execute(task);
    }

    @Override
    public void close() {
        Streams.close(listener);
        threads.shutdownNow();
        connections.forEach(HttpConnection::close);
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                makeRoom();
                handOver(listener.accept());
            } catch (Throwable e) {
                // Closed, a client that was gone before it was accepted, or no file or thread left for one more.
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private void handOver(Socket socket) {
        try {
            threads.execute(() -> serve(socket));
        } catch (Throwable e) {
            Streams.close(socket);
            throw e;
        }
    }

    /** Clients that say nothing, or half of something, must not keep others out: who has waited for longest goes. */
    private void makeRoom() {
        if (connections.size() < MAX_CONNECTIONS) {
            return;
        }
        HttpConnection oldest = null;
        long now = System.nanoTime();
        for (HttpConnection each : connections) {
            if (each.isWaiting() && (oldest == null || now - each.waitingSince() > now - oldest.waitingSince())) {
                oldest = each;
            }
        }
        if (oldest != null) {
            connections.remove(oldest);
            oldest.close();
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            HttpConnection connection = new HttpConnection(socket, maxBodyBytes, admission);
            connections.add(connection);
            try {
                if (listener.isClosed()) {
                    return; // close() may have been through the connections before this one was among them
                }
                serve(connection);
            } finally {
                connections.remove(connection);
            }
        } catch (IOException gone) {
            // the client went away or sent half a request: there is nobody left to tell
        }
    }

    private void serve(HttpConnection connection) throws IOException {
        try {
            for (HttpRequest request = connection.read();
                    request != null && !listener.isClosed();
                    request = connection.read()) {
                handler.handle(request, connection);
            }
        } catch (MalformedHttpException e) {
            connection.sendLast(HttpResponse.json(e.status, "{\"error\":\"ERR " + e.getMessage() + "\"}"));
        }
    }

    private static ExecutorService threads() {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException olderJvm) {
            return Executors.newCachedThreadPool(task -> {
                Thread thread = new Thread(task, "upstash-gateway-connection");
                thread.setDaemon(true);
                return thread;
            });
        }
    }
}
