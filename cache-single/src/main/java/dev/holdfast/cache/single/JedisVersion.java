package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/** Whether the Jedis that was found is one that this module works with; it is often somebody else who chose it. */
final class JedisVersion {
    private static final int FIRST_MAJOR = 6;
    private static final String PROPERTIES = "/META-INF/maven/redis.clients/jedis/pom.properties";

    private JedisVersion() {}

    /**
     * Looks at the version of the Jedis that this class would use.
     *
     * @throws CacheConfigException if it is too old, or there is none
     */
    static void require() {
        String found = found();
        if (found != null && major(found) < FIRST_MAJOR) {
            throw unusable(found, null);
        }
    }

    /** What is thrown where a part of Jedis is missing. */
    static CacheConfigException unusable(LinkageError e) {
        String found = found();
        return unusable(found == null ? "none, or one of unknown version" : found, e);
    }

    private static CacheConfigException unusable(String found, @Nullable Throwable cause) {
        return new CacheConfigException(
                "the single tier needs Jedis " + FIRST_MAJOR + ".0 or later, found " + found
                        + " (managed by Spring Boot? set <jedis.version>)",
                cause);
    }

    private static @Nullable String found() {
        try (InputStream in = Class.forName("redis.clients.jedis.Protocol", false, JedisVersion.class.getClassLoader())
                .getResourceAsStream(PROPERTIES)) {
            Properties properties = new Properties();
            if (in != null) {
                properties.load(in);
            }
            return properties.getProperty("version");
        } catch (ClassNotFoundException | IOException | LinkageError e) {
            return null;
        }
    }

    /** The first number; a version without one is not judged. */
    private static int major(String version) {
        int end = 0;
        while (end < Math.min(4, version.length()) && Character.isDigit(version.charAt(end))) {
            end++;
        }
        return end == 0 ? FIRST_MAJOR : Integer.parseInt(version.substring(0, end));
    }
}
