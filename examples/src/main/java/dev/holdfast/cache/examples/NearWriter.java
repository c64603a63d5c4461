package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The other process of {@link NearDemo}: it writes numbers, each key's one after the other, and says when each was acknowledged. */
final class NearWriter {
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private NearWriter() {}

    /** Arguments: the server's URL, how many keys, how many seconds. Prints {@code key version micros} for each write. */
    public static void main(String[] args) {
        int keys = Integer.parseInt(args[1]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[2]));
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", args[0])))) {
            Cache<String, Long> cache = client.cache(NearDemo.CACHE, String.class, Long.class)
                    .ttl(Duration.ofMinutes(5))
                    .serversOnly()
                    .build();
            long next = System.nanoTime();
            for (long version = 1; System.nanoTime() - end < 0; version++) {
                for (int key = 0; key < keys; key++) {
                    if (isPut(cache, NearDemo.key(key), version)) {
                        System.out.println(key + " " + version + ' ' + micros());
                    }
                    next += PAUSE_NANOS;
                    Pause.until(next);
                }
            }
        }
    }

    private static boolean isPut(Cache<String, Long> cache, String key, long version) {
        try {
            cache.put(key, version);
            return true;
        } catch (CacheUnavailableException e) {
            return false; // as on a machine that is too busy
        }
    }

    /** The time, by the clock that the processes of one machine share. */
    static long micros() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toMicros(now.getEpochSecond()) + now.getNano() / 1_000;
    }
}
