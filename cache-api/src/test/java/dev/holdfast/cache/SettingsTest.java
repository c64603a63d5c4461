package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CacheStore;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {

    private static Settings settings(String name, String value) {
        return Settings.of(Map.of(name, value));
    }

    private static void assertMalformed(String message, Executable read) {
        assertEquals(message, assertThrows(CacheConfigException.class, read).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\t\n"})
    void whatIsNotSetOrBlankHasItsDefault(String blank) {
        for (Settings settings : List.of(Settings.of(Map.of()), settings("X", blank))) {
            assertFalse(settings.isSet("X"));
            assertEquals(Optional.empty(), settings.text("X"));
            assertTrue(settings.flag("X", true));
            assertEquals(7, settings.number("X", 7, 1, 9));
            assertEquals(7, settings.integer("X", 7, 1, 9));
            assertEquals(Duration.ofMillis(5), settings.millis("X", Duration.ofMillis(5)));
            assertEquals(Duration.ofSeconds(5), settings.seconds("X", Duration.ofSeconds(5)));
            assertEquals("a", settings.choice("X", "a", List.of("a", "b")));
            assertEquals(List.of(), settings.list("X"));
        }
    }

    @Test
    void whiteSpaceAroundAValueIsIgnored() {
        Settings settings = settings("X", " 42\n");

        assertEquals("42", settings.text("X").orElseThrow());
        assertEquals(42, settings.integer("X", 0, 0, 99));
    }

    @Test
    void aSecretIsTakenAsItStandsWithoutTheOneLineBreakOfTheFileItCameFrom() {
        assertEquals(
                " p w ", settings("X", " p w \r\n").secret("X").orElseThrow().reveal());
        assertEquals(
                " p w \n", settings("X", " p w \n\n").secret("X").orElseThrow().reveal());
        assertEquals("p\nw", settings("X", "p\nw").secret("X").orElseThrow().reveal());
        assertTrue(settings("X", "\n").secret("X").isEmpty());
        assertEquals(" p w ", settings("X", " p w ").secret("X").orElseThrow().reveal());
        assertEquals(" ", settings("X", " ").secret("X").orElseThrow().reveal());
        assertTrue(settings("X", "").secret("X").isEmpty());
        assertTrue(settings("X", "x").secret("Y").isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "TRUE", "yes", "On", "1", " true "})
    void aFlagMayBeOn(String word) {
        assertTrue(settings("X", word).flag("X", false));
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "False", "no", "OFF", "0"})
    void aFlagMayBeOff(String word) {
        assertFalse(settings("X", word).flag("X", true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "t", "no!"})
    void anotherFlagIsMalformed(String word) {
        assertMalformed("X is \"" + word + "\", but must be true or false", () -> settings("X", word)
                .flag("X", true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"abc", "70000", "0", "-1", "1.5", "10s", "6379ms"})
    void anotherNumberIsMalformed(String value) {
        assertMalformed(
                "REDIS_PORT is \"" + value + "\", but must be a whole number from 1 to 65535",
                () -> settings("REDIS_PORT", value).integer("REDIS_PORT", 6379, 1, 65535));
    }

    @Test
    void theBoundsOfANumberBelongToIt() {
        assertEquals(1, settings("X", "1").number("X", 5, 1, 9));
        assertEquals(9, settings("X", "9").number("X", 5, 1, 9));
        assertEquals(Long.MAX_VALUE, settings("X", "9223372036854775807").number("X", 5, 1, Long.MAX_VALUE));
    }

    @Test
    void spansHaveTheirUnitAndBounds() {
        assertEquals(Duration.ofMillis(250), settings("X", "250").millis("X", Duration.ZERO));
        assertEquals(Duration.ofSeconds(250), settings("X", "250").seconds("X", Duration.ZERO));
        assertEquals(
                CacheStore.MAX_TTL,
                settings("X", String.valueOf(CacheStore.MAX_TTL.toSeconds())).seconds("X", Duration.ZERO));
        assertThrows(CacheConfigException.class, () -> settings("X", "0").millis("X", Duration.ZERO));
        assertThrows(
                CacheConfigException.class, () -> settings("X", "2147483648").millis("X", Duration.ZERO));
        assertThrows(CacheConfigException.class, () -> settings("X", "-1").seconds("X", Duration.ZERO));
        assertThrows(
                CacheConfigException.class, () -> settings("X", "3153600001").seconds("X", Duration.ZERO));
    }

    @Test
    void aChoiceIsMatchedInAnyCase() {
        assertEquals("nearest", settings("X", "Nearest").choice("X", "master", List.of("master", "nearest")));
        assertMalformed("X is \"far\", but must be one of master, nearest", () -> settings("X", "far")
                .choice("X", "master", List.of("master", "nearest")));
    }

    @Test
    void aListKeepsItsOrderAndCase() {
        assertEquals(List.of("b", "A", "c"), settings("X", " b, A ,c").list("X"));
        assertEquals(List.of("one"), settings("X", "one").list("X"));
    }

    @ParameterizedTest
    @ValueSource(strings = {",", "a,", ",a", "a,,b", "a, ,b"})
    void aListHasNoEmptyPlaces(String value) {
        assertThrows(CacheConfigException.class, () -> settings("X", value).list("X"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"REDIS_PASSWORD", "REDIS_CLUSTER_PASSWORD", "UPSTASH_REDIS_REST_TOKEN", "MY_SECRET"})
    void theValueOfASecretIsNotQuoted(String name) {
        assertMalformed(name + " is \"***\", but must not", () -> {
            throw settings(name, "hunter2").malformed(name, "must not");
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hunter2",
                "hunter2!",
                "redis://user:hunter2@host:1",
                "redis://:hunter2@host:1",
                "redis://user:hunter2@x@host:1",
                "redis://user:hunter2",
                "redis://host:1/0?password=hunter2",
                "redis://host/@hunter2",
                "user:hunter2@host:1",
                "redis:/user:hunter2@host:1",
                "h:1,redis://:hunter2@h:1",
                "x\nhunter2",
                "99999999999999999999hunter2"
            })
    void whatDidNotParseIsNotShownWhateverItWasMeantFor(String value) {
        Settings settings = settings("X", value);
        List<Executable> reads = List.of(
                () -> settings.flag("X", true),
                () -> settings.number("X", 1, 0, 9),
                () -> settings.integer("X", 1, 0, 9),
                () -> settings.millis("X", Duration.ofMillis(1)),
                () -> settings.seconds("X", Duration.ofSeconds(1)),
                () -> settings.choice("X", "a", List.of("a", "b")),
                () -> {
                    throw settings.malformed("X", "must be right");
                });
        for (Executable read : reads) {
            String message = String.valueOf(
                    assertThrows(CacheConfigException.class, read).getMessage());
            assertFalse(message.contains("hunter2"), message);
            assertTrue(message.startsWith("X is \"") && message.contains(value.length() + " characters"), message);
        }
        CacheConfigException list = assertThrows(
                CacheConfigException.class, () -> settings("X", value + ",").list("X"));
        assertFalse(String.valueOf(list.getMessage()).contains("hunter2"), list.getMessage());
    }

    @Test
    void ofAUrlTheSchemeIsShown() {
        assertEquals(
                "X is \"http://***\" (19 characters that are not shown, since there may be a secret in them), but must",
                settings("X", "http://hunter2@host").malformed("X", "must").getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tcp://10.96.0.11:6379",
                "udp://10.96.0.11:6379",
                "tcp://[fd00::1]:6379",
                "tcp://fd00::1:6379",
                " tcp://redis.svc:6379\n"
            })
    void whatKubernetesSetsForAServiceIsPassedOver(String link) {
        Settings settings = Settings.of(Map.of("REDIS_PORT", link, "REDIS_HOST", "h"));
        assertEquals(6379, settings.integer("REDIS_PORT", 6379, 1, 65_535));
        assertFalse(settings.isSet("REDIS_PORT"));
        assertEquals(Set.of("REDIS_PORT"), settings.serviceLinks());
        assertEquals("h", settings.text("REDIS_HOST").orElseThrow());
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://10.96.0.11:6379", "tcp://10.96.0.11", "tcp://u:p@10.96.0.11:6379", "tcp://"})
    void whatIsLikeThatAndNotQuiteIsMalformed(String other) {
        Settings settings = settings("REDIS_PORT", other);
        assertThrows(CacheConfigException.class, () -> settings.integer("REDIS_PORT", 6379, 1, 65_535));
        assertEquals(Set.of(), settings.serviceLinks());
    }

    @Test
    void onlyPortsAreSetByServices() {
        Settings settings = settings("X_URL", "tcp://10.96.0.11:6379");
        assertEquals("tcp://10.96.0.11:6379", settings.text("X_URL").orElseThrow());
    }

    @Test
    void aMissingVariableIsNamed() {
        assertEquals(
                "X is not set, but must be",
                Settings.of(Map.of()).malformed("X", "must be").getMessage());
    }

    @Test
    void toStringNamesVariablesAndNoValues() {
        assertEquals(
                "Settings[A, B]", Settings.of(Map.of("B", "hunter2", "A", "x")).toString());
    }

    @Test
    void theMapIsCopied() {
        Map<String, String> values = new HashMap<>(Map.of("X", "a"));
        Settings settings = Settings.of(values);
        values.put("X", "b");

        assertEquals("a", settings.text("X").orElseThrow());
    }

    @Test
    void systemPropertiesHaveTheSameNames() {
        System.setProperty("HOLDFAST_SETTINGS_TEST", "there");
        try {
            assertEquals(
                    "there",
                    Settings.systemProperties().text("HOLDFAST_SETTINGS_TEST").orElseThrow());
        } finally {
            System.clearProperty("HOLDFAST_SETTINGS_TEST");
        }
        assertTrue(Settings.environment().isSet("PATH"));
    }

    @Test
    void aTlsContextIsOneTiersAndLeavesTheRestAsItIs() throws NoSuchAlgorithmException {
        SSLContext context = SSLContext.getDefault();
        Settings settings = Settings.of(Map.of("X", "a", "REDIS_PORT", "tcp://10.0.0.1:6379"));
        Settings derived = settings.withTls("single", context);

        assertEquals(context, derived.tls("single").orElseThrow());
        assertTrue(derived.tls("cluster").isEmpty());
        assertTrue(settings.tls("single").isEmpty());
        assertEquals("a", derived.text("X").orElseThrow());
        assertEquals(settings.serviceLinks(), derived.serviceLinks());
    }
}
