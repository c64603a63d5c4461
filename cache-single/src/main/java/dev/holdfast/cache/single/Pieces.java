package dev.holdfast.cache.single;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Hands what is large over to the system in pieces, so that others see how it gets on. One thread writes; any may ask. */
final class Pieces extends FilterOutputStream {
    private static final int BYTES = 64 * 1024;

    private volatile long sentBytes;

    /** At first long ago. */
    private volatile long pieceAt = System.nanoTime() - Long.MAX_VALUE / 2;

    Pieces(OutputStream to) {
        super(to);
    }

    /** How much the system has ever taken. */
    long sentBytes() {
        return sentBytes;
    }

    /** When the system last took a piece of something large, which it does not for ever from a server that reads nothing. */
    long pieceAt() {
        return pieceAt;
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
    public void write(byte[] bytes, int offset, int length) throws IOException {
        int end = offset + length;
        for (int at = offset; at < end; ) {
            int count = Math.min(BYTES, end - at);
            out.write(bytes, at, count);
            at += count;
            sentBytes = sentBytes + count;
            if (length > BYTES) {
                pieceAt = System.nanoTime();
            }
        }
    }
}
