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
        boolean unused = uninterruptibly(() -> {
            thread.join();
            return true;
        });
    }

    /** A wait that an interruption may end. */
    interface Wait {
        boolean ended() throws InterruptedException;
    }

    /** Waits to the end; a thread that is interrupted meanwhile is so afterwards. */
    static boolean uninterruptibly(Wait wait) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return wait.ended();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
