package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;

/** A fresh JVM that opens a client from its environment, asks it once, and prints how many milliseconds that took. */
final class Started {
    private Started() {}

    public static void main(String[] arguments) {
        long start = System.nanoTime();
        try (CacheClient client = CacheClient.fromEnvironment()) {
            Cache<String, String> cache =
                    client.cache("start", String.class, String.class).build();
            String answer = cache.get("key", key -> "value");
            long took = System.nanoTime() - start;
            if (!"value".equals(answer)) {
                throw new WrongAnswerException("expected value and got " + answer);
            }
            System.out.println(took / 1e6);
        }
    }
}
