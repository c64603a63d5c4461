package dev.holdfast.cache.single;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A socket of the file system with the methods of a TCP socket that {@link Link} uses: the JVM has such sockets only as channels. One
 * thread at a time reads, one writes; any closes it, or looks how much has come.
 */
@SuppressWarnings("UnsynchronizedOverridesSynchronized") // what they change guards itself
final class UnixSocket extends Socket {
    private static final int BUFFER_BYTES = 16 * 1024;

    private final SocketChannel channel;
    private final Selector readable;
    private final Selector writable;
    private final Input input = new Input();
    private final Output output = new Output();
    private volatile int timeoutMillis;

    UnixSocket() throws IOException {
        this(SelectorProvider.provider());
    }

    /** Creates one of what a provider opens; if that is not all, nothing stays open. */
    UnixSocket(SelectorProvider provider) throws IOException {
        List<Closeable> opened = new ArrayList<>();
        boolean complete = false;
        try {
            channel = provider.openSocketChannel(StandardProtocolFamily.UNIX);
            opened.add(channel);
            readable = provider.openSelector();
            opened.add(readable);
            writable = provider.openSelector();
            complete = true;
        } finally {
            if (!complete) {
                for (Closeable each : opened) {
                    each.close();
                }
            }
        }
    }

    private static boolean isSomethingElse(Path path) {
        return Files.isRegularFile(path) || Files.isDirectory(path);
    }

    /** Connects. May block for as long as the server accepts nobody. */
    void connect(Path path) throws IOException {
        try {
            channel.connect(UnixDomainSocketAddress.of(path));
        } catch (SocketException e) {
            throw new SocketException(
                    e.getMessage() + " (" + path + (isSomethingElse(path) ? ", which is no socket)" : ")"));
        }
        channel.configureBlocking(false);
        channel.register(readable, SelectionKey.OP_READ);
        channel.register(writable, SelectionKey.OP_WRITE);
    }

    @Override
    public InputStream getInputStream() {
        return input;
    }

    @Override
    public OutputStream getOutputStream() {
        return output;
    }

    @Override
    public void setSoTimeout(int millis) {
        timeoutMillis = millis;
    }

    @Override
    public void setSoLinger(boolean on, int seconds) {
        // Nothing drops what the server has not read: it lies with the server, which reads it before it sees the end.
    }

    @Override
    public boolean isClosed() {
        return !channel.isOpen();
    }

    /** 1, since there is no port: it is open. */
    @Override
    public int getLocalPort() {
        return channel.isConnected() ? 1 : 0;
    }

    @Override
    public void close() throws IOException {
        channel.close();
        readable.close();
        writable.close();
    }

    /**
     * Waits until the channel may get on. An interruption is the caller's affair, after that.
     *
     * @param millis for so long; 0 for ever
     * @return whether it was interrupted
     */
    private static boolean await(Selector selector, long millis) throws IOException {
        try {
            selector.select(millis);
            selector.selectedKeys().clear();
        } catch (ClosedSelectorException e) {
            throw new SocketException("Socket closed");
        }
        return Thread.interrupted();
    }

    private final class Input extends InputStream {
        private final ReentrantLock lock = new ReentrantLock();
        private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).limit(0);
        private boolean ended;

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] to, int offset, int length) throws IOException {
            long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
            boolean limited = timeoutMillis > 0;
            boolean interrupted = false;
            try {
                while (true) {
                    int count = take(to, offset, length);
                    if (count != 0) {
                        return count;
                    }
                    long left = limited ? TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime()) + 1 : 0;
                    if (limited && until - System.nanoTime() <= 0) {
                        throw new SocketTimeoutException("Read timed out");
                    }
                    interrupted |= await(readable, left);
                }
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        /** Takes what has come; 0 if nothing has, -1 at the end. */
        private int take(byte[] to, int offset, int length) throws IOException {
            lock.lock();
            try {
                boolean unused = fill();
                if (!buffer.hasRemaining()) {
                    return ended ? -1 : 0;
                }
                int count = Math.min(length, buffer.remaining());
                buffer.get(to, offset, count);
                return count;
            } finally {
                lock.unlock();
            }
        }

        /** Takes from the channel what it has, unless there is some; returns whether the channel had any, or has ended. */
        private boolean fill() throws IOException {
            if (buffer.hasRemaining() || ended) {
                return false;
            }
            buffer.clear();
            try {
                ended = channel.read(buffer) < 0;
            } catch (ClosedChannelException e) {
                throw closed(e);
            } finally {
                buffer.flip();
            }
            return ended || buffer.hasRemaining();
        }

        @Override
        public int available() throws IOException {
            lock.lock();
            try {
                if (fill()) {
                    // Whoever found nothing and is about to wait would wait for what is here now.
                    readable.wakeup();
                }
                return buffer.remaining();
            } finally {
                lock.unlock();
            }
        }
    }

    private final class Output extends OutputStream {
        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            ByteBuffer bytes = ByteBuffer.wrap(from, offset, length);
            boolean interrupted = false;
            try {
                while (bytes.hasRemaining()) {
                    if (channel.write(bytes) == 0) {
                        interrupted |= await(writable, 0);
                    }
                }
            } catch (ClosedChannelException e) {
                throw closed(e);
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private static SocketException closed(@Nullable Exception e) {
        SocketException closed = new SocketException("Socket closed");
        closed.initCause(e);
        return closed;
    }
}
