package dev.holdfast.cache.upstash;

import java.util.concurrent.TimeUnit;

/**
 * For how long a request may be without a byte before the database is asked: longer than a few usual round trips, and longer for
 * what is large. A request that is harmless to repeat costs little if it is given up wrongly; any other is lost with its
 * connection, and so is a repetition. For any number of threads; unsynchronized writes are lost now and then, which does no harm.
 */
final class Patience {
    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** For what can't be repeated any more: nothing is gained by giving it up but the time of a caller who learns nothing. */
    private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final int ROUND_TRIPS = 3;

    /** A line of a megabyte a second, and a database that looks at a thousand keys in that time. */
    private static final long NANOS_PER_KILOBYTE = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long NANOS_PER_PART = TimeUnit.MILLISECONDS.toNanos(1);
    /** One answer that takes seconds says little about the next. */
    private static final long OUTLIER_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final int MOST_PARTS = 1_000;
    private static final int MOST_DOUBLINGS = 4;

    private volatile long usualRead;
    private volatile long usualWrite;
    private volatile int doublings;

    /** Returns a request's patience in ns. */
    long of(RestCall call) {
        long usual = call.isReadOnly() ? usualRead : usualWrite;
        long nanos = Math.max(LEAST_NANOS, ROUND_TRIPS * usual) << doublings;
        if (call.isRepetition() || call.isSuspect() || !call.isHarmless()) {
            nanos = Math.max(LONG_NANOS, nanos);
        }
        return nanos + size(call);
    }

    private static long size(RestCall call) {
        long parts = 0;
        for (Command command : call.commands()) {
            parts += command.maxValues();
        }
        return Math.max(0, call.contentLength()) / 1_024 * NANOS_PER_KILOBYTE
                + (Math.min(parts, MOST_PARTS) - 1) * NANOS_PER_PART;
    }

    /**
     * Takes into account how long a request waited for its answer. Falls at once and rises slowly: a round trip is what it takes
     * when nothing is in the way.
     */
    void took(RestCall call, long nanos) {
        if (call.isRepetition()) {
            // As long again on another connection: it was the request, or the database, and not the connection.
            doublings = nanos - size(call) < LEAST_NANOS ? 0 : Math.min(MOST_DOUBLINGS, doublings + 1);
        }
        boolean reads = call.isReadOnly();
        long usual = reads ? usualRead : usualWrite;
        long now =
                nanos < usual || usual == 0 ? nanos : usual + (Math.min(nanos, 4 * usual + OUTLIER_NANOS) - usual) / 8;
        if (reads) {
            usualRead = now;
        } else {
            usualWrite = now;
        }
    }
}
