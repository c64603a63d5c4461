package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.redis.Address;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The URLs of other clients and of providers. */
class UrlTest {

    @ParameterizedTest
    @CsvSource({
        "valkey://h:1/2, redis://h:1/2",
        "valkeys://default:p@h:1, rediss://default:***@h:1",
        "REDIS://h, redis://h:6379",
        "redis://h?db=3, redis://h:6379/3",
        "redis://h/?database=3, redis://h:6379/3",
        "unix:///run/redis.sock?db=3, unix:///run/redis.sock?db=3",
        "unix://u:p@/run/redis.sock, unix://u:***@/run/redis.sock",
    })
    void itMeansTheSameAsAnother(String url, String canonical) {
        assertEquals(canonical, SingleConfig.of(url).toString());
    }

    @Test
    void aTimeoutHasAUnitAndANameIsTaken() {
        SingleConfig config = SingleConfig.of("redis://h?timeout=1500ms&client_name=shop%2D1");
        assertEquals(Duration.ofMillis(1500), config.commandTimeout());
        assertEquals("shop-1", config.clientName());
        assertEquals(
                Duration.ofSeconds(2), SingleConfig.of("redis://h?timeout=2s").commandTimeout());
    }

    @Test
    void sentinelsAreAListBeforeTheMaster() {
        SingleConfig config = SingleConfig.of("redis-sentinel://app:s%40t@a:1,b,[::1]:3/shop/4");
        Place.Master place = (Place.Master) config.place();
        assertEquals("shop", place.master());
        assertEquals(List.of(new Address("a", 1), new Address("b", 26_379), new Address("::1", 3)), place.sentinels());
        assertEquals(4, config.database());
        assertEquals(Secret.of("s@t"), config.password());
        assertEquals("redis-sentinel://app:***@a:1,b:26379,[::1]:3/shop/4", config.toString());
        assertNotNull(SingleConfig.of("rediss-sentinel://a/shop").tls());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "redis://h?ssl=true",
                "redis://h?timeout=5",
                "redis://h?timeout=5h",
                "redis://h?db=1&db=2",
                "redis://h/1?db=2",
                "redis://h?db=x",
                "redis://h?=1",
                "redis://h?client_name=the%20shop",
                "redis://h?db=1#x",
                "redis-sentinel://a,b",
                "redis-sentinel://a,b/",
                "redis-sentinel:///shop",
                "redis-sentinel://a:0/shop",
                "redis-sentinel://a,,b/shop",
                "redis-sentinel://a/shop/x",
                "unix://relative",
                "unix://",
                "sentinel://a/shop"
            })
    void whatIsNotClearIsRefusedWithItsSubject(String url) {
        String message = assertThrows(IllegalArgumentException.class, () -> SingleConfig.of(url))
                .getMessage();
        assertTrue(
                message.startsWith("url must ")
                        || message.startsWith("clientName must ")
                        || message.startsWith("commandTimeout must"),
                message);
    }

    @Test
    void anUnknownParameterIsNamedAndItsValueIsNot() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("redis://h?password=hunter22"));
        assertTrue(e.getMessage().contains("the parameter password"), e.getMessage());
        assertFalse(e.getMessage().contains("hunter22"), e.getMessage());
    }

    @Test
    void aSocketHasNoTls() {
        SingleConfig config = SingleConfig.of("unix:///run/redis.sock");
        assertThrows(IllegalArgumentException.class, config::withTls);
        String tooLong = "/" + "x".repeat(101);
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("unix://" + tooLong));
    }

    @Test
    void whatMostSentinelsSayIsTaken() {
        Address one = new Address("one", 1);
        Address two = new Address("two", 2);
        Votes votes = votes(3, two, one);
        assertFalse(votes.isDecided());
        votes.count(one);
        assertTrue(votes.isDecided());
        assertEquals(one, votes.result());
        assertTrue(votes(3, one, one).isDecided(), "the third can't change it");
        Votes unknown = votes(2, null, null);
        assertTrue(unknown.isDecided() && unknown.isUnknown());
        Votes silent = votes(2, one);
        silent.countSilent();
        assertTrue(silent.isDecided());
        assertEquals(one, silent.result());
    }

    private static Votes votes(int sentinels, Address... answers) {
        Votes votes = new Votes(sentinels);
        Arrays.asList(answers).forEach(votes::count);
        return votes;
    }
}
