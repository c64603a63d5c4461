package dev.holdfast.cache;

/**
 * A connection pool's figures.
 *
 * @param max how many connections there may be
 * @param total how many there are
 * @param active how many of them are in use
 * @param waiting how many callers wait for one
 * @param exhausted how often a caller waited in vain, since the store was created
 * @param failedDials how many attempts to open a connection have failed, since the store was created
 */
public record PoolHealth(int max, int total, int active, int waiting, long exhausted, long failedDials) {
    /** No pool. */
    public static final PoolHealth NONE = new PoolHealth(0, 0, 0, 0, 0, 0);

    /**
     * Returns how many connections are open and not in use.
     *
     * @return {@code total - active}
     */
    public int idle() {
        return Math.max(0, total - active);
    }
}
