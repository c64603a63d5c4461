package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A small HTTP/1.1 server: one thread per connection, virtual where the JVM has them. It exists because the JDK's own can neither
 * reset a connection nor cut an answer short. Thread-safe.
 */
final class HttpServer implements AutoCloseable {
    /** Answers one request on {@code connection}, which serves one request at a time. */
    interface Handler {
        void handle(HttpRequest request, HttpConnection connection) throws IOException;
    }

    private static final int BACKLOG =
            16 * 1024; // as much as the system allows: clients of serverless functions come in bursts

    private final ServerSocket listener;
    private final Handler handler;
    private final int maxBodyBytes;
    private final ExecutorService threads = threads();
    private final Set<HttpConnection> connections = ConcurrentHashMap.newKeySet();

    HttpServer(InetSocketAddress address, int maxBodyBytes, Handler handler) throws IOException {
        this.handler = handler;
        this.maxBodyBytes = maxBodyBytes;
        this.listener = new ServerSocket();
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
        try {
            listener.close();
        } catch (IOException ignored) {
            // it is closed all the same
        }
        threads.shutdownNow();
        connections.forEach(HttpConnection::close);
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket socket = listener.accept();
                threads.execute(() -> serve(socket));
            } catch (IOException | RuntimeException e) {
                // closed, or a client that was gone before it was accepted
                Thread.onSpinWait();
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            HttpConnection connection = new HttpConnection(socket, maxBodyBytes);
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
