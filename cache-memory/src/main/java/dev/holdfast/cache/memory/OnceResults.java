package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What increments came to that have a name, of which each is made once. For any number of threads. */
final class OnceResults {
    /** How many names are remembered. */
    static final int MOST = 1_024;

    private static final Duration TTL = Duration.ofHours(1);

    private final Ticker clock;
    /** By key and name; made by the first that needs it. No record is a key: on Java 17 its equals leaves its class loader in a cache of the JDK's. */
    private @Nullable Cache<List<String>, Long> results;

    OnceResults(Ticker clock) {
        this.clock = clock;
    }

    /** The result of the increment of a key that has this name, made unless it was before. */
    synchronized long of(String key, String id, LongSupplier increment) {
        Cache<List<String>, Long> known = results;
        if (known == null) {
            known = Caffeine.newBuilder()
                    .maximumSize(MOST)
                    .expireAfterWrite(TTL)
                    .ticker(clock)
                    .build();
            results = known;
        }
        List<String> name = List.of(key, id);
        Long earlier = known.getIfPresent(name);
        if (earlier != null) {
            return earlier;
        }
        long result = increment.getAsLong();
        known.put(name, result);
        return result;
    }

    synchronized void clear() {
        results = null;
    }
}
