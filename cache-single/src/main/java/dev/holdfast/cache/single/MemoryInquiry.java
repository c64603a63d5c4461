package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.ServerMemory;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol.Command;

/** Asks the server how much memory it takes, while somebody looks at health and without keeping him waiting. Thread-safe. */
final class MemoryInquiry {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final long LIMIT = TimeUnit.SECONDS.toNanos(1);

    private final Connections connections;
    private final Executor threads;
    private final ServerMemory memory = new ServerMemory();

    MemoryInquiry(Connections connections, Executor threads) {
        this.connections = connections;
        this.threads = threads;
    }

    /**
     * Returns what is known; {@code null} if nothing is.
     *
     * @param mayAsk whether the server answers, so that it may be asked what is due
     */
    @Nullable
    MemoryUse use(boolean mayAsk) {
        if (mayAsk && memory.isDue()) {
            try {
                threads.execute(this::ask);
            } catch (RejectedExecutionException | OutOfMemoryError e) {
                LOG.debug("no thread to ask for the server's memory on", e);
            }
        }
        return memory.use();
    }

    private void ask() {
        long now = System.nanoTime();
        try {
            byte[] info = connections.call(Request.reading(Command.INFO).with("memory"), Reply.VALUE, now, now + LIMIT);
            if (info != null) {
                memory.answered(info);
            }
        } catch (CacheRejectedException e) {
            memory.refused();
        } catch (CacheException | IllegalStateException | ClassCastException e) {
            LOG.debug("the server did not say how much memory it takes", e);
        }
    }
}
