package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.streams.RequestClient;
import dev.holdfast.streams.RequestRejectedException;
import dev.holdfast.streams.RequestTimeoutException;
import dev.holdfast.streams.StreamsConfig;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Callers of three clients, with what became of their calls. */
final class StreamLoad implements AutoCloseable {
    private static final int CLIENTS = 3;

    final LatencyHistogram times = new LatencyHistogram();
    final LatencyHistogram rejections = new LatencyHistogram();
    final LongAdder calls = new LongAdder();
    final LongAdder answered = new LongAdder();
    final LongAdder wrong = new LongAdder();
    final LongAdder timedOut = new LongAdder();
    final LongAdder rejected = new LongAdder();
    final AtomicLong longest = new AtomicLong();
    final AtomicLong over = new AtomicLong();
    private final List<RequestClient> clients = new ArrayList<>();
    private final String run = Long.toString(System.nanoTime(), 36);
    private final Duration limit;

    StreamLoad(StreamsConfig config, Duration limit) {
        this.limit = limit;
        for (int i = 0; i < CLIENTS; i++) {
            clients.add(RequestClient.connect(config));
        }
    }

    RequestClient client(int caller) {
        return clients.get(caller % CLIENTS);
    }

    /** So many callers, each with one call after the other, for so long. */
    void closed(int callers, Duration duration) throws InterruptedException {
        long end = System.nanoTime() + duration.toNanos();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            int caller = i;
            Thread thread = new Thread(() -> {
                for (int n = 0; System.nanoTime() - end < 0; n++) {
                    one(caller, run + "-" + caller + "-" + n);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void one(int caller, String id) {
        long start = System.nanoTime();
        calls.increment();
        byte[] payload = id.getBytes(StandardCharsets.US_ASCII);
        try {
            answered(Arrays.equals(payload, client(caller).callAndWait(id, payload, limit)), start);
        } catch (RequestRejectedException e) {
            rejected(start);
            LockSupport.parkNanos(20_000_000);
        } catch (RequestTimeoutException e) {
            timedOut(start);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** So many calls a second for so long, whether or not they are answered; times count from when a call was due. */
    void open(int perSecond, Duration duration) throws InterruptedException {
        long start = System.nanoTime();
        long count = perSecond * duration.toSeconds();
        for (long n = 0; n < count; n++) {
            long due = start + n * 1_000_000_000L / perSecond;
            while (due - System.nanoTime() > 0) {
                LockSupport.parkNanos(due - System.nanoTime());
            }
            send((int) (n % CLIENTS), run + "-" + n, due);
        }
        while (answered.sum() + wrong.sum() + timedOut.sum() + rejected.sum() < calls.sum()) {
            Thread.sleep(5);
        }
    }

    private void send(int caller, String id, long due) {
        calls.increment();
        byte[] payload = id.getBytes(StandardCharsets.US_ASCII);
        long asked = System.nanoTime();
        try {
            var unused = client(caller).call(id, payload, limit).whenComplete((answer, failure) -> {
                Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                if (cause == null) {
                    answered(Arrays.equals(payload, answer), due);
                } else if (cause instanceof RequestRejectedException) {
                    rejected(asked);
                } else {
                    timedOut(asked);
                }
            });
        } catch (RequestRejectedException e) {
            rejected(asked);
        }
    }

    private void answered(boolean right, long start) {
        long nanos = System.nanoTime() - start;
        times.record(nanos);
        longest.accumulateAndGet(nanos, Math::max);
        (right ? answered : wrong).increment();
    }

    private void rejected(long start) {
        rejections.record(System.nanoTime() - start);
        rejected.increment();
    }

    private void timedOut(long start) {
        over.accumulateAndGet(System.nanoTime() - start - limit.toNanos(), Math::max);
        timedOut.increment();
    }

    double p50() {
        return times.snapshot().p50Micros() / 1_000;
    }

    double p99() {
        return times.snapshot().p99Micros() / 1_000;
    }

    long longestMillis() {
        return longest.get() / 1_000_000;
    }

    long errors() {
        return wrong.sum() + timedOut.sum() + rejected.sum();
    }

    long unclaimed() {
        return clients.stream().mapToLong(each -> each.health().unclaimed()).sum();
    }

    @Override
    public void close() {
        clients.forEach(RequestClient::close);
    }
}
