package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StreamsConfigTest {

    @Test
    void aUrlSaysWhereAndWhoWithoutShowingIt() {
        StreamsConfig config = StreamsConfig.single("rediss://me:s%40cret@[::1]:7000/3");
        assertEquals(List.of(new ServerAddress("::1", 7000)), config.servers());
        assertEquals("me", config.username());
        assertEquals("s@cret", config.password().reveal());
        assertEquals(3, config.database());
        assertNotNull(config.tls());
        assertEquals("StreamsConfig[rediss://[::1]:7000/3, rr]", config.toString());
        StreamsConfig plain = StreamsConfig.single("redis://redis");
        assertEquals(List.of(new ServerAddress("redis", 6379)), plain.servers());
        assertNull(plain.tls());
        assertNull(plain.password());
    }

    @Test
    void aMalformedUrlIsRefusedWithoutItsSecret() {
        for (String url :
                List.of("", "http://x", "redis://", "redis://:s3cret@", "redis://:s3cret@h:0", "redis://h/x y")) {
            IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> StreamsConfig.single(url), url);
            assertFalse(refused.getMessage().contains("s3cret"), refused.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> StreamsConfig.cluster(List.of()));
        assertThrows(IllegalArgumentException.class, () -> StreamsConfig.cluster(List.of("host")));
    }

    @Test
    void noValueOutOfItsRangeCanExist() {
        StreamsConfig config = StreamsConfig.single("redis://h");
        assertEquals(
                "claimIdle must be from PT0.1S to PT24H: PT0.099S",
                assertThrows(IllegalArgumentException.class, () -> config.withClaimIdle(Duration.ofMillis(99)))
                        .getMessage());
        assertEquals(
                "maxDeliveries must be from 1 to 1000: 0",
                assertThrows(IllegalArgumentException.class, () -> config.withMaxDeliveries(0))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> config.withName("a{b}"));
        assertThrows(IllegalArgumentException.class, () -> config.withName(""));
        assertThrows(IllegalArgumentException.class, () -> config.withPartitions(0));
        assertThrows(IllegalArgumentException.class, () -> config.withMaxPayloadBytes(0));
        assertThrows(NullPointerException.class, () -> config.withReplyWindow(null));
        assertThrows(IllegalArgumentException.class, () -> RequestServer.start(config, 0, Request::payload));
    }

    @Test
    void settingsAreReadByTheNamesTheCacheHasThemUnder() {
        StreamsConfig config = StreamsConfig.from(Settings.of(Map.of(
                "REDIS_HOST", "redis",
                "REDIS_PORT", "7000",
                "REDIS_PASSWORD", "p",
                "STREAMS_NAME", "orders",
                "STREAMS_CLAIM_IDLE", "5000",
                "STREAMS_MAX_QUEUE_LENGTH", "77")));
        assertEquals(List.of(new ServerAddress("redis", 7000)), config.servers());
        assertEquals("p", config.password().reveal());
        assertEquals("orders", config.name());
        assertEquals(Duration.ofSeconds(5), config.claimIdle());
        assertEquals(77, config.maxQueueLength());
        StreamsConfig cluster = StreamsConfig.from(Settings.of(
                Map.of("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", "a:1,b:2", "STREAMS_PARTITIONS", "8")));
        assertTrue(cluster.clustered());
        assertEquals(8, cluster.partitions());
        assertThrows(CacheConfigException.class, () -> StreamsConfig.from(Settings.of(Map.of())));
        // Kubernetes sets that for a Service called redis.
        StreamsConfig linked =
                StreamsConfig.from(Settings.of(Map.of("REDIS_HOST", "h", "REDIS_PORT", "tcp://1.2.3.4:6379")));
        assertEquals(List.of(new ServerAddress("h", 6379)), linked.servers());
        String message = assertThrows(
                        CacheConfigException.class,
                        () -> StreamsConfig.from(Settings.of(Map.of("REDIS_HOST", "h", "REDIS_PORT", "many"))))
                .getMessage();
        assertTrue(message.startsWith("REDIS_PORT is"), message);
    }

    @Test
    void aValueOutOfItsRangeIsRefusedByTheNameOfItsVariable() {
        for (Map.Entry<String, String> bad : Map.of(
                        "STREAMS_NAME", "a b",
                        "STREAMS_CLAIM_IDLE", "50",
                        "STREAMS_REPLY_WINDOW", "2d",
                        "STREAMS_GRACE", "2d",
                        "REDIS_CONNECT_TIMEOUT", "2h",
                        "REDIS_COMMAND_TIMEOUT", "2h")
                .entrySet()) {
            Settings settings = Settings.of(Map.of("REDIS_HOST", "h", bad.getKey(), bad.getValue()));
            String message = assertThrows(CacheConfigException.class, () -> StreamsConfig.from(settings), bad.getKey())
                    .getMessage();
            assertTrue(message.startsWith(bad.getKey() + ": "), message);
            assertTrue(message.contains(" must be "), message);
        }
    }

    @Test
    void theKeysOfAnIdAreInOneSlotAndItsPartitionIsAlwaysTheSame() {
        Keys keys = new Keys(StreamsConfig.single("redis://h").withName("n").withPartitions(4));
        for (int i = 0; i < 100; i++) {
            String id = "}{id" + i;
            int partition = keys.partitionOf(id);
            String tag = Fixture.text(keys.requests(partition)).replaceFirst("}.*", "}");
            assertTrue(Fixture.text(keys.done(id)).startsWith(tag), id);
            assertTrue(Fixture.text(keys.dead(partition)).startsWith(tag), id);
        }
        assertEquals("{n}:requests", Fixture.text(keys.requests(0)));
        assertEquals("{n/3}:requests", Fixture.text(keys.requests(3)));
    }

    @Test
    void aServerWhoseAnswersAreGoneBeforeADeadWorkersRequestsAreTakenOverDoesNotStart() {
        StreamsConfig config = StreamsConfig.single("redis://127.0.0.1:1").withReplyWindow(Duration.ofSeconds(59));
        assertEquals(
                "replyWindow (STREAMS_REPLY_WINDOW) must be at least twice claimIdle (STREAMS_CLAIM_IDLE), PT1M: PT59S",
                assertThrows(IllegalArgumentException.class, () -> RequestServer.start(config, 1, Request::payload))
                        .getMessage());
        RequestServer.start(config.withClaimIdle(Duration.ofMillis(29_500)), 1, Request::payload)
                .stop(Duration.ZERO);
    }
}
