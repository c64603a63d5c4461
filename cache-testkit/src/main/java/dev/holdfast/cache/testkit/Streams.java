package dev.holdfast.cache.testkit;

import java.io.Closeable;
import java.io.IOException;
import java.net.Socket;

/** Ends of sockets and threads that nobody needs to hear about. */
final class Streams {
    private Streams() {}

    static void close(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException ignored) {
            // it is gone either way
        }
    }

    /** Closes with RST instead of FIN. */
    static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
        } catch (IOException ignored) {
            // closed already
        }
        close(socket);
    }

    static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
