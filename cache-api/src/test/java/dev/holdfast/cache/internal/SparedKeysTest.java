package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.KeyPrefix;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Canaries, this client's and others', are told from entries. */
class SparedKeysTest {
    private final List<String> said = new ArrayList<>();

    @Test
    void itsOwnCanariesAreSparedWithoutAWord() {
        assertTrue(contains("app", "app:#canary:1f"));
        assertTrue(contains("", "#canary:1f.1:{tag}"));
        assertFalse(contains("app", "app:users:1"));
        assertFalse(contains("app", "app:"));
        assertFalse(contains("app", "app:#canary"));
        assertFalse(contains("app", "app:my#canary:1"));

        assertEquals(List.of(), said);
    }

    @Test
    void thoseOfAClientWithALongerPrefixAreSparedAndItIsNamedOnce() {
        SparedKeys spared = new SparedKeys(KeyPrefix.of("app"), said::add);

        assertTrue(spared.contains(bytes("app:users:#canary:1f")));
        assertTrue(spared.contains(bytes("app:users:#canary:2f")));

        assertEquals(1, said.size());
        assertTrue(said.get(0).contains("app:users"), said.get(0));
        assertTrue(contains("", "users:#canary:1f"));
    }

    private boolean contains(String prefix, String key) {
        return new SparedKeys(KeyPrefix.of(prefix), said::add).contains(bytes(key));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
