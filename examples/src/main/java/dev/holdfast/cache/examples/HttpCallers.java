package dev.holdfast.cache.examples;

import dev.holdfast.cache.LatencyHistogram;
import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Callers of the ingresses: each sends a request, waits for its answer, checks it, and sends the next. */
final class HttpCallers implements AutoCloseable {
    private final List<URI> targets;
    private final List<Thread> threads = new ArrayList<>();
    private final LongAdder begun = new LongAdder();
    private final LongAdder answered = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final AtomicLong longest = new AtomicLong();
    private final LatencyHistogram all = new LatencyHistogram();
    private volatile LatencyHistogram second = new LatencyHistogram();
    private volatile boolean stop;

    HttpCallers(List<URI> targets, int count) {
        this.targets = targets;
        for (int i = 0; i < count; i++) {
            int caller = i;
            Thread thread = new Thread(() -> run(caller), "caller-" + i);
            threads.add(thread);
            thread.start();
        }
    }

    private void run(int caller) {
        URI target = targets.get(caller % targets.size());
        for (int n = 0; !stop; n++) {
            String text = caller + "-" + n;
            long start = System.nanoTime();
            begun.increment();
            try {
                if (ask(target, text).equals("done: " + text)) {
                    answered.increment();
                } else {
                    errors.increment();
                }
            } catch (IOException e) {
                errors.increment();
            }
            long nanos = System.nanoTime() - start;
            all.record(nanos);
            second.record(nanos);
            longest.accumulateAndGet(nanos, Math::max);
        }
    }

    private static String ask(URI target, String text) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) target.toURL().openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setConnectTimeout(5_000);
        connection.setReadTimeout(30_000);
        try (OutputStream out = connection.getOutputStream()) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    LatencyHistogram all() {
        return all;
    }

    /** The times since it was last called. */
    LatencyHistogram takeSecond() {
        LatencyHistogram taken = second;
        second = new LatencyHistogram();
        return taken;
    }

    long answered() {
        return answered.sum();
    }

    long errors() {
        return errors.sum();
    }

    long begun() {
        return begun.sum();
    }

    long longestMillis() {
        return longest.get() / 1_000_000;
    }

    /** Lets each finish its call. */
    @Override
    public void close() {
        stop = true;
        for (Thread thread : threads) {
            try {
                thread.join(40_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
