package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Spans of time in settings. */
class SettingsSpanTest {
    private static Settings with(String text) {
        return Settings.of(Map.of("T", text));
    }

    @ParameterizedTest
    @CsvSource({"300,300", "300ms,300", "5s,5000", "2 m,120000", "1h,3600000", "24d,2073600000", "2147483647,2147483647"
    })
    void millisecondsMayHaveAUnit(String text, long millis) {
        assertEquals(Duration.ofMillis(millis), with(text).millis("T", Duration.ZERO));
    }

    @ParameterizedTest
    @CsvSource({"300,300000", "500ms,500", "5m,300000", "1d,86400000", "36500d,3153600000000"})
    void secondsMayHaveAUnit(String text, long millis) {
        assertEquals(Duration.ofMillis(millis), with(text).seconds("T", Duration.ZERO));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"0", "0ms", "-1", "5x", "5 minutes", "1.5s", "s", "99999999999999999999", "36501d", "5M", "5s5"})
    void anythingElseIsRefusedByName(String text) {
        String seconds = assertThrows(
                        CacheConfigException.class, () -> with(text).seconds("T", Duration.ZERO))
                .getMessage();
        assertTrue(seconds.startsWith("T is ") && seconds.contains("seconds from 1 to"), seconds);
        assertThrows(CacheConfigException.class, () -> with(text).millis("T", Duration.ZERO));
    }
}
