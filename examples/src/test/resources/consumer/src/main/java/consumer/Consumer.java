package consumer;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;

public final class Consumer {
    private Consumer() {}

    public static String greeting() {
        try (CacheClient client = CacheClient.fromEnvironment()) {
            Cache<String, String> cache = client.cache("greetings", String.class, String.class).build();
            cache.get("en", key -> "hello");
            String type = client.health().type();
            return cache.get("en") + " from " + type + ", named module: " + CacheClient.class.getModule().isNamed();
        }
    }

    public static void main(String[] args) {
        System.out.println(greeting());
    }
}
