package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.internal.ServerMemory;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol.Command;

/**
 * Asks the server how much memory it takes, while somebody looks at health and without keeping him waiting, on the connection that no caller uses.
 * Thread-safe.
 */
final class MemoryInquiry {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final long LIMIT = TimeUnit.SECONDS.toNanos(1);

    private final Reserve reserve;
    private final JedisErrors errors;
    private final Executor threads;
    private final ServerMemory memory = new ServerMemory();

    MemoryInquiry(Reserve reserve, JedisErrors errors, Executor threads) {
        this.reserve = reserve;
        this.errors = errors;
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
        long until = System.nanoTime() + LIMIT;
        try {
            Object answer = reserve.ask(List.of(Request.reading(Command.INFO).with("memory")), until, until)
                    .get(0);
            if (answer instanceof byte[] info) {
                memory.answered(info);
            } else if (errors.isNoPermission(answer)) {
                memory.refused();
            }
        } catch (CacheException | IllegalStateException e) {
            LOG.debug("the server did not say how much memory it takes", e);
        }
    }
}
