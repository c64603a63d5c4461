package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Settings;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClientSettingsTest {
    /** After a reset nothing comes any more over TCP; at the others it may. */
    @ParameterizedTest
    @CsvSource({
        "unix:///run/redis.sock, SINGLE, true",
        "UNIX:///run/redis.sock, SINGLE, true",
        "redis://localhost, SINGLE, false",
        "unix:///run/redis.sock, CLUSTER, false",
        "redis://localhost, UPSTASH, true"
    })
    void whereACommandMayComeAfterAResetTheTierIsBuffered(String url, KnownTier tier, boolean buffered) {
        ClientSettings settings = new ClientSettings(Settings.of(Map.of("REDIS_URL", url)));
        assertEquals(buffered, settings.rulesOf(tier.tier()).buffered());
    }

    @ParameterizedTest
    @CsvSource({"SINGLE, 200", "CLUSTER, 200", "UPSTASH, 1000"})
    void theLeastTimeForProbesOfEachTierIsASetting(KnownTier tier, long preset) {
        ClientSettings plain = new ClientSettings(Settings.of(Map.of()));
        ClientSettings set = new ClientSettings(Settings.of(Map.of("REDIS_PROBE_TIMEOUT", "1500")));
        assertEquals(preset, plain.rulesOf(tier.tier()).minProbeTimeout().toMillis());
        assertEquals(1_500, set.rulesOf(tier.tier()).minProbeTimeout().toMillis());
    }
}
