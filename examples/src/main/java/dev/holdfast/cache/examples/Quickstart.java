package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;

/** The twelve lines of the README. Runs with nothing installed; with {@code REDIS_URL} set, the same lines use a Redis. */
public final class Quickstart {
    private Quickstart() {}

    /** Looks a word up twice and computes it once. */
    public static void main(String[] args) {
        // begin
        try (CacheClient client = CacheClient.fromEnvironment()) {
            Cache<String, String> reversed = client.cache("reversed", String.class, String.class);
            String word = "holdfast";
            for (int i = 0; i < 2; i++) {
                String value = reversed.get(word, key -> {
                    System.out.println("computing " + key);
                    return new StringBuilder(key).reverse().toString();
                });
                System.out.println(word + " -> " + value);
            }
            reversed.remove(word);
        }
        // end
    }
}
