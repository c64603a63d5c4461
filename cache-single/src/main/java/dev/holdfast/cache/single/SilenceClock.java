package dev.holdfast.cache.single;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** For how long a connection has been silent while calls wait on it. The thread that writes tells what it sends; any may ask. */
final class SilenceClock {
    /** How long a connection may at least be without a byte while a call waits, before the server is asked. */
    private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** What a request may take on its way besides: as over a line of 1 MB a second. */
    private static final long NANOS_PER_BYTE = 1_000;

    private final Link link;
    private final SentCalls calls;
    private final RoundTrip roundTrip;

    /** How much had been written when nothing was under way. */
    private volatile long sentBytesBefore;

    /** From when on its silence counts, since it was asked about before. */
    private volatile long silentSince;

    SilenceClock(Link link, SentCalls calls, RoundTrip roundTrip) {
        this.link = link;
        this.calls = calls;
        this.roundTrip = roundTrip;
    }

    /** To be told that calls are about to be sent while nothing is under way. */
    void begins(long now) {
        sentBytesBefore = link.streams().sent().sentBytes();
        link.expectsReply(now);
    }

    /** Lets the silence count from now on only, since nothing came of asking. */
    void asked(long now) {
        silentSince = now;
    }

    /** When the silence is worth a question to the server; 0 if nothing is under way, and none was a moment ago. */
    long silentAt() {
        long at =
                later(later(link.heardAt(), silentSince), link.streams().sent().pieceAt())
                        + Math.max(SILENCE_NANOS, roundTrip.silenceNanos())
                        + (link.streams().sent().sentBytes() - sentBytesBefore) * NANOS_PER_BYTE;
        // A deadline that a connection in use had a moment ago spares the watch from being woken for its next call.
        return calls.count() != 0 || at - System.nanoTime() > 0 ? at : 0;
    }

    /** Whether a call waits that was sent before, and no byte has come since. */
    boolean isSilentSince(long time) {
        try {
            long at = silentAt();
            return calls.count() != 0
                    && later(link.heardAt(), link.streams().sent().pieceAt()) - time < 0
                    && at - System.nanoTime() <= 0
                    && !link.streams().arrived();
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether what is under way only reads; a question that is to be answered after it must be of the same kind. */
    boolean waitsForReads() {
        Call first = calls.next();
        return first == null || first.readOnly();
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }
}
