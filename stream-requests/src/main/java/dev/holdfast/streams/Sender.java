package dev.holdfast.streams;

import dev.holdfast.streams.RequestRejectedException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a client's requests: all that wait go in one round trip, in a cluster one after the other, behind the question whether the reply stream is
 * there still. A call whose request may or may not have arrived waits for its answer as the others do; it is never sent a second time. A
 * partition that is sick gets none, and the others do.
 */
final class Sender implements SteadyThread.Turn, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Sender.class);
    private static final int MOST_CALLS = 128;
    private static final long MOST_BYTES = 1 << 20;
    private static final long FULL_NANOS = 10_000_000;
    private static final long PROBE_NANOS = 1_000_000_000;
    /** A reply stream outlives its client by so much. */
    static final long REPLIES_MILLIS = 60_000;

    private final Redis redis;
    private final boolean clustered;
    private final Keys keys;
    private final Calls calls;
    private final byte[] replies;
    private final int maxLength;
    private final AtomicLongArray fullUntil;
    private final Pause pause = new Pause(LOG, "sending requests", "not connected yet");
    private final SickPartitions sick;
    private final SteadyThread thread = new SteadyThread("holdfast-requests-send", this, pause::failed);

    Sender(StreamsConfig config, Redis redis, Calls calls, byte[] replies) {
        this.redis = redis;
        this.clustered = config.clustered();
        this.keys = new Keys(config);
        this.sick = new SickPartitions(config, "sending requests", redis, keys::room);
        this.calls = calls;
        this.replies = replies;
        this.maxLength = config.maxQueueLength();
        this.fullUntil = new AtomicLongArray(config.partitions());
        for (int i = 0; i < config.partitions(); i++) {
            fullUntil.set(i, System.nanoTime());
        }
    }

    /**
     * Takes a call to be sent.
     *
     * @throws RequestRejectedException if it could not be, as far as is known
     */
    void send(Call call) {
        String trouble = pause.trouble().orElse(null);
        if (trouble != null) {
            throw calls.refusal(refused(trouble), null, Reason.UNAVAILABLE);
        }
        sick.trouble(keys.partitionOf(call.id())).ifPresent(known -> {
            throw calls.refusal(refused(known), null, Reason.UNAVAILABLE);
        });
        if (isFull(call)) {
            throw calls.refusal(full(), null, Reason.QUEUE_FULL);
        }
        calls.accept(call);
        // The pause may have begun since, and the outbox be emptied.
        pause.trouble().ifPresent(known -> calls.rejectUnsent(call, refused(known)));
    }

    /** Whether its stream was full a moment ago. */
    private boolean isFull(Call call) {
        return fullUntil.get(keys.partitionOf(call.id())) - System.nanoTime() > 0;
    }

    private String full() {
        return "the queue is full, with " + maxLength + " requests";
    }

    /** Sees to it that calls are sent; says whether they are. */
    boolean ensure() {
        return thread.ensure();
    }

    /** Why no call is taken; empty if some are. */
    Optional<String> trouble() {
        return pause.trouble().or(() -> sick.areAllSick() ? sick.trouble() : Optional.empty());
    }

    /** Why calls to some partition are not taken. */
    Optional<String> partTrouble() {
        return sick.trouble();
    }

    @Override
    public void take() throws InterruptedException {
        String trouble = pause.trouble().orElse(null);
        if (trouble != null) {
            rejectAll(trouble);
            pause.rest();
            probe();
            return;
        }
        Call first = calls.outbox().poll(PROBE_NANOS);
        if (first == null) {
            probe();
        } else {
            send(batch(first));
        }
    }

    /** What waits was not sent, and will not be soon: its callers go elsewhere. */
    private void rejectAll(String trouble) throws InterruptedException {
        Call next = calls.outbox().poll(0);
        while (next != null) {
            reject(next, trouble, null);
            next = calls.outbox().poll(0);
        }
    }

    /** Keeps or makes the reply stream, and so learns whether Redis is there; never throws. */
    void tryOnce() {
        try {
            probe();
        } catch (RuntimeException e) {
            pause.failed(e);
        }
    }

    private void probe() {
        var unused = redis.call(Script.KEEP_REPLIES.on(replies, REPLIES_MILLIS));
        pause.worked();
    }

    private List<Call> batch(Call first) throws InterruptedException {
        List<Call> batch = new ArrayList<>();
        long bytes = first.size();
        batch.add(first);
        while (batch.size() < MOST_CALLS && bytes < MOST_BYTES) {
            Call next = calls.outbox().poll(0);
            if (next == null) {
                break;
            }
            batch.add(next);
            bytes += next.size();
        }
        return batch;
    }

    private void send(List<Call> batch) {
        List<Call> sent = new ArrayList<>();
        List<Command> commands = new ArrayList<>();
        try {
            for (Call call : batch) {
                Command add = add(call);
                if (add != null) {
                    commands.add(add);
                    sent.add(call);
                }
            }
            if (sent.isEmpty()) {
                return;
            }
            // First: while Redis does not answer this, it is known that nothing was sent.
            probe();
        } catch (RuntimeException | Error e) {
            batch.forEach(call -> reject(call, Trouble.shown(e), e));
            throw e;
        }
        if (clustered) {
            oneByOne(sent, commands);
            return;
        }
        List<@Nullable Object> answers = redis.all(commands);
        for (int i = 0; i < sent.size(); i++) {
            outcome(sent.get(i), answers.get(i));
        }
    }

    private void reject(Call call, String trouble, @Nullable Throwable cause) {
        calls.reject(call, refused(trouble), cause, Reason.UNAVAILABLE);
    }

    private static String refused(String trouble) {
        return "Redis does not take requests: " + trouble;
    }

    /** The command that adds a call's request; {@code null} if it is not to be sent any more. */
    private @Nullable Command add(Call call) {
        if (isFull(call)) {
            // It came before that was known, and is not to wait for another round trip.
            calls.reject(call, full(), null, Reason.QUEUE_FULL);
            return null;
        }
        byte[] payload = calls.payloadOf(call);
        long limit = call.remainingMillis();
        if (payload == null || limit <= 0) {
            return null;
        }
        byte[] stream = keys.requests(keys.partitionOf(call.id()));
        return Script.ADD.on(stream, maxLength, call.id(), replies, limit, payload);
    }

    private void oneByOne(List<Call> sent, List<Command> commands) {
        for (int i = 0; i < sent.size(); i++) {
            Call call = sent.get(i);
            // What the calls before it found out.
            String trouble = pause.trouble()
                    .or(() -> sick.trouble(keys.partitionOf(call.id())))
                    .orElse(null);
            if (trouble != null) {
                reject(call, trouble, null);
                continue;
            }
            Object answer;
            try {
                answer = redis.once(commands.get(i));
            } catch (RuntimeException e) {
                answer = e;
            }
            outcome(call, answer);
        }
    }

    private void outcome(Call call, @Nullable Object answer) {
        int partition = keys.partitionOf(call.id());
        if (answer instanceof RuntimeException failure) {
            if (sick.isOneOnly(failure)) {
                sick.failed(partition, failure);
            } else {
                pause.failed(failure);
            }
            if (Trouble.isRefusal(failure)) {
                calls.reject(call, "Redis refused: " + Trouble.shown(failure), failure, Reason.UNAVAILABLE);
            } else if (clustered && !NodeExecutor.mayHaveArrived(failure)) {
                reject(call, Trouble.shown(failure), failure);
            }
        } else if (answer instanceof Long) {
            fullUntil.set(partition, System.nanoTime() + FULL_NANOS);
            calls.reject(call, full(), null, Reason.QUEUE_FULL);
        }
    }

    @Override
    public void close() {
        thread.close();
        sick.close();
    }
}
