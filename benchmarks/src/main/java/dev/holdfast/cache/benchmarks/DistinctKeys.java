package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;

/**
 * A fresh JVM with a small heap loads many keys, each once, through one cache over memory; prints the heap in MB that is reachable
 * after that, beyond what was before. What a load leaves behind would show: a flight, a lease, a stamp, a pause.
 */
final class DistinctKeys {
    private DistinctKeys() {}

    public static void main(String[] arguments) throws InterruptedException {
        int keys = Integer.getInteger("keys", 1_000_000);
        double before = Idle.heap();
        try (CacheClient client = CacheClient.fromEnvironment()) {
            Cache<String, String> cache =
                    client.cache("distinct", String.class, String.class).build();
            for (int i = 0; i < keys; i++) {
                String key = "key:" + i;
                if (!key.equals(cache.get(key, missing -> missing))) {
                    throw new WrongAnswerException("expected " + key);
                }
            }
            System.out.println(Idle.heap() - before);
            System.out.println(cache.stats().loads());
        }
    }
}
