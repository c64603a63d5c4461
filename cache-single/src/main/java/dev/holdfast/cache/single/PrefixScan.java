package dev.holdfast.cache.single;

import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * One round over all keys of the server, which may begin anywhere: whatever is there from its beginning to its end is seen.
 * Redis counts cursors from the highest bit down, so that they keep their order when its table grows or shrinks
 * (https://github.com/redis/redis/blob/7.0/src/dict.c, dictScan).
 */
final class PrefixScan {
    private static final int FIRST_COUNT = 500;
    private static final int MOST_COUNT = 5_000;

    private final long start;
    private long cursor;
    private int count = FIRST_COUNT;
    private boolean wrapped;
    private boolean complete;

    PrefixScan(long start) {
        this.start = start;
        this.cursor = start;
        this.wrapped = start == 0;
    }

    /** The next page's command. Pages grow, so that a server that is far away is not asked for ever. */
    Request next(byte[] pattern) {
        Request scan = Request.reading(Command.SCAN)
                .with(Long.toUnsignedString(cursor))
                .with(Keyword.MATCH)
                .with(pattern)
                .with(Keyword.COUNT)
                .with(count);
        count = Math.min(2 * count, MOST_COUNT);
        return scan;
    }

    /** To be told where the next page begins, once this one is done. */
    void isDoneUpTo(long next) {
        cursor = next;
        if (next == 0) {
            complete = wrapped;
            wrapped = true;
        } else if (wrapped && start != 0) {
            complete = Long.compareUnsigned(Long.reverse(next), Long.reverse(start)) >= 0;
        }
    }

    boolean isComplete() {
        return complete;
    }

    long cursor() {
        return cursor;
    }
}
