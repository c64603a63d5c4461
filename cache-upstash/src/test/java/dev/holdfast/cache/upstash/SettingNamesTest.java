package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Messages name a setting as it was given: by the method of who configured by code, by the variable of who set that. */
class SettingNamesTest {
    private static final Pattern VARIABLE = Pattern.compile("(REDIS|CACHE|UPSTASH|KV)_[A-Z_]+");
    private static final Pattern METHOD = Pattern.compile("with[A-Z]\\w+|the token|the url");

    private static List<String> complaints(UpstashConfig config) {
        UpstashErrors errors = new UpstashErrors("here", config.access());
        RestCall call = RestCall.one(Command.of("GET", "k"));
        List<String> texts = new ArrayList<>(List.of(
                errors.status(call, 401, "").getMessage(),
                errors.status(call, 404, "").getMessage()));
        try (CacheStore store = UpstashStore.create(config)) {
            for (int bytes : new int[] {1_025, 1_024}) {
                texts.add(
                        assertThrows(CacheException.class, () -> store.put("k", new byte[bytes], Duration.ofSeconds(1)))
                                .getMessage());
            }
        }
        return texts;
    }

    private static void assertNamed(List<String> texts, Pattern own, Pattern others) {
        for (String text : texts) {
            assertTrue(own.matcher(text).find(), text);
            assertFalse(others.matcher(text).find(), text);
        }
    }

    @Test
    void whoConfiguredByCodeIsToldOfMethods() {
        assertNamed(
                complaints(UpstashConfig.of("https://127.0.0.1:1", Secret.of("s"))
                        .withMaxCommandBytes(1_024)
                        .withMaxValueBytes(1_024)),
                METHOD,
                VARIABLE);
    }

    @Test
    void whoSetVariablesIsToldOfThose() {
        for (String start : List.of("UPSTASH_REDIS_REST_", "KV_REST_API_")) {
            List<String> texts = complaints(UpstashStoreProvider.config(Settings.of(Map.of(
                    start + "URL",
                    "https://127.0.0.1:1",
                    start + "TOKEN",
                    "s",
                    "UPSTASH_MAX_COMMAND_BYTES",
                    "1024",
                    "CACHE_MAX_VALUE_BYTES",
                    "1024"))));
            assertNamed(texts, VARIABLE, METHOD);
            assertTrue(texts.get(0).contains("(does " + start + "TOKEN belong"), texts.get(0));
            assertTrue(texts.get(1).contains("(does " + start + "URL lead"), texts.get(1));
        }
    }
}
