package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryStoreProviderTest {
    private final MemoryStoreProvider provider = new MemoryStoreProvider();

    private CacheStore create(String... namesAndValues) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return provider.create(Settings.of(values));
    }

    @Test
    void withNothingSetTheStoreHas64Mebibytes() {
        assertEquals("MemoryStore[in-memory, maxBytes=67108864]", create().toString());
    }

    @Test
    void theBoundAndTheKeyPrefixAreTaken() {
        CacheStore store = create("CACHE_MEMORY_MAX_BYTES", "1048576", "REDIS_KEY_PREFIX", "shop");

        assertEquals("MemoryStore[in-memory, maxBytes=1048576, keyPrefix=shop:]", store.toString());
        assertEquals(0, store.removeByPrefix(""));
    }

    @Test
    void theLargestBoundIsTaken() {
        create("CACHE_MEMORY_MAX_BYTES", String.valueOf(Long.MAX_VALUE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"abc", "-1", "0", "1048575", "64MB", "9223372036854775808"})
    void aMalformedBoundIsNamed(String value) {
        CacheConfigException e =
                assertThrows(CacheConfigException.class, () -> create("CACHE_MEMORY_MAX_BYTES", value));

        // What is long enough to be a secret is not repeated.
        String shown = value.length() > 10 ? "" : "\"" + value + "\", but must be";
        assertTrue(String.valueOf(e.getMessage()).startsWith("CACHE_MEMORY_MAX_BYTES is " + shown), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).contains("but must be a whole number"), e.getMessage());
    }

    @Test
    void aMalformedKeyPrefixIsNamed() {
        CacheConfigException e = assertThrows(CacheConfigException.class, () -> create("REDIS_KEY_PREFIX", "a b"));

        assertTrue(String.valueOf(e.getMessage()).startsWith("REDIS_KEY_PREFIX is \"a b\", but must have"));
    }

    @Test
    void theServiceLoaderFindsIt() {
        MemoryStoreProviderTest.class.getModule().addUses(StoreProvider.class);
        List<String> tiers = ServiceLoader.load(StoreProvider.class).stream()
                .map(found -> found.get().tier())
                .toList();

        assertEquals(List.of("memory"), tiers);
    }

    @Test
    void itStandsInTheModuleAndOnTheClassPath() throws IOException, URISyntaxException {
        URL location =
                MemoryStoreProvider.class.getProtectionDomain().getCodeSource().getLocation();

        var descriptor = ModuleFinder.of(Path.of(location.toURI()))
                .find("dev.holdfast.cache.memory")
                .orElseThrow()
                .descriptor();
        assertEquals(
                List.of(MemoryStoreProvider.class.getName()),
                descriptor.provides().iterator().next().providers());

        try (URLClassLoader classPath = new URLClassLoader(new URL[] {location}, null);
                InputStream file =
                        classPath.getResourceAsStream("META-INF/services/" + StoreProvider.class.getName())) {
            assertEquals(
                    MemoryStoreProvider.class.getName(),
                    new String(file.readAllBytes(), StandardCharsets.UTF_8).strip());
        }
    }
}
