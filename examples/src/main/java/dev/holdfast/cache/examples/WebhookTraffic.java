package dev.holdfast.cache.examples;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Eight workers that call a handler for a while, each again when it has its answer, and what they saw. */
final class WebhookTraffic {
    private static final int WORKERS = 8;
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(2);

    private final Handler handler;
    private final List<String> accounts;
    private final long limit;
    private final LatencyHistogram times = new LatencyHistogram();
    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);
    private final LongAdder late = new LongAdder();
    private final LongAdder deferred = new LongAdder();
    private final LongAdder failed = new LongAdder();

    /** The answer of a handler that does not know yet: the event is kept and sent later. */
    static final String LATER = "later";

    /** What answers a request. */
    @FunctionalInterface
    interface Handler {
        /** Returns where the account's events go, {@link WebhookTraffic#LATER} if that is not known in time; throws if it can't answer. */
        String handle(String account) throws Exception;
    }

    /**
     * What the workers saw.
     *
     * @param times of all requests, failed ones included
     * @param longestMillis the longest of them
     * @param late how many took longer than the limit
     * @param deferred how many were answered with {@link #LATER}
     * @param failed how many had no answer
     */
    record Seen(Latency times, double longestMillis, long late, long deferred, long failed) {
        /** How many of a thousand took longer than the limit. */
        double latePerThousand() {
            return times.count() == 0 ? 0 : 1_000.0 * late / times.count();
        }
    }

    private WebhookTraffic(Handler handler, List<String> accounts, Duration limit) {
        this.handler = handler;
        this.accounts = accounts;
        this.limit = limit.toNanos();
    }

    /** Runs the workers and waits for the last answer. */
    static Seen run(Handler handler, List<String> accounts, Duration limit, Duration duration) {
        return new WebhookTraffic(handler, accounts, limit).run(duration);
    }

    private Seen run(Duration duration) {
        long begin = System.nanoTime();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            SplittableRandom random = new SplittableRandom(i);
            Thread worker = new Thread(() -> work(random, begin, duration.toNanos()), "webhook-" + i);
            workers.add(worker);
            worker.start();
        }
        workers.forEach(WebhookTraffic::join);
        return new Seen(times.snapshot(), longest.get() / 1e6, late.sum(), deferred.sum(), failed.sum());
    }

    private void work(SplittableRandom random, long begin, long nanos) {
        while (System.nanoTime() - begin < nanos) {
            request(accounts.get(random.nextInt(accounts.size())));
            LockSupport.parkNanos(PAUSE);
        }
    }

    private void request(String account) {
        long start = System.nanoTime();
        try {
            if (handler.handle(account).equals(LATER)) {
                deferred.increment();
            }
        } catch (Exception e) {
            failed.increment();
        }
        long took = System.nanoTime() - start;
        times.record(took);
        longest.accumulate(took);
        if (took > limit) {
            late.increment();
        }
    }

    private static void join(Thread worker) {
        try {
            worker.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
