package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A number stays the type that was put. */
class NumbersTest {
    private static final List<Number> NUMBERS = List.of(
            0L,
            5L,
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            5,
            Integer.MIN_VALUE,
            5.0,
            0.1,
            -0.0,
            Double.MIN_VALUE,
            Double.MAX_VALUE,
            Double.NaN,
            Double.NEGATIVE_INFINITY,
            5f,
            0.1f,
            -0f,
            Float.MIN_VALUE,
            Float.MAX_VALUE,
            Float.NaN,
            Float.POSITIVE_INFINITY,
            (short) 5,
            Short.MIN_VALUE,
            (byte) 5,
            Byte.MIN_VALUE,
            BigInteger.valueOf(5),
            BigInteger.TWO.pow(200).negate(),
            new BigDecimal("5"),
            new BigDecimal("1.10"),
            new BigDecimal("1E+3"),
            new BigDecimal("0E-9"),
            new BigDecimal("0.1000000000000000000000000000000000000001"));

    private final AtomicInteger caches = new AtomicInteger();

    /** What says exactly which class each number has. */
    record Amounts(
            long whole,
            Long wholes,
            int number,
            double real,
            float small,
            short two,
            byte one,
            BigInteger large,
            BigDecimal exact,
            List<Long> several,
            Map<String, BigDecimal> prices) {}

    /** What does not. */
    record Loose(Number number, Object anything) {}

    private String name() {
        return "c" + caches.incrementAndGet();
    }

    private <V> V stored(CacheClient client, Class<V> type, V value) {
        Cache<String, V> cache = client.cache(name(), String.class, type).build();
        cache.put("k", value);
        V got = cache.get("k");
        assertNotNull(got);
        assertEquals(value, cache.getAll(List.of("k")).get("k"));
        return got;
    }

    @SuppressWarnings("unchecked")
    private void check(CacheClient client) {
        for (Number number : NUMBERS) {
            Number got = stored(client, (Class<Number>) number.getClass(), number);
            assertEquals(number, got);
            assertSame(number.getClass(), got.getClass());
        }
        Amounts amounts = new Amounts(
                1,
                2L,
                3,
                4,
                5f,
                (short) 6,
                (byte) 7,
                BigInteger.valueOf(8),
                new BigDecimal("9.90"),
                List.of(10L),
                Map.of("a", new BigDecimal("11")));
        assertEquals(amounts, stored(client, Amounts.class, amounts));
        Cache<String, List<Long>> lists =
                client.cache(name(), String.class, new TypeRef<List<Long>>() {}).build();
        lists.put("k", List.of(1L, Long.MAX_VALUE));
        assertEquals(List.of(1L, Long.MAX_VALUE), lists.get("k"));
        for (Class<?> anything : List.of(Object.class, Number.class, Serializable.class)) {
            CacheConfigException e =
                    assertThrows(CacheConfigException.class, () -> client.cache(name(), String.class, anything)
                            .build());
            assertTrue(e.getMessage().startsWith("no codec for " + anything.getName() + ": "), e::getMessage);
            assertTrue(e.getMessage().contains("name the class of the values"), e::getMessage);
        }
        // docs/code.md says so: JSON has one kind of number, and nothing in it chooses a class.
        Cache<String, Loose> loose =
                client.cache(name(), String.class, Loose.class).build();
        loose.put("k", new Loose(5L, 6f));
        assertEquals(new Loose(5, 6.0), loose.get("k"));
    }

    @Test
    void inMemory() {
        try (CacheClient client = CacheClient.builder().build()) {
            check(client);
        }
    }

    @Test
    void onAServer() throws IOException {
        try (RedisServer redis = RedisServer.start();
                CacheClient client =
                        CacheClient.builder().tier(SingleConfig.of(redis.url())).build()) {
            check(client);
        }
    }
}
