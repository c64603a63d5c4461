package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.holdfast.streams.RequestRejectedException.Reason;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * Sends requests and waits for their answers. One for a process is enough: it has three threads, one more for the futures of {@link #call}, one more while one of several
 * partitions is away, and up to four connections to Redis (to each node of a cluster), and one reply stream for all callers, which expires a minute after the process has died.
 *
 * <p>Each call ends within its limit: with an answer, or with the {@link RequestException} that says what the caller may do. While
 * Redis is away, calls are rejected at once; those that were sent before wait for their answers until their limits.
 *
 * <p>Thread-safe.
 */
public final class RequestClient implements AutoCloseable {
    /** The most characters of an id. */
    public static final int MAX_ID_LENGTH = 200;

    /** The longest limit of a call. */
    public static final Duration MAX_LIMIT = Duration.ofDays(1);

    private static final String CLOSED = "the client is closed";
    private static final Duration MIN_LIMIT = Duration.ofMillis(1);
    private static final long LATEST_NANOS = 5_000_000_000L;

    private static final Logger LOG = LoggerFactory.getLogger(RequestClient.class);

    private final StreamsConfig config;
    private final byte[] replies;
    private final Redis commands;
    private final Redis blocking;
    private final Calls calls;
    private final Sender sender;
    private final ReplyReader reader;
    private final Queue queue;
    private volatile boolean closed;

    private RequestClient(StreamsConfig config) {
        this.config = config;
        this.replies = new Keys(config).replies(UUID.randomUUID().toString());
        this.commands = new Redis(config, 3, Duration.ZERO);
        this.blocking = new Redis(config, 1, Duration.ofMillis(ReplyReader.BLOCK_MILLIS), commands);
        this.calls = new Calls(config);
        this.sender = new Sender(config, commands, calls, replies);
        this.reader = new ReplyReader(blocking, calls, replies, config.clustered());
        this.queue = new Queue(config, commands);
    }

    /**
     * Makes a client. It connects within the connect timeout, or goes on trying in the background: a Redis that is away is no error
     * here.
     */
    public static RequestClient connect(StreamsConfig config) {
        RequestClient client = new RequestClient(config);
        client.sender.tryOnce();
        client.sender.ensure();
        client.reader.ensure();
        return client;
    }

    /**
     * Sends a request. The future ends with the answer, or exceptionally with {@link RequestTimeoutException}, {@link
     * RequestFailedException} or {@link RequestRejectedException}; it ends on a thread that nobody else waits for. Cancelled, it makes
     * room for another call; the request may still be run. While what was put behind futures holds as many of these threads as there may be
     * calls under way, 64 at least, calls are rejected.
     *
     * @param id what identifies the request, 1 to {@link #MAX_ID_LENGTH} characters of Unicode text. To repeat a request, its id is used again: if it was run,
     *     its answer is given again
     * @param payload what the handler gets, up to {@link StreamsConfig#maxPayloadBytes()} bytes; must not be changed until the call has ended
     * @param limit how long to wait for the answer, from 1 ms to {@link #MAX_LIMIT}; workers skip the request afterwards
     * @throws RequestRejectedException if the request can't be sent, as is known already; so nothing was done
     * @throws IllegalArgumentException if an argument is out of its range
     * @throws IllegalStateException if the client is closed
     */
    public CompletableFuture<byte[]> call(String id, byte[] payload, Duration limit) {
        return send(id, payload, limit, false).future();
    }

    /**
     * Sends a request and waits for the answer.
     *
     * @param id as for {@link #call}
     * @param payload as for {@link #call}
     * @param limit as for {@link #call}
     * @return the answer
     * @throws RequestRejectedException if the request was not queued, so nothing was done
     * @throws RequestTimeoutException if there is no answer within the limit
     * @throws RequestFailedException if the request has no result
     * @throws InterruptedException if the thread is interrupted; the request may still be run
     * @throws IllegalArgumentException if an argument is out of its range
     * @throws IllegalStateException if the client is closed
     */
    public byte[] callAndWait(String id, byte[] payload, Duration limit) throws InterruptedException {
        Call call = send(id, payload, limit, true);
        try {
            // The alarm ends it; but should there be no memory for that, it is not to wait for ever.
            return call.future().get(limit.toNanos() + LATEST_NANOS, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            calls.abandon(call);
            throw new RequestTimeoutException(id, limit);
        } catch (InterruptedException e) {
            calls.abandon(call);
            throw e;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RequestException failure) {
                // Its trace is that of the thread that ended the call; the caller's is what helps.
                failure.setStackTrace(Thread.currentThread().getStackTrace());
                throw failure;
            }
            throw new CancellationException(String.valueOf(e.getCause()));
        }
    }

    private Call send(String id, byte[] payload, Duration limit, boolean direct) {
        if (id.isEmpty() || id.length() > MAX_ID_LENGTH) {
            throw new IllegalArgumentException(
                    "id must have 1 to " + MAX_ID_LENGTH + " characters; it has " + id.length());
        }
        if (!UTF_8.newEncoder().canEncode(id)) {
            // In Redis every such half would be a question mark, and two ids one.
            throw new IllegalArgumentException("id must be Unicode text; it has half of a surrogate pair");
        }
        if (Objects.requireNonNull(payload, "payload").length > config.maxPayloadBytes()) {
            throw new IllegalArgumentException(
                    "payload must have at most " + config.maxPayloadBytes() + " bytes; it has " + payload.length);
        }
        if (limit.compareTo(MIN_LIMIT) < 0 || limit.compareTo(MAX_LIMIT) > 0) {
            throw new IllegalArgumentException("limit must be from 1 ms to " + MAX_LIMIT + ": " + limit);
        }
        if (closed) {
            throw new IllegalStateException(CLOSED);
        }
        if (!sender.ensure() || !reader.ensure()) {
            throw calls.refusal("there is no thread to be had", null, Reason.UNAVAILABLE);
        }
        reader.lastingTrouble().ifPresent(trouble -> {
            throw calls.refusal("replies can't be read: " + trouble, null, Reason.UNAVAILABLE);
        });
        Call call = new Call(id, payload, limit, direct);
        sender.send(call);
        return call;
    }

    /** Returns what this client has seen. Asks nobody. */
    public ClientHealth health() {
        Optional<String> all = closed ? Optional.of(CLOSED) : sender.trouble().or(reader::lastingTrouble);
        return new ClientHealth(
                all.isEmpty(),
                calls.inFlight(),
                config.maxInFlight(),
                calls.counts(),
                all.or(sender::partTrouble).or(reader::trouble));
    }

    /**
     * Asks Redis what waits there.
     *
     * @throws RequestRejectedException if it does not answer within the command timeout
     */
    public QueueHealth queue() {
        return queue.health();
    }

    /** Ends the calls under way as if their limits were over, and removes the reply stream. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        sender.close();
        reader.close();
        calls.close();
        try {
            if (sender.trouble().isEmpty()) {
                commands.call(Command.of(Protocol.Command.UNLINK, replies));
            }
        } catch (RuntimeException e) {
            LOG.info("the reply stream stays until it expires: {}", Trouble.shown(e));
        }
        blocking.close();
        commands.close();
    }
}
