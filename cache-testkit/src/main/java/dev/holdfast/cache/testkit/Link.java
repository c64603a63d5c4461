package dev.holdfast.cache.testkit;

import dev.holdfast.cache.testkit.TcpProxy.Direction;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One direction of a connection. A thread reads; without a delay it writes as well. With a delay it notes when each piece came, and a
 * second thread writes it when it is due: so the delay of one piece does not add to that of the next.
 */
final class Link {
    private static final int PIECE_BYTES = 64 * 1024;
    private static final long IN_FLIGHT_BYTES = 64L * 1024 * 1024;

    /** A piece without bytes is the end of the stream. */
    private static final class Piece {
        final byte[] bytes;
        final long cameNanos;

        Piece(byte[] bytes, long cameNanos) {
            this.bytes = bytes;
            this.cameNanos = cameNanos;
        }
    }

    private final Direction direction;
    private final TcpProxy proxy;
    private final ProxiedConnection connection;
    private final Socket from;
    private final Socket to;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<Piece> inFlight = new ArrayDeque<>();
    private long inFlightBytes;
    private boolean ended;
    private boolean hasWriter;

    private final AtomicLong passed = new AtomicLong();
    private volatile boolean spoiled;
    private volatile boolean garbageIsDue = true;

    Link(Direction direction, TcpProxy proxy, ProxiedConnection connection, Socket from, Socket to) {
        this.direction = direction;
        this.proxy = proxy;
        this.connection = connection;
        this.from = from;
        this.to = to;
    }

    /** Carries what comes, until the stream or the connection ends. */
    void carry() {
        orReset(() -> {
            byte[] buffer = new byte[PIECE_BYTES];
            int length;
            do {
                length = from.getInputStream().read(buffer);
                if (length > 0 && direction == Direction.TO_SERVER) {
                    connection.sent(Arrays.copyOf(buffer, Math.min(length, PIECE_BYTES)));
                }
                connection.heard();
                if (connection.swallows()) {
                    spoil();
                } else {
                    pass(Arrays.copyOf(buffer, Math.max(0, length)));
                }
            } while (length >= 0);
        });
    }

    /** Bytes, or the end of a stream, were lost: from here on the two sides disagree. */
    void spoil() throws IOException {
        spoiled = true;
        if (!connection.swallows()) {
            throw new IOException("the fault ended while it took effect");
        }
    }

    boolean isSpoiled() {
        return spoiled;
    }

    void restartCounting() {
        passed.set(0);
    }

    void expectGarbage() {
        garbageIsDue = true;
    }

    /** The faults have changed, and who waits because of them looks again. */
    void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void end() {
        lock.lock();
        try {
            ended = true;
            inFlight.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void pass(byte[] bytes) throws IOException, InterruptedException {
        if (!enqueue(bytes)) {
            write(bytes);
        }
    }

    private boolean enqueue(byte[] bytes) throws InterruptedException {
        long now = System.nanoTime();
        lock.lock();
        try {
            if (!hasWriter && proxy.faults(connection).way(direction).delayNanos() == 0) {
                return false;
            }
            if (!hasWriter) {
                hasWriter = true;
                proxy.startThread(this::carryDelayed);
            }
            while (inFlightBytes > IN_FLIGHT_BYTES && !ended) {
                changed.await();
            }
            inFlight.add(new Piece(bytes, now));
            inFlightBytes += bytes.length;
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void carryDelayed() {
        orReset(() -> {
            byte[] bytes;
            do {
                bytes = takeDue();
                write(bytes);
            } while (bytes.length > 0);
        });
    }

    private byte[] takeDue() throws IOException, InterruptedException {
        lock.lock();
        try {
            while (true) {
                requireNotEnded();
                Piece first = inFlight.peek();
                if (first == null) {
                    changed.await();
                    continue;
                }
                long wait = first.cameNanos
                        + proxy.faults(connection).way(direction).delayNanos()
                        - System.nanoTime();
                if (wait <= 0) {
                    inFlight.remove();
                    inFlightBytes -= first.bytes.length;
                    changed.signalAll();
                    return first.bytes;
                }
                long unused = changed.awaitNanos(wait);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Called by one thread at a time: by the reader until there is a writer, then by the writer. */
    private void write(byte[] bytes) throws IOException, InterruptedException {
        if (connection.swallows()) {
            spoil();
        } else if (bytes.length == 0) {
            to.shutdownOutput();
            connection.linkEnded();
        } else {
            writeGarbage();
            writeBytes(bytes);
        }
    }

    private void writeGarbage() throws IOException {
        byte[] garbage = proxy.garbageBytes(connection);
        if (garbage != null && garbageIsDue && direction == Direction.TO_CLIENT) {
            garbageIsDue = false;
            to.getOutputStream().write(garbage);
        }
    }

    /** Looks at the faults anew before each step, so that a change ends a slow write. */
    private void writeBytes(byte[] bytes) throws IOException, InterruptedException {
        OutputStream out = to.getOutputStream();
        for (int start = 0; start < bytes.length; ) {
            LinkFaults faults = proxy.faults(connection);
            long cut = faults.way(direction).cutAfter();
            long left = cut < 0 ? Long.MAX_VALUE : Math.max(0, cut - passed.get());
            int size = (int) Math.min(Math.min(stepBytes(faults), bytes.length - start), left);
            if (restBefore(faults, size)) {
                continue;
            }
            // Counted first: whoever has got a byte finds it counted.
            proxy.counter(direction).addAndGet(size);
            out.write(bytes, start, size);
            start += size;
            passed.addAndGet(size);
            if (size == left) {
                throw new IOException("cut");
            }
        }
    }

    private int stepBytes(LinkFaults faults) {
        if (drips(faults)) {
            return 1;
        }
        // A hundred steps a second are smooth enough, and one byte is the least there is.
        return faults.bytesPerSecond() == 0
                ? PIECE_BYTES
                : (int) Math.min(PIECE_BYTES, Math.max(1, faults.bytesPerSecond() / 100));
    }

    private boolean drips(LinkFaults faults) {
        return faults.dripNanos() >= 0 && direction == Direction.TO_CLIENT;
    }

    /** @return whether the faults have changed meanwhile */
    private boolean restBefore(LinkFaults faults, int bytes) throws IOException, InterruptedException {
        long nanos = drips(faults) ? faults.dripNanos() : 0;
        if (faults.bytesPerSecond() > 0) {
            nanos += TimeUnit.SECONDS.toNanos(bytes) / faults.bytesPerSecond();
        }
        if (nanos == 0) {
            return false;
        }
        long end = System.nanoTime() + nanos;
        lock.lock();
        try {
            for (long left = nanos;
                    left > 0 && proxy.faults(connection).equals(faults);
                    left = end - System.nanoTime()) {
                requireNotEnded();
                long unused = changed.awaitNanos(left);
            }
            return !proxy.faults(connection).equals(faults);
        } finally {
            lock.unlock();
        }
    }

    private void requireNotEnded() throws IOException {
        if (ended) {
            throw new IOException("reset");
        }
    }

    private void orReset(Carrying carrying) {
        try {
            carrying.run();
        } catch (IOException broken) {
            connection.reset();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            connection.reset();
        }
    }

    /** What a thread does until its stream ends or breaks. */
    private interface Carrying {
        void run() throws IOException, InterruptedException;
    }
}
