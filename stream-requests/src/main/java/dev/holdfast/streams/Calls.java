package dev.holdfast.streams;

import dev.holdfast.cache.IsolatedThreads;
import dev.holdfast.streams.RequestRejectedException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The calls under way in a client, by id: how many there may be, when each gives up, and how it ends. Futures that callers hold are
 * completed on threads of their own, since a caller may have put anything behind them. For any number of threads.
 */
final class Calls implements AutoCloseable {
    private static final long UNSENT_BYTES = 64L << 20;

    private final int most;
    private final long mostUnsent;
    private final Semaphore free;
    private final AtomicLong unsent = new AtomicLong();
    private final Map<String, List<Call>> underWay = new ConcurrentHashMap<>();
    private final ScheduledThreadPoolExecutor alarms;
    private final ExecutorService completions;
    private final LongAdder accepted = new LongAdder();
    private final LongAdder answered = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder timedOut = new LongAdder();
    private final LongAdder rejected = new LongAdder();
    private final LongAdder unclaimed = new LongAdder();

    Calls(StreamsConfig config) {
        this.most = config.maxInFlight();
        this.mostUnsent = Math.max(UNSENT_BYTES, config.maxPayloadBytes());
        this.free = new Semaphore(most);
        this.alarms = new ScheduledThreadPoolExecutor(1, IsolatedThreads.platform("holdfast-requests-alarm"));
        alarms.setRemoveOnCancelPolicy(true);
        this.completions = new ThreadPoolExecutor(
                0,
                Integer.MAX_VALUE,
                1,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                IsolatedThreads.virtual("holdfast-requests-answer")
                        .orElseGet(() -> IsolatedThreads.platform("holdfast-requests-answer")));
    }

    /**
     * Takes a call in.
     *
     * @throws RequestRejectedException if there are too many
     */
    void accept(Call call) {
        if (!free.tryAcquire()) {
            throw refusal(most + " calls are under way already", null, Reason.IN_FLIGHT);
        }
        if (unsent.addAndGet(call.size()) > mostUnsent) {
            unsent.addAndGet(-call.size());
            free.release();
            throw refusal(mostUnsent + " bytes wait to be sent already", null, Reason.IN_FLIGHT);
        }
        accepted.increment();
        underWay.merge(call.id(), List.of(call), Calls::both);
        boolean set = false;
        try {
            call.alarm(alarms.schedule(() -> timeOut(call), call.limit().toNanos(), TimeUnit.NANOSECONDS));
            set = true;
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("the client is closed", e);
        } finally {
            if (!set) {
                end(call);
            }
        }
        if (!call.direct()) {
            // Its caller may complete or cancel it too.
            var unused = call.future().whenComplete((answer, failure) -> end(call));
        }
    }

    private static List<Call> both(List<Call> before, List<Call> added) {
        List<Call> all = new ArrayList<>(before);
        all.addAll(added);
        return List.copyOf(all);
    }

    /** Makes the exception for a call that is not taken, and counts it. */
    RequestRejectedException refusal(String why, @Nullable Throwable cause, Reason reason) {
        rejected.increment();
        return new RequestRejectedException("rejected: " + why, cause, reason);
    }

    /** Takes the payload of a call that is sent now; {@code null} if the call has ended or was sent. */
    byte @Nullable [] payloadOf(Call call) {
        byte[] payload = call.takePayload();
        if (payload != null) {
            unsent.addAndGet(-payload.length);
        }
        return call.ended() ? null : payload;
    }

    /** Hands an answer to all who wait for it. */
    void answer(String id, Answer answer) {
        List<Call> waiting = underWay.get(id);
        if (waiting == null) {
            unclaimed.increment();
            return;
        }
        for (Call call : waiting) {
            if (end(call)) {
                answered.increment();
                if (answer.failed()) {
                    failed.increment();
                    deliver(call, null, new RequestFailedException(answer.reason()));
                } else {
                    deliver(call, answer.payload(), null);
                }
            }
        }
    }

    /** Ends a call that was not queued. */
    void reject(Call call, String why, @Nullable Throwable cause, Reason reason) {
        if (end(call)) {
            accepted.decrement();
            deliver(call, null, refusal(why, cause, reason));
        }
    }

    private void timeOut(Call call) {
        // Made first: without memory for it the call has not ended.
        RequestTimeoutException failure = new RequestTimeoutException(call.id(), call.limit());
        if (end(call)) {
            timedOut.increment();
            deliver(call, null, failure);
        }
    }

    /** Ends a call whose caller has left. */
    void abandon(Call call) {
        end(call);
    }

    private boolean end(Call call) {
        if (!call.end()) {
            return false;
        }
        payloadOf(call);
        underWay.computeIfPresent(call.id(), (id, calls) -> {
            List<Call> others = calls.stream().filter(other -> other != call).toList();
            return others.isEmpty() ? null : others;
        });
        free.release();
        return true;
    }

    private void deliver(Call call, byte @Nullable [] answer, @Nullable RequestException failure) {
        if (call.direct()) {
            complete(call, answer, failure);
            return;
        }
        try {
            completions.execute(() -> complete(call, answer, failure));
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            complete(call, answer, failure);
        }
    }

    private static void complete(Call call, byte @Nullable [] answer, @Nullable RequestException failure) {
        if (failure != null) {
            call.future().completeExceptionally(failure);
        } else {
            call.future().complete(answer);
        }
    }

    int inFlight() {
        return most - free.availablePermits();
    }

    ClientCounts counts() {
        return new ClientCounts(
                accepted.sum(), answered.sum(), failed.sum(), timedOut.sum(), rejected.sum(), unclaimed.sum());
    }

    /** Ends all calls, as if their limits were over. */
    @Override
    public void close() {
        List.copyOf(underWay.values()).forEach(calls -> calls.forEach(this::timeOut));
        alarms.shutdownNow();
        completions.shutdown();
    }
}
