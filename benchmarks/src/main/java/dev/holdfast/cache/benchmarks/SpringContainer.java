package dev.holdfast.cache.benchmarks;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.connection.stream.Consumer;
import org.springframework.data.redis.connection.stream.MapRecord;
import org.springframework.data.redis.connection.stream.ReadOffset;
import org.springframework.data.redis.connection.stream.StreamOffset;
import org.springframework.data.redis.connection.stream.StreamRecords;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.stream.StreamMessageListenerContainer;
import org.springframework.data.redis.stream.StreamMessageListenerContainer.StreamMessageListenerContainerOptions;

/**
 * Spring Data Redis' stream container, five subscriptions of one group in a worker, as its manual shows it: the listener adds the reply to the caller's
 * stream and acknowledges. The request/reply around it is ours, since Spring has none.
 */
final class SpringContainer implements StreamPeers.Peer {
    private static final String REQUESTS = "peers:requests";
    private static final String GROUP = "workers";

    private static LettuceConnectionFactory factory(String url) {
        URI uri = URI.create(url);
        LettuceConnectionFactory factory = new LettuceConnectionFactory(uri.getHost(), uri.getPort());
        factory.afterPropertiesSet();
        factory.start();
        return factory;
    }

    private static StreamMessageListenerContainer<String, MapRecord<String, String, String>> container(
            LettuceConnectionFactory factory) {
        return StreamMessageListenerContainer.create(
                factory,
                StreamMessageListenerContainerOptions.builder()
                        .batchSize(1)
                        .pollTimeout(Duration.ofMillis(500))
                        .build());
    }

    private static void makeGroup(StringRedisTemplate redis) {
        try {
            var unused = redis.opsForStream().createGroup(REQUESTS, ReadOffset.from("0"), GROUP);
        } catch (RuntimeException e) {
            // Another worker has made it.
        }
    }

    @Override
    public void work(String url, long workMillis) {
        LettuceConnectionFactory factory = factory(url);
        StringRedisTemplate redis = new StringRedisTemplate(factory);
        makeGroup(redis);
        var container = container(factory);
        for (int i = 0; i < StreamWorker.TERMINALS; i++) {
            String name = UUID.randomUUID().toString();
            var unused = container.receive(
                    Consumer.from(GROUP, name),
                    StreamOffset.create(REQUESTS, ReadOffset.lastConsumed()),
                    request -> answer(redis, request, workMillis));
        }
        container.start();
    }

    private static void answer(StringRedisTemplate redis, MapRecord<String, String, String> request, long workMillis) {
        try {
            Thread.sleep(workMillis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        Map<String, String> fields = request.getValue();
        var reply = StreamRecords.mapBacked(
                        Map.of("id", fields.getOrDefault("id", ""), "text", fields.getOrDefault("text", "")))
                .withStreamKey(fields.getOrDefault("replies", ""));
        var unusedId = redis.opsForStream().add(reply);
        var unusedCount = redis.opsForStream().acknowledge(GROUP, request);
    }

    @Override
    public StreamPeers.Callers callers(String url) {
        LettuceConnectionFactory factory = factory(url);
        StringRedisTemplate redis = new StringRedisTemplate(factory);
        makeGroup(redis);
        String replies = "peers:replies:" + UUID.randomUUID();
        Map<String, CompletableFuture<String>> waiting = new ConcurrentHashMap<>();
        var container = container(factory);
        var unused = container.receive(StreamOffset.fromStart(replies), reply -> {
            CompletableFuture<String> future = waiting.remove(reply.getValue().get("id"));
            if (future != null) {
                future.complete(reply.getValue().get("text"));
            }
        });
        container.start();
        return new StreamPeers.Callers() {
            @Override
            public String call(String text) throws Exception {
                CompletableFuture<String> future = new CompletableFuture<>();
                String id = UUID.randomUUID().toString();
                waiting.put(id, future);
                var request = StreamRecords.mapBacked(Map.of("id", id, "text", text, "replies", replies))
                        .withStreamKey(REQUESTS);
                var unusedId = redis.opsForStream().add(request);
                return future.get(StreamPeers.LIMIT.toSeconds(), TimeUnit.SECONDS);
            }

            @Override
            public void close() {
                container.stop();
                factory.destroy();
            }
        };
    }
}
