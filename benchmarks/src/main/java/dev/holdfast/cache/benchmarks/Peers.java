package dev.holdfast.cache.benchmarks;

import glide.api.GlideClient;
import glide.api.models.GlideString;
import glide.api.models.configuration.GlideClientConfiguration;
import glide.api.models.configuration.NodeAddress;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.ByteArrayCodec;
import org.redisson.config.Config;
import redis.clients.jedis.ConnectionPoolConfig;

/** The clients that others wrote, set up as their users do, on one server. Closes what it opened. */
final class Peers implements AutoCloseable {
    static final RedisCodec<String, byte[]> LETTUCE_CODEC =
            RedisCodec.of(StringCodec.UTF8, io.lettuce.core.codec.ByteArrayCodec.INSTANCE);
    static final int BATCH = 16;

    private final String host;
    private final int port;
    private final Entries entries;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    Peers(String host, int port, Entries entries) {
        this.host = host;
        this.port = port;
        this.entries = entries;
    }

    private <T extends AutoCloseable> T opened(T resource) {
        open.push(resource);
        return resource;
    }

    private redis.clients.jedis.RedisClient jedisClient(int pool) {
        ConnectionPoolConfig config = new ConnectionPoolConfig();
        config.setMaxTotal(pool);
        config.setMaxIdle(pool);
        // Without a limit its waiters spin when the server hangs.
        config.setMaxWait(Duration.ofSeconds(10));
        config.setJmxEnabled(false);
        return opened(redis.clients.jedis.RedisClient.builder()
                .hostAndPort(host, port)
                .poolConfig(config)
                .build());
    }

    Load.Call jedis(int pool) {
        redis.clients.jedis.RedisClient jedis = jedisClient(pool);
        return index -> entries.require(index, jedis.get(entries.keyBytes(index)));
    }

    Load.Call jedisMget(int pool, int some) {
        redis.clients.jedis.RedisClient jedis = jedisClient(pool);
        return index -> {
            byte[][] keys = new byte[some][];
            for (int i = 0; i < some; i++) {
                keys[i] = entries.keyBytes((index + i) % entries.count());
            }
            entries.require(index, jedis.mget(keys));
        };
    }

    private StatefulRedisConnection<String, byte[]> lettuceConnection() {
        RedisClient client = RedisClient.create(RedisURI.create(host, port));
        opened(() -> client.shutdown(Duration.ZERO, Duration.ofSeconds(2)));
        return client.connect(LETTUCE_CODEC);
    }

    Load.Call lettuce() {
        var commands = lettuceConnection().sync();
        return index -> entries.require(index, commands.get(entries.key(index)));
    }

    Load.Call lettuceMget(int some) {
        var commands = lettuceConnection().sync();
        return index -> {
            List<byte[]> values = new ArrayList<>(some);
            String[] keys = entries.keys(index, some).toArray(String[]::new);
            for (KeyValue<String, byte[]> each : commands.mget(keys)) {
                values.add(each.getValue());
            }
            entries.require(index, values);
        };
    }

    /** {@value #BATCH} calls at once, then their answers: what callers get who give up blocking. */
    Load.Call lettuceAsync() {
        RedisAsyncCommands<String, byte[]> commands = lettuceConnection().async();
        return index -> {
            List<Future<byte[]>> answers = new ArrayList<>(BATCH);
            for (int i = 0; i < BATCH; i++) {
                answers.add(commands.get(entries.key((index + i) % entries.count())));
            }
            for (int i = 0; i < BATCH; i++) {
                entries.require((index + i) % entries.count(), answers.get(i).get());
            }
        };
    }

    Load.Call redisson() {
        Config config = new Config();
        config.useSingleServer().setAddress("redis://" + host + ':' + port);
        RedissonClient client = Redisson.create(config);
        opened(client::shutdown);
        return index -> entries.require(
                index,
                client.<byte[]>getBucket(entries.key(index), ByteArrayCodec.INSTANCE)
                        .get());
    }

    /** {@code null}, with the reason on the console, where its native library does not start. */
    Load.@Nullable Call glide() {
        try {
            GlideClient client = opened(GlideClient.createClient(GlideClientConfiguration.builder()
                            .address(NodeAddress.builder().host(host).port(port).build())
                            .requestTimeout(10_000)
                            .build())
                    .get());
            return index -> {
                GlideString value =
                        client.get(GlideString.of(entries.key(index))).get();
                entries.require(index, value == null ? null : value.getBytes());
            };
        } catch (Exception | LinkageError e) {
            Report.say("Valkey GLIDE does not start on this machine: %s", Objects.toString(e.getCause(), e.toString()));
            return null;
        }
    }

    @Override
    public void close() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                Report.say("a client does not close: %s", e);
            }
        }
    }
}
