package dev.holdfast.cache.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import org.junit.jupiter.api.Test;

/** The words of tags. */
class ErrorTypeTest {
    @Test
    void anErrorIsOneOfAFewWords() {
        assertEquals("none", ErrorType.of(null));
        assertEquals("timeout", ErrorType.of(new CacheTimeoutException("k", null, false)));
        assertEquals("connection", ErrorType.of(new CacheUnavailableException("k", null, Reason.CONNECTION, false)));
        assertEquals("rejected", ErrorType.of(new CacheRejectedException("k")));
        assertEquals("interrupted", ErrorType.of(new CacheInterruptedException("k", null, false)));
        assertEquals("_OTHER", ErrorType.of(new IllegalStateException("k")));
    }

    @Test
    void anAddressIsAHostAndAPort() {
        assertEquals(new ServerAddress("127.0.0.1", "6379"), ServerAddress.of("127.0.0.1:6379"));
        assertEquals(new ServerAddress("::1", "6379"), ServerAddress.of("[::1]:6379"));
        assertEquals(new ServerAddress("::1", "none"), ServerAddress.of("[::1]"));
        assertEquals(new ServerAddress("name.upstash.io", "none"), ServerAddress.of("name.upstash.io"));
    }
}
