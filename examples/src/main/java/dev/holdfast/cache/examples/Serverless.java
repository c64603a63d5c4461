package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A function that keeps its results in an Upstash database, reached over HTTPS alone. With {@code UPSTASH_REDIS_REST_URL}
 * and {@code UPSTASH_REDIS_REST_TOKEN} set it uses that database; without, a gateway on this machine that speaks the same
 * interface, so that it can be tried without an account.
 */
public final class Serverless {
    private static final String URL = "UPSTASH_REDIS_REST_URL";
    private static final String TOKEN = "UPSTASH_REDIS_REST_TOKEN";

    private Serverless() {}

    /** Answers three requests for a quote, one of them from its source. */
    public static void main(String[] args) {
        Settings environment = Settings.environment();
        if (environment.isSet(URL)) {
            System.out.println("using the database of " + URL);
            serve(environment);
            return;
        }
        System.out.println(URL + " is not set: using a gateway on this machine");
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "local-token")) {
            Map<String, String> settings = new HashMap<>();
            settings.put(URL, gateway.url());
            settings.put(TOKEN, "local-token");
            serve(Settings.of(settings));
        }
    }

    /** The function itself: the same lines, whatever stands behind the settings. */
    static List<String> serve(Settings settings) {
        try (CacheClient client = CacheClient.from(settings)) {
            Cache<String, String> quotes =
                    client.cache("quotes", String.class, String.class).build();
            quotes.remove("sea");
            List<String> answers = List.of(answer(quotes), answer(quotes), answer(quotes));
            long served =
                    client.counter("served").ttl(Duration.ofHours(1)).build().increment(answers.size());
            System.out.println("answered by " + client.health().type() + ", " + served + " requests in this hour");
            return answers;
        }
    }

    private static String answer(Cache<String, String> quotes) {
        long start = System.nanoTime();
        String quote = String.valueOf(quotes.get("sea", Serverless::quoteFromItsSource));
        System.out.printf(Locale.ROOT, "%6.1f ms  %s%n", (System.nanoTime() - start) / 1e6, quote);
        return quote;
    }

    private static String quoteFromItsSource(String subject) {
        System.out.println("           asking the source about the " + subject);
        return "The " + subject + " refuses no river.";
    }
}
