package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {
    private static final int BYTES = 20_000;
    private static final long LONGEST_NANOS = 8_000_000_000L;

    @TempDir
    private Path directory;

    /** Another thread looks how much has come all the while, which takes it from where the reader waits for it. */
    @Test
    void nothingThatHasComeIsWaitedForThoughOthersLook() throws Exception {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("s"));
        try (ServerSocketChannel server =
                        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address);
                UnixSocket socket = new UnixSocket()) {
            socket.connect(address.getPath());
            socket.setSoTimeout(10_000);
            InputStream in = socket.getInputStream();
            AtomicInteger read = new AtomicInteger();
            AtomicBoolean ended = new AtomicBoolean();
            FutureTask<Void> reading = new FutureTask<>(() -> {
                try {
                    while (read.get() < BYTES && !ended.get()) {
                        assertEquals('x', in.read());
                        read.incrementAndGet();
                    }
                } finally {
                    ended.set(true);
                }
                return null;
            });
            Thread reader = new Thread(reading);
            FutureTask<Void> looking = new FutureTask<>(() -> {
                while (!ended.get()) {
                    in.available();
                }
                return null;
            });
            Thread looker = new Thread(looking);
            reader.start();
            looker.start();
            try (SocketChannel peer = server.accept()) {
                for (int i = 0; i < BYTES && !ended.get(); i++) {
                    peer.write(ByteBuffer.wrap(new byte[] {'x'}));
                    long end = System.nanoTime() + LONGEST_NANOS;
                    while (read.get() <= i && !ended.get()) {
                        assertTrue(System.nanoTime() - end < 0, "it has come, and is waited for");
                    }
                }
            } finally {
                ended.set(true);
                reader.join();
                looker.join();
            }
            reading.get();
            looking.get();
        }
    }

    @Test
    void nothingStaysOpenOfOneThatCannotBeOpened() throws Exception {
        for (int most = 0; most < 2; most++) {
            Few few = new Few(most);
            assertThrows(IOException.class, () -> new UnixSocket(few));
            assertEquals(1, few.channels.size());
            assertFalse(few.channels.get(0).isOpen());
            assertEquals(most, few.selectors.size());
            few.selectors.forEach(selector -> assertFalse(selector.isOpen()));
        }
    }

    /** The system's, which opens few selectors, as where there are no file descriptors left. */
    private static final class Few extends SelectorProvider {
        private final SelectorProvider system = SelectorProvider.provider();
        private final List<Channel> channels = new ArrayList<>();
        private final List<Selector> selectors = new ArrayList<>();
        private final int most;

        Few(int most) {
            this.most = most;
        }

        @Override
        public AbstractSelector openSelector() throws IOException {
            if (selectors.size() == most) {
                throw new IOException("Too many open files");
            }
            AbstractSelector selector = system.openSelector();
            selectors.add(selector);
            return selector;
        }

        @Override
        public SocketChannel openSocketChannel(ProtocolFamily family) throws IOException {
            SocketChannel channel = system.openSocketChannel(family);
            channels.add(channel);
            return channel;
        }

        @Override
        public SocketChannel openSocketChannel() throws IOException {
            return system.openSocketChannel();
        }

        @Override
        public DatagramChannel openDatagramChannel() throws IOException {
            return system.openDatagramChannel();
        }

        @Override
        public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
            return system.openDatagramChannel(family);
        }

        @Override
        public Pipe openPipe() throws IOException {
            return system.openPipe();
        }

        @Override
        public ServerSocketChannel openServerSocketChannel() throws IOException {
            return system.openServerSocketChannel();
        }
    }
}
