package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.internal.OperationMeter;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.RedisScript;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import okhttp3.Dns;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** Runs commands within a deadline and turns failed replies into exceptions: what a store and its views share. */
final class Calls {
    final UpstashConfig config;
    final KeyPrefix prefix;
    final SparedKeys spared;
    final RestClient rest;
    final Combiner combiner;
    final Canary canary;
    private final Repetitions repetitions;

    private final OperationMeter meter = new OperationMeter();
    final CallObservers observers = new CallObservers();
    private final Saturation saturation;
    private final Instant startedAt = Instant.now();
    private volatile boolean closed;

    Calls(UpstashConfig config, Dns resolver, Duration others) {
        this.config = config;
        this.prefix = config.keyPrefix();
        this.spared = new SparedKeys(prefix, LoggerFactory.getLogger(UpstashStore.class)::warn);
        this.rest = new RestClient(config, resolver, others);
        this.saturation = new Saturation(rest.errors().address(), observers);
        this.combiner = new Combiner(
                rest,
                config.maxConnections(),
                config.connectTimeout().plus(config.commandTimeout()).toNanos(),
                saturation,
                rest.replacements());
        this.repetitions = new Repetitions(combiner, rest);
        this.canary = new Canary(rest, prefix);
    }

    /** What becomes of a good reply. */
    interface Answer<T> {
        T of(Reply reply);
    }

    /** Runs one command; a failed reply is an exception. */
    <T> T run(Command command, long deadline, Answer<T> answer) {
        CallObserver.Ended observed =
                observers.began(command.name(), rest.errors().address());
        return metered(command, observed, () -> {
            Reply reply = repetitions.one(command, deadline);
            if (reply instanceof Reply.Failure failure) {
                throw rest.errors().text(command.name(), failure.text());
            }
            return understood(command, reply, answer);
        });
    }

    /** Runs several commands in one request; failed replies stand in their places. Repeats what is harmless, as a single one. */
    List<Reply> runAll(List<Command> commands, long deadline) {
        Command first = commands.get(0);
        CallObserver.Ended observed =
                observers.beganPipeline(first.name(), rest.errors().address());
        return metered(first, observed, () -> repetitions.all(commands, deadline));
    }

    /** Runs a script, by its name if the server knows it; {@code repeatable}: whether that may be done twice. */
    <T> T script(
            RedisScript script,
            boolean repeatable,
            List<String> keys,
            List<String> arguments,
            long deadline,
            Answer<T> answer) {
        try {
            return run(command(byName(script, keys, arguments), repeatable), deadline, answer);
        } catch (CacheRejectedException e) {
            if (!isUnknownScript(e)) {
                throw e;
            }
            return run(command(inFull(script, keys, arguments), repeatable), deadline, answer);
        }
    }

    private static Command command(List<String> parts, boolean repeatable) {
        return repeatable ? Command.repeatable(parts) : Command.of(parts);
    }

    /** Whether the database does not know a script by its name, and has done nothing. */
    static boolean isUnknownScript(CacheRejectedException e) {
        return String.valueOf(e.getMessage()).contains(": NOSCRIPT");
    }

    /** Runs a script that answers 1 or 0. */
    boolean flag(RedisScript script, boolean repeatable, List<String> keys, List<String> arguments, long deadline) {
        return script(script, repeatable, keys, arguments, deadline, Reply::isOne);
    }

    /** Whether the database would take a script with these arguments, even if it does not know it by its name. */
    boolean fits(RedisScript script, List<String> keys, List<String> arguments) {
        return Command.of(inFull(script, keys, arguments)).json().length <= config.maxCommandBytes();
    }

    /** A script by its name. */
    static List<String> byName(RedisScript script, List<String> keys, List<String> arguments) {
        return eval("EVALSHA", script.sha1(), keys, arguments);
    }

    /** A script with its text. */
    static List<String> inFull(RedisScript script, List<String> keys, List<String> arguments) {
        return eval("EVAL", script.text(), keys, arguments);
    }

    private static List<String> eval(String name, String script, List<String> keys, List<String> arguments) {
        List<String> parts = new ArrayList<>(3 + keys.size() + arguments.size());
        parts.add(name);
        parts.add(script);
        parts.add(Integer.toString(keys.size()));
        parts.addAll(keys);
        parts.addAll(arguments);
        return parts;
    }

    private interface Work<T> {
        T run();
    }

    private <T> T metered(Command command, CallObserver.Ended observed, Work<T> work) {
        Throwable failure = null;
        try {
            return metered(command, work);
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            observed.ended(failure);
        }
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
        } catch (RuntimeException | Error e) {
            throw rest.errors().unexpected(command.name(), e, true);
        } finally {
            if (answered) {
                saturation.answered();
            }
            meter.record(start, answered);
        }
    }

    /** Reads a reply; one of another shape than the command answers is the peer's fault, and the command was executed. */
    <T> T understood(Command command, Reply reply, Answer<T> answer) {
        try {
            return answer.of(reply);
        } catch (MalformedReplyException e) {
            throw rest.errors().malformed(RestCall.one(command), e);
        }
    }

    /** Reads a reply that is a text or nothing. */
    byte @Nullable [] bytes(Command command, Reply reply) {
        try {
            byte[] bytes = reply.bytes();
            // What stands as base64 takes a third more, and its marker.
            if (bytes != null && bytes.length > config.maxValueBytes() * 4 / 3 + 64) {
                throw new MalformedReplyException("a value of more than " + config.maxValueBytes() + " bytes");
            }
            return bytes;
        } catch (MalformedReplyException e) {
            throw rest.errors().malformed(RestCall.one(command), e);
        }
    }

    boolean isClosed() {
        return closed;
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
                    + " (" + rest.errors().named("UPSTASH_MAX_COMMAND_BYTES", "withMaxCommandBytes")
                    + ", by its plan)");
        }
    }

    void requireTime(String what, long deadline) {
        repetitions.left(what, deadline);
    }

    StoreHealth health() {
        int max = config.maxConnections();
        PoolHealth pool = new PoolHealth(
                max,
                rest.connections(),
                Math.min(combiner.permits().active(), rest.connections()),
                combiner.waiting(),
                saturation.total(),
                rest.failedDials());
        OperationStats operations = meter.snapshot();
        HealthState state = saturation.isShut()
                ? HealthState.DOWN
                : HealthState.of(operations, canary.failures(), canary.lastProbe());
        return StoreHealth.of("upstash-redis", true, startedAt)
                .withState(state)
                .withReadYourWrites(config.readYourWrites())
                .withOperations(operations)
                .withPool(pool)
                .withNodes(List.of(new NodeHealth(
                        rest.errors().address(), "master", state, canary.failures(), canary.lastProbe(), pool, 0)));
    }

    void close() {
        closed = true;
        repetitions.close();
        combiner.close();
        combiner.disconnect(new IllegalStateException("the store was closed"));
        rest.close();
    }
}
