package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.Redeployment;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An application in a class loader of its own, which its container deploys again and again in one JVM. */
class RedeployedTest {
    private static final int TIMES = 3;
    private static final int SECONDS = 60;

    /** Opens a client, uses it and closes it. */
    public static final class Application implements Consumer<String> {
        /** For its container. */
        public Application() {}

        @Override
        public void accept(String url) {
            Map<String, String> settings = url.isEmpty() ? Map.of() : Map.of("REDIS_URL", url);
            try (CacheClient client = CacheClient.from(Settings.of(settings))) {
                Cache<String, String> cache =
                        client.cache("c", String.class, String.class).build();
                cache.get("k", key -> "v", cache.policy().withTags("t"));
                cache.async().get("l", key -> "v").join();
                cache.removeByTag("t");
            }
        }
    }

    /** The JDK's own memory of what it has linked last included. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingOfItIsKept(boolean withServer) {
        try (RedisServer redis = RedisServer.start()) {
            URL[] classPath = Arrays.stream(
                            System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator), -1))
                    .map(RedeployedTest::url)
                    .toArray(URL[]::new);
            assertEquals(
                    0,
                    Redeployment.survivors(
                            TIMES, SECONDS, classPath, Application.class.getName(), withServer ? redis.url() : ""));
        }
    }

    private static URL url(String path) {
        try {
            return Path.of(path).toUri().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(path, e);
        }
    }
}
