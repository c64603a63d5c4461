package dev.holdfast.cache.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.RequestClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Three workers of five terminals, 15 callers with a limit of 20 s, 15 s of calls; after 5 s one worker is killed with work in hand. The same
 * with each peer; a line for each.
 */
final class StreamPeers {
    private static final Duration DURATION = Duration.ofSeconds(15);
    static final Duration LIMIT = Duration.ofSeconds(20);
    private static final long CLAIM_IDLE = 5_000;

    private StreamPeers() {}

    /** One way to have requests answered by workers over Redis. */
    interface Peer {
        /** Begins to answer a request with itself after so many milliseconds, five at a time. */
        void work(String url, long workMillis) throws Exception;

        /** Connects callers. */
        Callers callers(String url) throws Exception;
    }

    /** Sends requests; any exception is a call without an answer. */
    interface Callers extends AutoCloseable {
        String call(String text) throws Exception;

        @Override
        void close();
    }

    static Peer of(String name) {
        return switch (name) {
            case "ours" -> new Ours();
            case "redisson" -> new RedissonRemote();
            case "spring" -> new SpringContainer();
            default -> throw new IllegalArgumentException(name);
        };
    }

    static void measure() throws Exception {
        for (String name : List.of("ours", "redisson", "spring")) {
            try (RedisServer redis = StreamFigures.redis();
                    StreamWorker.Group group = new StreamWorker.Group(name, redis.url(), 3, 150, CLAIM_IDLE);
                    Callers callers = of(name).callers(redis.url())) {
                run(name, group, callers);
            }
        }
    }

    private static void run(String name, StreamWorker.Group group, Callers callers) throws InterruptedException {
        LatencyHistogram times = new LatencyHistogram();
        LongAdder answered = new LongAdder();
        LongAdder lost = new LongAdder();
        AtomicLong longest = new AtomicLong();
        long start = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3 * StreamWorker.TERMINALS; i++) {
            String caller = name + i + "-";
            Thread thread = new Thread(() -> {
                for (int n = 0; System.nanoTime() - start < DURATION.toNanos(); n++) {
                    long begun = System.nanoTime();
                    try {
                        String text = caller + n;
                        (text.equals(callers.call(text)) ? answered : lost).increment();
                        long nanos = System.nanoTime() - begun;
                        times.record(nanos);
                        longest.accumulateAndGet(nanos, Math::max);
                    } catch (Exception e) {
                        lost.increment();
                        LockSupport.parkNanos(20_000_000);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        Thread.sleep(5_000);
        group.kill(1);
        for (Thread thread : threads) {
            thread.join();
        }
        StreamFigures.print(
                "peers: %-8s answered=%d lost=%d p50_ms=%.0f p99_ms=%.0f longest_answered_ms=%d",
                name,
                answered.sum(),
                lost.sum(),
                times.snapshot().p50Micros() / 1_000,
                times.snapshot().p99Micros() / 1_000,
                longest.get() / 1_000_000);
    }

    private static final class Ours implements Peer {
        @Override
        public void work(String url, long workMillis) {
            throw new IllegalStateException("StreamWorker does it");
        }

        @Override
        public Callers callers(String url) {
            RequestClient client = RequestClient.connect(StreamWorker.config(url));
            return new Callers() {
                @Override
                public String call(String text) throws Exception {
                    return new String(client.callAndWait(text, text.getBytes(US_ASCII), LIMIT), US_ASCII);
                }

                @Override
                public void close() {
                    client.close();
                }
            };
        }
    }
}
