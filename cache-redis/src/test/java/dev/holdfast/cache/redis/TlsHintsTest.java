package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

class TlsHintsTest {
    private static final List<String> FAILURES = List.of(
            "No subject alternative DNS name matching h found.",
            "PKIX path building failed",
            "Unsupported or unrecognized SSL message",
            "Received fatal alert: certificate_required");

    private static List<String> hints(RemoteAccess access) {
        return FAILURES.stream()
                .map(text -> TlsHints.hint(new SSLHandshakeException(text), "h", access))
                .toList();
    }

    /** Also where only one of the two readings was done: a sentinel has a log-in and no limits of its own. */
    @Test
    void whoSetVariablesIsToldOfVariablesAndWhoWroteCodeOfMethods() {
        for (String hint : hints(RemoteAccess.defaults())) {
            assertFalse(hint.contains("REDIS_"), hint);
        }
        assertTrue(hints(RemoteAccess.defaults()).get(1).contains("TlsConfig.withAuthorities"));
        Settings none = Settings.of(Map.of());
        AccessSettings settings = new AccessSettings(none, AccessVariables.CLUSTER);
        for (RemoteAccess access :
                List.of(settings.limits(RemoteAccess.defaults()), settings.login(RemoteAccess.defaults()))) {
            for (String hint : hints(access)) {
                assertTrue(hint.contains("REDIS_CLUSTER_TLS"), hint);
                assertFalse(hint.contains("TlsConfig"), hint);
            }
        }
    }
}
