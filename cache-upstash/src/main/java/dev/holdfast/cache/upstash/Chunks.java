package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.upstash.MultiKey.Chunk;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs the chunks of one call, some at the same time: on the caller's thread, and on as many others as half of the connections. */
final class Chunks implements Runnable {
    private final List<Chunk> chunks;
    private final UpstashErrors errors;
    private final AtomicInteger next = new AtomicInteger();
    private final CountDownLatch runners;
    private volatile boolean stopped;

    private Chunks(List<Chunk> chunks, UpstashErrors errors, int runners) {
        this.chunks = chunks;
        this.errors = errors;
        this.runners = new CountDownLatch(runners);
    }

    /** Returns when all are done, or one has failed and none is under way; what became of each stands in it. */
    static void run(List<Chunk> chunks, Calls calls) {
        int others = Math.min(chunks.size(), Math.max(1, calls.config.maxConnections() / 2)) - 1;
        Chunks all = new Chunks(chunks, calls.rest.errors(), Math.max(0, others));
        for (int i = 0; i < others; i++) {
            all.begin(calls);
        }
        all.some();
        all.await();
    }

    private void begin(Calls calls) {
        boolean begun = false;
        try {
            calls.rest.threadPool().execute(this);
            begun = true;
        } catch (RuntimeException | Error e) {
            // Without another thread this one does all.
            stopped |= calls.isClosed();
        } finally {
            if (!begun) {
                runners.countDown();
            }
        }
    }

    @Override
    public void run() {
        try {
            some();
        } finally {
            runners.countDown();
        }
    }

    private void some() {
        while (!stopped) {
            int mine = next.getAndIncrement();
            if (mine >= chunks.size()) {
                return;
            }
            if (!chunks.get(mine).run(errors)) {
                stopped = true;
            }
        }
    }

    /** Those that are under way end within the call's deadline, as their requests do. */
    private void await() {
        for (Chunk chunk : chunks) {
            CacheException failure = chunk.failure();
            if (failure instanceof CacheInterruptedException) {
                throw failure;
            }
        }
        try {
            runners.await();
        } catch (InterruptedException e) {
            stopped = true;
            throw errors.interrupted("a call with many keys", e);
        }
    }
}
