package dev.holdfast.cache.upstash;

import java.util.concurrent.TimeUnit;

/**
 * Which idle connections are not to be used any more, since another one broke. Whatever ended a connection while it idled may have ended
 * those that idled beside it, but not those that were heard after its last request was sent: they were alive after the event. Whatever ends
 * connections one by one, while they are in use, says nothing about the others, so a doubt is followed by no other for a while that such a one raises, and one
 * connection that breaks costs no healthy one each time. For any number of threads.
 */
final class Doubt {
    /** What broke after all that idled was doubted, and had been heard since, broke by itself. */
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(2);

    /** How long nothing was heard of one that idled; longer than a call takes that is answered soon. */
    private static final long IDLED_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private long raisedAt;
    private boolean raised;
    private volatile long heardBefore;

    Doubt(long now) {
        heardBefore = now;
    }

    /**
     * A connection broke.
     *
     * @param heardAt when it was heard last
     * @param sentAt when the request was sent on it under which it broke
     */
    synchronized void broke(long heardAt, long sentAt, long now) {
        boolean idled = sentAt - heardAt >= IDLED_NANOS;
        if (!raised || idled || now - raisedAt >= PAUSE_NANOS) {
            raise(sentAt, now);
        }
    }

    /** A connection was found dead that had not said so: any other may be that was not heard after this. */
    synchronized void foundSilent(long now) {
        raise(now, now);
    }

    private void raise(long before, long now) {
        raised = true;
        raisedAt = now;
        if (before - heardBefore > 0) {
            heardBefore = before;
        }
    }

    /** Whether one is in doubt that was last heard at that time. */
    boolean isIn(long heardAt) {
        return heardAt - heardBefore < 0;
    }
}
