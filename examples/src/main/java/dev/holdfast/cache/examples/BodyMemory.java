package dev.holdfast.cache.examples;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes of bodies that a process has in hand, bounded together: many large requests at a time would fill the heap before anything
 * else counts them. Thread-safe.
 */
final class BodyMemory {
    private static final int CHUNK = 16 << 10;

    private final int most;
    private final Semaphore free;
    private final AtomicLong refused = new AtomicLong();

    /** Why a body was not read. */
    static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        private final int status;

        RefusedException(int status, String message) {
            super(message);
            this.status = status;
        }

        /** 413 for one that is too large, 503 for one that there is no room for now. */
        int status() {
            return status;
        }
    }

    BodyMemory(int mostBytes) {
        most = mostBytes;
        free = new Semaphore(mostBytes);
    }

    int held() {
        return most - free.availablePermits();
    }

    int most() {
        return most;
    }

    /** How often there was no room. */
    long refused() {
        return refused.get();
    }

    Share share() {
        return new Share();
    }

    /** What one exchange has of it; closing it gives that back. For one thread. */
    final class Share implements AutoCloseable {
        private int bytes;

        /**
         * Reads a body, having taken the room for it.
         *
         * @param declared how many bytes it is said to have, negative if that is not known
         * @throws RefusedException if it has more than {@code largest}, or there is no room; the rest is not read
         */
        byte[] read(InputStream in, long declared, int largest) throws IOException {
            if (declared > largest) {
                throw tooLarge(largest);
            }
            if (declared < 0) {
                return readUnknown(in, largest);
            }
            take((int) declared);
            byte[] body = new byte[(int) declared];
            int read = in.readNBytes(body, 0, body.length);
            return read == body.length ? body : Arrays.copyOf(body, read);
        }

        /** Takes each chunk's room twice: the chunks and the body they make are in hand together. */
        private byte[] readUnknown(InputStream in, int largest) throws IOException {
            List<byte[]> chunks = new ArrayList<>();
            int length = 0;
            while (true) {
                // Taken before it is read, since it is allocated before it is read.
                take(2 * CHUNK);
                byte[] chunk = in.readNBytes(CHUNK);
                chunks.add(chunk);
                length += chunk.length;
                if (length > largest) {
                    throw tooLarge(largest);
                }
                if (chunk.length < CHUNK) {
                    break;
                }
            }
            byte[] body = new byte[length];
            int at = 0;
            for (byte[] chunk : chunks) {
                System.arraycopy(chunk, 0, body, at, chunk.length);
                at += chunk.length;
            }
            give(bytes - length);
            return body;
        }

        /** Gives the request's room back and takes that of its answer; throws as {@link #read} does. */
        void exchangeFor(byte[] answer) throws RefusedException {
            give(bytes);
            take(answer.length);
        }

        private void take(int more) throws RefusedException {
            if (!free.tryAcquire(more)) {
                refused.incrementAndGet();
                throw new RefusedException(503, "too many bytes are in hand");
            }
            bytes += more;
        }

        private void give(int less) {
            free.release(less);
            bytes -= less;
        }

        private RefusedException tooLarge(int largest) {
            return new RefusedException(413, "at most " + largest + " bytes");
        }

        @Override
        public void close() {
            give(bytes);
        }
    }
}
