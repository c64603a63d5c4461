package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationMeter;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.RedisScript;
import dev.holdfast.cache.StoreHealth;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Runs commands within a deadline and turns failed replies into exceptions: what a store and its views share. */
final class Calls {
    final UpstashConfig config;
    final KeyPrefix prefix;
    final RestClient rest;
    final Combiner combiner;
    final Canary canary;

    private final OperationMeter meter = new OperationMeter();
    private final LongAdder exhausted = new LongAdder();
    private final Instant startedAt;
    private volatile boolean closed;

    Calls(UpstashConfig config, Clock clock) {
        this.config = config;
        this.prefix = config.keyPrefix();
        this.rest = new RestClient(config);
        this.combiner = new Combiner(
                rest,
                config.maxConnections(),
                config.connectTimeout().plus(config.commandTimeout()).toNanos(),
                exhausted);
        this.startedAt = clock.instant();
        this.canary = new Canary(rest, prefix, clock);
    }

    /** What becomes of a good reply. */
    interface Answer<T> {
        T of(Reply reply);
    }

    /** Runs one command; a failed reply is an exception. */
    <T> T run(Command command, long deadline, Answer<T> answer) {
        return metered(command, () -> {
            Reply reply = combiner.run(command, left(command.name(), deadline));
            if (reply instanceof Reply.Failure failure) {
                throw rest.errors().text(command.name(), failure.text());
            }
            return understood(command, reply, answer);
        });
    }

    /** Runs several commands in one request; failed replies stand in their places. */
    List<Reply> runAll(List<Command> commands, long deadline) {
        commands.forEach(this::requireSize);
        return metered(commands.get(0), () -> combiner.runAll(commands, left("pipeline", deadline)));
    }

    /** Runs a script that answers a number, by its name if the server knows it. */
    long script(RedisScript script, List<String> keys, List<String> arguments, long deadline) {
        try {
            return run(eval("EVALSHA", script.sha1(), keys, arguments), deadline, Reply::number);
        } catch (CacheRejectedException e) {
            if (!String.valueOf(e.getMessage()).contains("NOSCRIPT")) {
                throw e;
            }
            return run(eval("EVAL", script.text(), keys, arguments), deadline, Reply::number);
        }
    }

    private static Command eval(String name, String script, List<String> keys, List<String> arguments) {
        List<String> parts = new ArrayList<>(3 + keys.size() + arguments.size());
        parts.add(name);
        parts.add(script);
        parts.add(Integer.toString(keys.size()));
        parts.addAll(keys);
        parts.addAll(arguments);
        return Command.of(parts);
    }

    private interface Work<T> {
        T run();
    }

    private <T> T metered(Command command, Work<T> work) {
        requireOpen();
        requireSize(command);
        long start = System.nanoTime();
        boolean answered = false;
        try {
            T result = work.run();
            answered = true;
            return result;
        } catch (CacheRejectedException e) {
            answered = true;
            throw e;
        } finally {
            meter.record(start, answered);
        }
    }

    /** Reads a reply; one of another shape than the command answers is the peer's fault, and the command was executed. */
    <T> T understood(Command command, Reply reply, Answer<T> answer) {
        try {
            return answer.of(reply);
        } catch (MalformedReplyException e) {
            throw rest.errors().malformed(new RestCall(command), e);
        }
    }

    /** Reads a reply that is a text or nothing. */
    byte @Nullable [] bytes(Command command, Reply reply) {
        try {
            return reply.bytes();
        } catch (MalformedReplyException e) {
            throw rest.errors().malformed(new RestCall(command), e);
        }
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("UpstashStore[" + rest.errors().address() + "] is closed");
        }
    }

    void requireSize(Command command) {
        if (command.json().length > config.maxCommandBytes()) {
            throw new CacheRejectedException(command.name() + " at "
                    + rest.errors().address() + ": the command has "
                    + command.json().length + " bytes, but the database takes at most " + config.maxCommandBytes()
                    + " (UPSTASH_MAX_COMMAND_BYTES, by its plan)");
        }
    }

    private long left(String what, long deadline) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            throw new CacheTimeoutException(
                    what + " at " + rest.errors().address() + ": no time was left to send it", null, false);
        }
        return left;
    }

    StoreHealth health() {
        int max = config.maxConnections();
        PoolHealth pool = new PoolHealth(
                max,
                rest.connections(),
                Math.min(combiner.active(), rest.connections()),
                combiner.waiting(),
                exhausted.sum());
        boolean healthy = canary.failures() == 0;
        return StoreHealth.of("upstash-redis", true, startedAt)
                .withAvailable(healthy)
                .withReadYourWrites(config.readYourWrites())
                .withOperations(meter.snapshot())
                .withPool(pool)
                .withNodes(List.of(new NodeHealth(
                        rest.errors().address(), "master", healthy, canary.failures(), canary.lastProbe(), pool, 0)));
    }

    void close() {
        closed = true;
        combiner.disconnect(new IllegalStateException("the store was closed"));
        rest.close();
    }
}
