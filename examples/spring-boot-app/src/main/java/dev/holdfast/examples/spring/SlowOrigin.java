package dev.holdfast.examples.spring;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;

/** Stands for a database that takes its time. For any number of threads. */
@Component
class SlowOrigin {
    private static final Duration DELAY = Duration.ofMillis(20);

    private final AtomicLong calls = new AtomicLong();

    /** Finds a product; there are none with numbers below 1. */
    @Nullable
    Product find(long id) {
        calls.incrementAndGet();
        try {
            Thread.sleep(DELAY.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
        return id < 1 ? null : new Product(id, "Product " + id, id * 100);
    }

    long calls() {
        return calls.get();
    }
}
