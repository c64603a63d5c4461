package dev.holdfast.cache.upstash;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;

/**
 * What a connection receives, up to the end of each answer that is due: what follows one is read by nobody, and ends the
 * connection. Lets everything through until the first answer is due.
 */
final class FramedInput extends InputStream {
    private final InputStream in;
    private final Closeable connection;
    private final AnswerFraming framing = new AnswerFraming();
    private boolean framed;
    private volatile long heardAt = System.nanoTime();

    FramedInput(InputStream in, Closeable connection) {
        this.in = in;
        this.connection = connection;
    }

    /** See {@link FramedSocket#expectAnswer}; the caller has made sure that nothing is there to be read. */
    void expect(long maxAnswerBytes) throws IOException {
        if (framed && !framing.isComplete()) {
            throw unusable("the answer before was not read to its end");
        }
        framed = true;
        framing.expect(maxAnswerBytes);
    }

    /** See {@link FramedSocket#heardAt}; for any thread. */
    long heardAt() {
        return heardAt;
    }

    /** Ends the connection before anything is sent on it. */
    UnusableConnectionException unusable(String why) throws IOException {
        connection.close();
        return new UnusableConnectionException(why);
    }

    @Override
    public int read(byte[] bytes, int offset, int count) throws IOException {
        int read = in.read(bytes, offset, count);
        if (read > 0) {
            heardAt = System.nanoTime();
        }
        if (!framed || read <= 0) {
            return read;
        }
        boolean well = false;
        try {
            int due = framing.accept(bytes, offset, read);
            well = due == read;
            if (due == 0) {
                throw new MalformedHttpException("an answer that nobody asked for");
            }
            return due;
        } finally {
            if (!well) {
                connection.close();
            }
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int available() throws IOException {
        return in.available();
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
