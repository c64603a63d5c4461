package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.util.Map;

/**
 * A Redis, and an Upstash database for the time when it is gone, played by a gateway to another Redis. That dies too, while the
 * first is away.
 */
final class TwoRemotes extends SingleRedis {
    private static final int DATABASE_DIES = 7;
    private static final String TOKEN = "local-token";

    private final RedisServer database =
            RedisServer.builder().persistence(RedisServer.Persistence.AOF).start();
    private final UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + database.port(), TOKEN);

    @Override
    public Settings settings() {
        return Settings.of(Map.of(
                "REDIS_URL", redis.url(), "UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", TOKEN));
    }

    @Override
    public String tiers() {
        return "single > upstash > memory";
    }

    @Override
    public String also(int second) {
        if (second != DATABASE_DIES) {
            return "";
        }
        database.kill();
        return "the Upstash database is gone too";
    }

    @Override
    public void restart() {
        database.restart(RedisServer.Data.KEEP);
        super.restart();
    }

    @Override
    public void close() {
        gateway.close();
        database.close();
        super.close();
    }
}
