package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServerlessTest {
    @Test
    void theFunctionAnswersFromADatabaseOverHttp() {
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "t")) {
            Map<String, String> settings =
                    Map.of("UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", "t");

            List<String> answers = Serverless.serve(Settings.of(settings));

            assertEquals(3, answers.size());
            assertEquals(1, answers.stream().distinct().count());
            assertEquals(1L, redis.command("EXISTS", "#:served"), "the counter stands in the database");
        }
    }
}
