package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.spi.CacheStore;
import io.lettuce.core.RedisCommandExecutionException;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages name a setting as it was given: by the method of who configured by code, by the variable of who set that. */
class SettingNamesTest {
    private static final Pattern VARIABLE = Pattern.compile("(REDIS|CACHE)_[A-Z_]+");
    private static final Pattern METHOD = Pattern.compile("with[A-Z]\\w+|\\w+Config\\b");

    private static ClusterConfig bySettings(String... more) {
        Map<String, String> all =
                new HashMap<>(Map.of("REDIS_CLUSTER_NODES", "127.0.0.1:1", "CACHE_MAX_VALUE_BYTES", "1024"));
        for (int i = 0; i < more.length; i += 2) {
            all.put(more[i], more[i + 1]);
        }
        return ClusterStoreProvider.config(Settings.of(all));
    }

    private static List<String> complaints(ClusterConfig config) {
        LettuceErrors errors = new LettuceErrors(config);
        Node elsewhere = new Node(new Address("127.0.0.2", 1), config, null, new Canaries(config));
        List<RuntimeException> all = List.of(
                errors.failed(
                        new RedisCommandExecutionException("NOAUTH Authentication required."),
                        elsewhere,
                        null,
                        () -> false),
                errors.failed(
                        new RedisCommandExecutionException("ERR This instance has cluster support disabled"),
                        elsewhere,
                        null,
                        () -> false),
                errors.failed(new UnsentException(new ConnectException("refused")), elsewhere, null, () -> false),
                errors.tooLarge(elsewhere, new ReplyTooLargeException(2, 1)));
        List<String> texts =
                new ArrayList<>(all.stream().map(Throwable::getMessage).toList());
        try (CacheStore store = ClusterStore.of(config)) {
            byte[] value = new byte[1 << 11];
            texts.add(assertThrows(CacheException.class, () -> store.put("k", value, Duration.ofSeconds(1)))
                    .getMessage());
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
        ClusterConfig config = ClusterConfig.of("127.0.0.1:1").withMaxValueBytes(1 << 10);
        assertNamed(complaints(config), METHOD, VARIABLE);
        assertNamed(complaints(config.withPassword(Secret.of("s"))), METHOD, VARIABLE);
        assertNamed(complaints(config.withCredentials(() -> Credentials.of(Secret.of("s")))), METHOD, VARIABLE);
        assertFalse(VARIABLE.matcher(
                        new LettuceErrors(config).nobodyAnswers(List.of()).getMessage())
                .find());
    }

    @Test
    void whoSetVariablesIsToldOfVariables(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("password"), "s");
        assertNamed(complaints(bySettings()), VARIABLE, METHOD);
        assertNamed(complaints(bySettings("REDIS_CLUSTER_PASSWORD", "s")), VARIABLE, METHOD);
        assertNamed(complaints(bySettings("REDIS_CLUSTER_PASSWORD_FILE", file.toString())), VARIABLE, METHOD);
        assertTrue(VARIABLE.matcher(
                        new LettuceErrors(bySettings()).nobodyAnswers(List.of()).getMessage())
                .find());
    }
}
