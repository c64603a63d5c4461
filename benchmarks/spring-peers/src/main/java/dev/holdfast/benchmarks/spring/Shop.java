package dev.holdfast.benchmarks.spring;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A service whose methods are cached, by whichever annotations. */
public interface Shop {

    /** Finds a product; there are none with numbers below 1. */
    @Nullable
    Product find(long id);

    /** Finds words, in the cache where products are. */
    List<String> words(long id);

    /** Forgets a product. */
    void changed(long id);

    /** What is behind every cache. */
    final class Origin {
        static final AtomicLong CALLS = new AtomicLong();

        private Origin() {}

        static @Nullable Product product(long id) {
            CALLS.incrementAndGet();
            return id < 1 ? null : new Product(id, "Product " + id);
        }

        static List<String> words(long id) {
            CALLS.incrementAndGet();
            return new ArrayList<>(List.of("word " + id));
        }
    }
}
