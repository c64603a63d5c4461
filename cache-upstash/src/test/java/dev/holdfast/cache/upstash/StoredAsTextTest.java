package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Large values that this client writes as base64, and others as text. */
class StoredAsTextTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static GatewayUnderTest server;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static byte[] quotes(int count) {
        byte[] quotes = new byte[count];
        Arrays.fill(quotes, (byte) '"');
        return quotes;
    }

    private static void asOthersWriteIt(String key, byte[] value) {
        server.redis.command("SET", "text:" + key, new String(value, StandardCharsets.US_ASCII));
    }

    @Test
    void isComparedByWhatItIsNotByHowItStands() {
        byte[] value = quotes(100_000);
        byte[] other = quotes(100_001);
        try (UpstashStore store = server.store("text")) {
            asOthersWriteIt("k", value);
            assertArrayEquals(value, store.get("k"));
            assertFalse(store.replace("k", other, value, TTL));
            assertTrue(store.replace("k", value, other, TTL));
            assertArrayEquals(other, store.get("k"));
            asOthersWriteIt("k", value);
            assertFalse(store.remove("k", other));
            assertTrue(store.remove("k", value));
            assertNull(store.get("k"));
            store.put("k", value, TTL);
            assertTrue(store.remove("k", value), "as this client writes it");
        }
    }

    @Test
    void thatCouldNotStandAsTextIsSimplyNotThere() {
        try (UpstashStore store = server.store("text")) {
            assertFalse(store.remove("large", quotes(6_000_000)));
        }
    }
}
