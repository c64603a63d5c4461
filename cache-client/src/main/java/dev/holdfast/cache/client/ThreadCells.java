package dev.holdfast.cache.client;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A count that many threads raise. Each raises a cell by its own number, so that two threads that were started one after the other never share one. A
 * {@link java.util.concurrent.atomic.LongAdder} has no more cells than the machine has processors, and threads that run on all of them meet: a tenth of a near hit.
 * Exact.
 */
final class ThreadCells {
    private static final int CELLS = 64;
    /** So many longs are two lines of a processor's cache. */
    private static final int APART = 16;

    static final int BYTES = CELLS * APART * Long.BYTES;

    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] cells = new long[CELLS * APART];

    void increment() {
        add(1);
    }

    void add(long delta) {
        int cell = (int) Thread.currentThread().getId() & (CELLS - 1);
        long unused = (long) CELL.getAndAdd(cells, cell * APART, delta);
    }

    /** What it came to; while others raise it, some moment's. */
    long sum() {
        long sum = 0;
        for (int i = 0; i < cells.length; i += APART) {
            sum += (long) CELL.getVolatile(cells, i);
        }
        return sum;
    }
}
