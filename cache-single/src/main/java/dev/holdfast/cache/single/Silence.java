package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.DeadlineWatch;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.spi.KeyPrefix;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import redis.clients.jedis.Protocol.Command;

/**
 * Tells a broken connection from a slow server: when a call has been without a byte for 200 ms, the server is asked on
 * another connection. It does one thing after the other, so if it answers what was sent later, and the call still has
 * nothing, the call's connection is broken, as those are that a NAT has forgotten. While the server is busy or frozen it
 * answers neither, and nothing is concluded.
 */
final class Silence {
    /** How much later than the answer to the question the reply may come that was sent before it. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** For how long the kept connection is asked alone. */
    private static final long FRESH_AFTER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Set<Pipeline> pipelines = ConcurrentHashMap.newKeySet();
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));
    private final AtomicBoolean asking = new AtomicBoolean();
    private final DeadlineWatch<Pipeline> watch;
    private final Connector connector;
    private final Reserve reserve;
    private final KeyPrefix keyPrefix;
    private final long commandNanos;

    Silence(SingleConfig config, Connector connector, Reserve reserve) {
        this.connector = connector;
        this.reserve = reserve;
        this.keyPrefix = config.keyPrefix();
        this.commandNanos = config.commandTimeout().toNanos();
        this.watch = new DeadlineWatch<>(
                pipelines, pipeline -> pipeline.silence().silentAt(), this::isSilent, connector::execute);
    }

    void add(Pipeline pipeline) {
        pipelines.add(pipeline);
    }

    void remove(Pipeline pipeline) {
        pipelines.remove(pipeline);
    }

    /** Ends it. */
    void stop() {
        watch.stop();
    }

    /** To be called when something was sent on a connection. */
    void expect(Pipeline pipeline) {
        long at = pipeline.silence().silentAt();
        if (at != 0) {
            try {
                watch.expect(at);
            } catch (RejectedExecutionException | OutOfMemoryError e) {
                // Without a thread for it there is still the command timeout.
            }
        }
    }

    private void isSilent(Pipeline pipeline, long since) {
        if (!pipeline.isBusy() || !asking.compareAndSet(false, true)) {
            return;
        }
        boolean mayAsk = false;
        boolean begun = false;
        try {
            mayAsk = backoff.tryBegin(System.nanoTime());
            if (mayAsk) {
                connector.execute(this::ask);
                begun = true;
            }
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // No thread, no question: there is still the calls' own time.
        } finally {
            if (!begun) {
                asking.set(false);
                pipeline.silence().asked(System.nanoTime());
            }
            if (mayAsk && !begun) {
                backoff.abandoned();
            }
        }
    }

    private void ask() {
        long start = System.nanoTime();
        boolean answered = false;
        try {
            // A refusal comes at once, also while others wait.
            answered = reserve.ask(List.of(question()), start + commandNanos, start + FRESH_AFTER_NANOS).stream()
                    .noneMatch(Refusal.class::isInstance);
            if (!answered) {
                return;
            }
            backoff.succeeded();
            rest();
            pipelines.stream()
                    .filter(pipeline -> pipeline.silence().isSilentSince(start))
                    .forEach(Pipeline::failSilent);
        } catch (CacheException e) {
            // No answer, nothing learnt: whoever waits does so within its own time.
        } finally {
            asking.set(false);
            if (!answered) {
                backoff.failed(System.nanoTime());
            }
            lookAgain(pipelines);
        }
    }

    /** A server may let writes wait and answer reads all the same, so what waits decides what is asked. */
    private Request question() {
        long now = System.nanoTime();
        boolean reads = pipelines.stream()
                .filter(pipeline -> pipeline.isBusy() && pipeline.silence().silentAt() - now <= 0)
                .allMatch(pipeline -> pipeline.silence().waitsForReads());
        return reads
                ? Request.reading(Command.PING)
                : Request.repeatable(Command.UNLINK).with(keyPrefix.encodeKey(SparedKeys.CANARY + "nobody"));
    }

    private static void rest() {
        long until = System.nanoTime() + GRACE_NANOS;
        for (long left = GRACE_NANOS; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private void lookAgain(Collection<Pipeline> all) {
        long now = System.nanoTime();
        for (Pipeline pipeline : all) {
            if (pipeline.isBusy()) {
                if (pipeline.silence().silentAt() - now <= 0) {
                    pipeline.silence().asked(now);
                }
                expect(pipeline);
            }
        }
    }
}
