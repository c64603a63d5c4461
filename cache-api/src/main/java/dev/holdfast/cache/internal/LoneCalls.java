package dev.holdfast.cache.internal;

/**
 * When a connection whose replies carry no names has to prove that they still belong to its calls, for implementations of stores. A reply
 * too many that comes while a call is awaited is taken for that call's, and then each reply is that to the call before, though nothing is
 * awaited whenever the next is sent. So of some calls in a row one goes with a mark, unless a pause between them was so long that a reply that was
 * left over would have come.
 *
 * <p>Calls are counted by one thread at a time; {@link #took} may be called by another.
 */
public final class LoneCalls {
    /** Of so many calls in a row one goes with a mark. */
    public static final int MOST_UNPROVEN = 8;

    private static final int QUIET_TRIPS = 4;
    private static final int FORGOTTEN = 8;

    private int unproven;
    private volatile long longestNanos;

    /** Creates one for a connection that was used for nothing yet. */
    public LoneCalls() {}

    /**
     * Notes that a call is sent while nothing is awaited.
     *
     * @param now the time, in nanoseconds
     * @param heardAt when something last came, in nanoseconds
     */
    public void sent(long now, long heardAt) {
        unproven = now - heardAt > QUIET_TRIPS * longestNanos ? 0 : unproven + 1;
    }

    /**
     * Notes how long a call took that was sent while nothing was awaited. The longest of late counts: replies that are out of step come too
     * soon.
     *
     * @param nanos from sending to its reply, in nanoseconds
     */
    public void took(long nanos) {
        long before = longestNanos;
        longestNanos = Math.max(nanos, before - before / FORGOTTEN);
    }

    /**
     * Says whether the next call has to go with a mark.
     *
     * @return whether as many went without as may
     */
    public boolean isMarkDue() {
        return unproven >= MOST_UNPROVEN;
    }

    /** Notes that a mark goes. */
    public void marked() {
        unproven = 0;
    }
}
