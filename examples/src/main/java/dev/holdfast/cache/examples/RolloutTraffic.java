package dev.holdfast.cache.examples;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Requests for accounts, each account as likely as any other, in an order that is the same in every run, at a steady rate that a slow machine may fall
 * behind. Of an account asked for before a cache has the answer: after n requests for N accounts a share of 1 - e^(-n/N) of them.
 */
final class RolloutTraffic {
    private static final int WORKERS = 16;

    private final int accounts;
    private final SplittableRandom random = new SplittableRandom(1);

    RolloutTraffic(int accounts) {
        this.accounts = accounts;
    }

    /** What answers a request. */
    interface Handler {
        String handle(String account) throws Exception;
    }

    /**
     * What was seen of some requests.
     *
     * @param times how long they took
     * @param errors how many had no answer, or a wrong one
     */
    record Seen(Latency times, long errors) {}

    /** The right answer for an account. */
    static String answerOf(String account) {
        return "https://" + account + ".example/hook";
    }

    /** Sends so many requests, one after the other at this interval, to as many workers as are free, and waits for the last answer. */
    Seen run(Handler handler, int requests, Duration interval) {
        List<String> order = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            order.add("account-" + random.nextInt(accounts));
        }
        LatencyHistogram times = new LatencyHistogram();
        LongAdder errors = new LongAdder();
        AtomicInteger next = new AtomicInteger();
        long begin = System.nanoTime();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            Thread worker = new Thread(
                    () -> {
                        for (int at = next.getAndIncrement(); at < requests; at = next.getAndIncrement()) {
                            Pause.until(begin + at * interval.toNanos());
                            ask(handler, order.get(at), times, errors);
                        }
                    },
                    "rollout-" + i);
            workers.add(worker);
            worker.start();
        }
        workers.forEach(RolloutTraffic::join);
        return new Seen(times.snapshot(), errors.sum());
    }

    private static void ask(Handler handler, String account, LatencyHistogram times, LongAdder errors) {
        long start = System.nanoTime();
        try {
            if (!handler.handle(account).equals(answerOf(account))) {
                errors.increment();
            }
        } catch (Exception e) {
            errors.increment();
        }
        times.record(System.nanoTime() - start);
    }

    private static void join(Thread worker) {
        try {
            worker.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
