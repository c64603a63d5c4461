package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.math.BigDecimal;
import java.sql.Time;
import java.sql.Timestamp;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Currency;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.cache.interceptor.SimpleKey;
import org.springframework.core.convert.converter.Converter;

class KeyTextTest {
    private final ApplicationConversionService conversions = new ApplicationConversionService();
    private final KeyText text = new KeyText(conversions);

    record Sku(String shop, int number) {}

    /** Says nothing of itself, and could be made of a String. */
    static final class Opaque {
        public Opaque(String ignored) {
            assertNotNull(ignored);
        }
    }

    @Test
    void stringsNumbersUuidsAndEnumsStandAsTheyAre() {
        UUID uuid = UUID.randomUUID();
        assertEquals("ada", text.of("ada"));
        assertEquals("42", text.of(42));
        assertEquals("42", text.of(42L));
        assertEquals("1.50", text.of(new BigDecimal("1.50")));
        assertEquals(uuid.toString(), text.of(uuid));
        assertEquals("MONDAY", text.of(DayOfWeek.MONDAY));
    }

    @Test
    void partsStandInParentheses() {
        assertEquals("()", text.of(SimpleKey.EMPTY));
        assertEquals("(\"ada\",42,null,MONDAY)", text.of(new SimpleKey("ada", 42, null, DayOfWeek.MONDAY)));
        assertEquals("([1,2],(\"a\"))", text.of(new SimpleKey(List.of(1, 2), new SimpleKey("a"))));
        assertEquals("[1,2]", text.of(new int[] {1, 2}));
    }

    @Test
    void datesAreTheSameInEveryLanguage() {
        assertEquals("2026-11-29", text.of(LocalDate.of(2026, 11, 29)));
        assertEquals("PT5M", text.of(Duration.ofMinutes(5)));
    }

    @Test
    @SuppressWarnings("JavaUtilDate") // what it is about
    void datesOfOneSecondAreDifferentKeysInEveryTimeZone() {
        Instant second = Instant.parse("2026-11-29T12:00:00Z");
        long millis = second.toEpochMilli() + 1;
        Timestamp exact = Timestamp.from(second.plusNanos(7));
        assertEquals("2026-11-29T12:00:00Z", text.of(Date.from(second)));
        assertEquals("2026-11-29T12:00:00.001Z", text.of(new Date(millis)));
        assertEquals("2026-11-29T12:00:00.001Z", text.of(new java.sql.Date(millis)));
        assertEquals("2026-11-29T12:00:00.001Z", text.of(new Time(millis)));
        assertEquals("2026-11-29T12:00:00.000000007Z", text.of(exact));
        assertEquals("(\"2026-11-29T12:00:00.001Z\",1)", text.of(new SimpleKey(new Date(millis), 1)));
    }

    /** Could be made of a String, and says less of itself than makes it differ. */
    static final class Vague {
        private final String exact;

        public Vague(String exact) {
            this.exact = exact;
        }

        @Override
        public String toString() {
            return exact.substring(0, 1);
        }
    }

    static final class Exact implements Converter<Vague, String> {
        @Override
        public String convert(Vague vague) {
            return vague.exact;
        }
    }

    @Test
    void whatAnObjectSaysOfItselfIsNoTextUnlessAConverterTakesIt() {
        DefaultListableBeanFactory beans = new DefaultListableBeanFactory();
        KeyText own = new KeyText(KeyConversions.of(beans));
        assertNull(own.of(new Vague("1.1")));
        assertNull(own.of(new SimpleKey(new Vague("1.1"), 1)));
        assertEquals("EUR", own.of(Currency.getInstance("EUR")));
        beans.registerBeanDefinition("vague", new RootBeanDefinition(Exact.class));
        assertEquals("1.1", new KeyText(KeyConversions.of(beans)).of(new Vague("1.1")));
    }

    @Test
    void aConverterMakesATextOfAnythingElse() {
        assertNull(text.of(new Sku("a", 1)));
        conversions.addConverter(Sku.class, String.class, sku -> sku.shop() + '/' + sku.number());
        assertEquals("a/1", text.of(new Sku("a", 1)));
        assertEquals("(\"a/1\",7)", text.of(new SimpleKey(new Sku("a", 1), 7)));
    }

    @Test
    void whatIsAnotherTextInEachProcessIsNone() {
        assertNull(text.of(new Opaque("x")));
        assertNull(text.of(new Object()));
        assertNull(text.of(new SimpleKey(1, new Object())));
    }

    @Test
    void whatHasNoOrderIsNone() {
        assertNull(text.of(Set.of("a")));
        assertNull(text.of(Map.of("a", "b")));
    }

    @Test
    void aStringIsNeverTakenForParts() {
        String parts = text.of(new SimpleKey("a", "b"));
        assertEquals("(\"a\",\"b\")", parts);
        assertEquals('\\' + parts, text.of(parts));
        assertEquals("\\\\(x", text.of("\\(x"));
        assertEquals("\\[1,2]", text.of("[1,2]"));
    }

    /** Of strings, numbers, nulls and nested keys no two different ones have the same text. */
    @Test
    void differentKeysHaveDifferentTexts() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<String, Object> seen = new HashMap<>();
        for (int i = 0; i < 20_000; i++) {
            Object key = key(random, 3);
            Object before = seen.putIfAbsent(text.of(key), key);
            if (before != null) {
                assertEquals(before, key, "seed " + seed);
            }
        }
    }

    private static Object key(Random random, int depth) {
        if (depth > 0 && random.nextInt(3) > 0) {
            List<Object> parts = new ArrayList<>();
            for (int n = random.nextInt(3); n >= 0; n--) {
                parts.add(random.nextInt(8) == 0 ? null : key(random, depth - 1));
            }
            return new SimpleKey(parts.toArray());
        }
        StringBuilder string = new StringBuilder();
        for (int n = random.nextInt(5); n > 0; n--) {
            string.append("(),\"\\[]anul1".charAt(random.nextInt(12)));
        }
        // A number and a String are told apart within parts; alone they are the same text, as the client's own keys
        // are.
        return depth < 3 && random.nextInt(4) == 0 ? (Object) random.nextInt(20) : string.toString();
    }
}
