package dev.holdfast.cache.spi;

/**
 * A stretch of time during which whoever covers a read is sure to be told of changes: the life of one tracking connection to one server, say. A copy of
 * what was read under it may be used while it is alive, and for as long as {@link Stamps} don't say that its key changed. It ends once and for good; all
 * copies under it become unusable in that moment, however many there are.
 *
 * <p>Taken <em>before</em> the read that it is to cover is sent. What was read under one that has ended meanwhile is as good as what was read without.
 *
 * <p>For any number of threads. {@link #isAlive} costs one volatile read.
 */
public final class Guard {
    /** Covers nothing: nobody tells of changes that others make, so a copy is right for as long as its user bears that it may not be. Never ends. */
    public static final Guard UNTRACKED = new Guard();

    private volatile boolean alive = true;

    /** Begins one. */
    public Guard() {}

    /**
     * Says whether it lasts.
     *
     * @return whether {@link #end} was not called
     */
    public boolean isAlive() {
        return alive;
    }

    /**
     * Says whether changes by others are told of while it lasts.
     *
     * @return {@code false} for {@link #UNTRACKED}
     */
    public boolean isTracked() {
        return this != UNTRACKED;
    }

    /**
     * Ends it. Idempotent.
     *
     * @throws IllegalStateException if it is {@link #UNTRACKED}, which belongs to everybody
     */
    public void end() {
        if (this == UNTRACKED) {
            throw new IllegalStateException("the guard that tracks nothing does not end");
        }
        alive = false;
    }
}
