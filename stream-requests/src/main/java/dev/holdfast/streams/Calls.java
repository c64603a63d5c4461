package dev.holdfast.streams;

import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.streams.RequestRejectedException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The calls under way in a client, by id: how many there may be, when each gives up, and how it ends. Futures that callers hold are
 * completed on threads of their own, since a caller may have put anything behind them; platform threads, since virtual ones wait while handlers in the
 * same process compute. While too many of these threads are held, no call is accepted. For any number of threads.
 */
final class Calls implements AutoCloseable {
    private static final long UNSENT_BYTES = 64L << 20;
    private static final long AGAIN_NANOS = 1_000_000_000;
    /** So many threads may always be in the last steps of calls whose callers have their answers. */
    private static final int LEAST_DELIVERIES = 64;

    private final int most;
    private final long mostUnsent;
    private final Semaphore free;
    private final int mostDeliveries;
    private final Outbox outbox;
    private final Map<String, List<Call>> underWay = new ConcurrentHashMap<>();
    private final ScheduledThreadPoolExecutor alarms;
    private final Deliveries deliveries;
    private final AtomicLong accepted = new AtomicLong();
    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong timedOut = new AtomicLong();
    private final AtomicLong rejected = new AtomicLong();
    private final AtomicLong unclaimed = new AtomicLong();
    private volatile boolean closed;

    Calls(StreamsConfig config) {
        this(config, new Deliveries(IsolatedThreads.platform("holdfast-requests-answer")));
    }

    Calls(StreamsConfig config, Deliveries deliveries) {
        this.deliveries = deliveries;
        this.most = config.maxInFlight();
        this.mostUnsent = Math.max(UNSENT_BYTES, config.maxPayloadBytes());
        this.outbox = new Outbox(mostUnsent);
        this.free = new Semaphore(most);
        this.mostDeliveries = Math.max(most, LEAST_DELIVERIES);
        this.alarms = new ScheduledThreadPoolExecutor(1, IsolatedThreads.platform("holdfast-requests-alarm"));
        alarms.setRemoveOnCancelPolicy(true);
    }

    /** The calls that wait to be sent. */
    Outbox outbox() {
        return outbox;
    }

    /**
     * Takes a call in, to be sent.
     *
     * @throws RequestRejectedException if there are too many, or no thread can be had that completes its future
     * @throws IllegalStateException if the client is closed
     */
    void accept(Call call) {
        if (deliveries.held() >= mostDeliveries) {
            throw refusal(
                    mostDeliveries + " answers are held by what their callers put behind them", null, Reason.IN_FLIGHT);
        }
        if (!call.direct() && !deliveries.ensure()) {
            throw refusal("there is no thread to be had", null, Reason.UNAVAILABLE);
        }
        if (!free.tryAcquire()) {
            throw refusal(most + " calls are under way already", null, Reason.IN_FLIGHT);
        }
        boolean entered = false;
        try {
            entered = enter(call);
        } finally {
            if (!entered) {
                end(call);
            }
        }
        if (!entered) {
            throw refusal(mostUnsent + " bytes wait to be sent already", null, Reason.IN_FLIGHT);
        }
        accepted.incrementAndGet();
    }

    /** Has a call be known, end at its limit, and be sent; says whether there is room for its bytes. */
    private boolean enter(Call call) {
        underWay.merge(call.id(), List.of(call), Calls::both);
        if (!call.direct()) {
            // Its caller may complete or cancel it too.
            var unused = call.future().whenComplete((answer, failure) -> end(call));
        }
        try {
            call.alarm(alarms.scheduleWithFixedDelay(
                    () -> ring(call), call.limit().toNanos(), AGAIN_NANOS, TimeUnit.NANOSECONDS));
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("the client is closed", e);
        }
        if (closed) {
            // Who has closed it may have looked for calls before this one was known.
            throw new IllegalStateException("the client is closed");
        }
        return outbox.add(call);
    }

    private static List<Call> both(List<Call> before, List<Call> added) {
        List<Call> all = new ArrayList<>(before);
        all.addAll(added);
        return List.copyOf(all);
    }

    /** Makes the exception for a call that is not taken, and counts it. */
    RequestRejectedException refusal(String why, @Nullable Throwable cause, Reason reason) {
        rejected.incrementAndGet();
        return rejection(why, cause, reason);
    }

    private static RequestRejectedException rejection(String why, @Nullable Throwable cause, Reason reason) {
        return new RequestRejectedException("rejected: " + why, cause, reason);
    }

    /** Takes the payload of a call that is sent now; {@code null} if the call has ended or was sent. */
    byte @Nullable [] payloadOf(Call call) {
        byte[] payload = call.takePayload();
        return call.ended() ? null : payload;
    }

    /** Hands an answer to all who wait for it. */
    void answer(String id, Answer answer) {
        List<Call> waiting = underWay.get(id);
        if (waiting == null) {
            unclaimed.incrementAndGet();
            return;
        }
        for (Call call : waiting) {
            // Made first: without memory for it the call has not ended.
            Deliveries.Delivery made = answer.failed()
                    ? deliveries.of(call.future(), new RequestFailedException(answer.reason()))
                    : deliveries.of(call.future(), answer.payload());
            if (end(call)) {
                answered.incrementAndGet();
                failed.addAndGet(answer.failed() ? 1 : 0);
                deliver(call, made);
            }
        }
    }

    /** Ends a call that was not queued. */
    void reject(Call call, String why, @Nullable Throwable cause, Reason reason) {
        Deliveries.Delivery made = deliveries.of(call.future(), rejection(why, cause, reason));
        if (end(call)) {
            rejected.incrementAndGet();
            deliver(call, made);
        }
    }

    /** Ends a call as one that was not queued, if it waits to be sent still. */
    void rejectUnsent(Call call, String why) {
        // Who has it afterwards is this one, and not who sends.
        if (outbox.remove(call)) {
            reject(call, why, null, Reason.UNAVAILABLE);
        }
    }

    /** The alarm of a call, which its end cancels. */
    private void ring(Call call) {
        try {
            timeOut(call);
        } catch (OutOfMemoryError e) {
            // It rings again, when there may be memory for its exception.
        }
    }

    private void timeOut(Call call) {
        Deliveries.Delivery made = deliveries.of(call.future(), new RequestTimeoutException(call.id(), call.limit()));
        if (end(call)) {
            timedOut.incrementAndGet();
            deliver(call, made);
        }
    }

    private void deliver(Call call, Deliveries.Delivery made) {
        if (call.direct()) {
            made.complete();
        } else {
            deliveries.begin(made);
        }
    }

    /** Completes futures that no thread was to be had for. */
    void deliverLate() {
        deliveries.again();
    }

    /** Ends a call whose caller has left. */
    void abandon(Call call) {
        end(call);
    }

    private boolean end(Call call) {
        if (!call.end()) {
            return false;
        }
        try {
            var unused = call.takePayload();
            outbox.remove(call);
            underWay.computeIfPresent(call.id(), (id, calls) -> {
                if (calls.size() == 1) {
                    // The usual case needs no memory.
                    return calls.get(0).ended() ? null : calls;
                }
                List<Call> others =
                        calls.stream().filter(other -> !other.ended()).toList();
                return others.isEmpty() ? null : others;
            });
        } catch (OutOfMemoryError e) {
            // It stays known, having ended: an answer finds nobody there. Its caller is told all the same.
        } finally {
            free.release();
        }
        return true;
    }

    int inFlight() {
        return most - free.availablePermits();
    }

    ClientCounts counts() {
        return new ClientCounts(
                accepted.get(), answered.get(), failed.get(), timedOut.get(), rejected.get(), unclaimed.get());
    }

    /** Ends all calls, as if their limits were over; accepts none any more. */
    @Override
    public void close() {
        // First: a call that is accepted at this moment is either seen below or sees this.
        closed = true;
        List.copyOf(underWay.values()).forEach(calls -> calls.forEach(this::timeOut));
        alarms.shutdownNow();
        deliveries.close();
    }
}
