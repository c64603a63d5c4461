package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The Redis behind the gateway. A connection serves one request at a time, so transactions never mix; nothing is ever
 * sent twice. Thread-safe.
 */
final class RedisBackend implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final int BATCH_COMMANDS = 1_000;
    private static final long BATCH_BYTES = 4 * 1024 * 1024;
    private static final List<byte[]> MULTI = List.of("MULTI".getBytes(US_ASCII));
    private static final List<byte[]> EXEC = List.of("EXEC".getBytes(US_ASCII));

    /**
     * What a request has got.
     *
     * @param replies one per command, in order
     * @param discarded why a transaction was not executed, and then there are no replies; null if it was
     * @param position the request's last write, counted among all that this gateway has made; without a write of its own,
     *     the latest
     */
    record Outcome(List<@Nullable Object> replies, @Nullable RespError discarded, long position) {}

    private interface Task<T> {
        T run(RespConnection redis) throws IOException;
    }

    private final InetSocketAddress address;
    private final @Nullable String password;
    private final Semaphore permits;
    private final Deque<RespConnection> idle = new ConcurrentLinkedDeque<>();
    private final Map<String, LongAdder> executed = new ConcurrentHashMap<>();
    private final AtomicLong writes = new AtomicLong();
    private final CommandTable table;
    private volatile boolean closed;

    RedisBackend(InetSocketAddress address, @Nullable String password, int maxConnections) throws IOException {
        this.address = address;
        this.password = password;
        this.permits = new Semaphore(maxConnections);
        this.table = borrow(redis -> new CommandTable(redis.call("COMMAND")));
    }

    CommandTable table() {
        return table;
    }

    /** The latest write that this gateway has made: how many there have been. */
    long position() {
        return writes.get();
    }

    long executed() {
        return executed.values().stream().mapToLong(LongAdder::sum).sum();
    }

    long executed(String upperCaseName) {
        LongAdder count = executed.get(upperCaseName);
        return count == null ? 0 : count.sum();
    }

    /** Commands that have an answer already don't reach Redis. */
    Outcome run(List<RestCommand> commands) throws IOException {
        if (commands.stream().allMatch(command -> command.answer != null)) {
            return new Outcome(answers(commands), null, position());
        }
        return borrow(redis -> {
            List<@Nullable Object> replies = answers(commands);
            for (int from = 0; from < commands.size(); ) {
                int to = from;
                for (long bytes = 0; to < commands.size() && to - from < BATCH_COMMANDS && bytes < BATCH_BYTES; to++) {
                    bytes += commands.get(to).bytes();
                    sendTo(redis, commands.get(to));
                }
                redis.flush();
                for (; from < to; from++) {
                    if (commands.get(from).answer == null) {
                        replies.set(from, executed(commands.get(from), redis.receive()));
                    }
                }
            }
            return outcome(commands, replies, redis);
        });
    }

    Outcome runAtomically(List<RestCommand> commands) throws IOException {
        for (RestCommand command : commands) {
            if (command.refusal() != null) {
                return discarded(command.refusal());
            }
        }
        return borrow(redis -> {
            redis.send(MULTI);
            for (RestCommand command : commands) {
                sendTo(redis, command);
            }
            redis.send(EXEC);
            redis.flush();
            RespError unknown = null;
            redis.receive();
            for (RestCommand command : commands) {
                if (command.answer == null && redis.receive() instanceof RespError error) {
                    unknown = unknown == null && isUnknown(error) ? translated(command, error) : unknown;
                }
            }
            Object result = redis.receive();
            if (!(result instanceof List<?> results)) {
                return discarded(
                        unknown != null
                                ? unknown
                                : result instanceof RespError error ? error : new RespError("EXECABORT"));
            }
            List<@Nullable Object> replies = answers(commands);
            int next = 0;
            for (int i = 0; i < commands.size(); i++) {
                if (commands.get(i).answer == null) {
                    replies.set(i, executed(commands.get(i), results.get(next++)));
                }
            }
            return outcome(commands, replies, redis);
        });
    }

    /** A connection that the caller closes, for what never ends. */
    RespConnection dedicated() throws IOException {
        RespConnection redis = RespConnection.open(address, null, TIMEOUT);
        try {
            return password == null ? redis : redis.login("AUTH", password);
        } catch (IllegalStateException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        closed = true;
        closeIdle();
    }

    private static List<@Nullable Object> answers(List<RestCommand> commands) {
        List<@Nullable Object> answers = new ArrayList<>(commands.size());
        commands.forEach(command -> answers.add(command.answer));
        return answers;
    }

    private static void sendTo(RespConnection redis, RestCommand command) throws IOException {
        if (command.answer == null) {
            redis.send(command.args);
        }
    }

    private @Nullable Object executed(RestCommand command, @Nullable Object reply) {
        String name = command.name();
        executed.computeIfAbsent(name, unseen -> new LongAdder()).increment();
        return reply instanceof RespError error ? translated(command, error) : reply;
    }

    private static RespError translated(RestCommand command, RespError error) {
        return isUnknown(error) ? new RespError(CommandRules.notAvailable(command.name())) : error;
    }

    private static boolean isUnknown(RespError error) {
        return error.message().startsWith("ERR unknown command");
    }

    private Outcome discarded(RespError error) {
        return new Outcome(List.of(), error, position());
    }

    private Outcome outcome(List<RestCommand> commands, List<@Nullable Object> replies, RespConnection redis)
            throws IOException {
        int written = 0;
        for (int i = 0; i < replies.size(); i++) {
            RestCommand command = commands.get(i);
            if (command.answer == null && !(replies.get(i) instanceof RespError) && !table.isReadOnly(command)) {
                written++;
            }
            if (command.change != RestCommand.ReplyChange.NONE) {
                replies.set(i, command.change.apply(replies.get(i), redis));
            }
        }
        return new Outcome(replies, null, written == 0 ? position() : writes.addAndGet(written));
    }

    private <T> T borrow(Task<T> task) throws IOException {
        permits.acquireUninterruptibly();
        try {
            RespConnection redis = take();
            try {
                T result = task.run(redis);
                give(redis);
                return result;
            } catch (IOException | RuntimeException e) {
                redis.close();
                // Whatever ended this one, most often a restart, has ended the others too.
                closeIdle();
                throw e;
            }
        } finally {
            permits.release();
        }
    }

    private RespConnection take() throws IOException {
        if (closed) {
            throw new IOException("the gateway is closed");
        }
        RespConnection last = idle.pollLast();
        return last == null ? dedicated() : last;
    }

    private void give(RespConnection redis) {
        idle.addLast(redis);
        if (closed) {
            closeIdle();
        }
    }

    private void closeIdle() {
        for (RespConnection redis = idle.poll(); redis != null; redis = idle.poll()) {
            redis.close();
        }
    }
}
