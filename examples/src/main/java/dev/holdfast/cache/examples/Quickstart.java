package dev.holdfast.cache.examples;

import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.client.CacheClient;

/** The ten lines of the README. Runs with nothing installed; with {@code REDIS_URL} set, the same lines use a Redis. */
public final class Quickstart {
    private Quickstart() {}

    /** Looks a word up twice and computes it once. */
    public static void main(String[] args) {
        // begin
        try (CacheClient client = CacheClient.fromEnvironment()) {
            LoadingCache<String, String> reversed = client.cache("reversed", String.class, String.class)
                    .build(word -> {
                        System.out.println("computing " + word);
                        return new StringBuilder(word).reverse().toString();
                    });
            System.out.println("holdfast -> " + reversed.get("holdfast"));
            System.out.println("holdfast -> " + reversed.get("holdfast"));
            reversed.remove("holdfast");
        }
        // end
    }
}
