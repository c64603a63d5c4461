package dev.holdfast.cache.upstash;

import java.io.IOException;

/** A socket of which it is known where each answer ends. */
interface FramedSocket {
    /**
     * A request is about to be sent, to which one answer is due.
     *
     * @param maxAnswerBytes how many bytes the answer's body may have on the wire
     * @throws UnusableConnectionException if the peer has sent what nobody asked for, or has closed; nothing may be sent then
     */
    void expectAnswer(long maxAnswerBytes) throws IOException;

    /** When a byte was last read from it, by {@link System#nanoTime()}; when it was made, if none was. */
    long heardAt();

    /** Whether bytes have arrived that nobody has read yet. For any thread. */
    boolean hasArrived();

    /** Whether the connection has ended; true for one caller only, who is to count it. */
    boolean hasEndedUncounted();

    /** Resets the connection; whoever uses it fails now. For any thread; blocks nobody. */
    void sever();
}
