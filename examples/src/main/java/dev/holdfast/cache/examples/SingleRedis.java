package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import java.util.Objects;

/** One Redis, whose append-only file survives a kill. */
class SingleRedis implements DemoServers {
    final RedisServer redis =
            RedisServer.builder().persistence(RedisServer.Persistence.AOF).start();

    @Override
    public Settings settings() {
        return Settings.of(Map.of("REDIS_URL", redis.url()));
    }

    @Override
    public String type() {
        return "single";
    }

    @Override
    public void kill() {
        redis.kill();
    }

    @Override
    public void restart() {
        redis.restart(RedisServer.Data.KEEP);
    }

    @Override
    public long entries() {
        return (long) Objects.requireNonNull(redis.command("DBSIZE"));
    }

    @Override
    public boolean holds(String key) {
        return Objects.equals(redis.command("EXISTS", key), 1L);
    }

    @Override
    public void close() {
        redis.close();
    }
}
