package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.StoreProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** An application's other dependencies choose the Jedis: one that is too old is told in a sentence. */
class JedisVersionTest {
    private static final String POM = "META-INF/maven/redis.clients/jedis/pom.properties";

    /** Loads this module anew, as beside another Jedis: some of its classes are missing, its version is another. */
    private static final class Beside extends ClassLoader {
        private final @Nullable String version;
        private final String missing;

        Beside(@Nullable String version, String missing) {
            super(JedisVersionTest.class.getClassLoader());
            this.version = version;
            this.missing = missing;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith(missing)) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("dev.holdfast.cache.single.") && !name.startsWith("redis.clients.jedis.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? define(name) : loaded;
            }
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            try (InputStream in = name.startsWith("redis")
                    ? redis.clients.jedis.Protocol.class.getResourceAsStream('/' + name.replace('.', '/') + ".class")
                    : SingleStore.class.getResourceAsStream('/' + name.replace('.', '/') + ".class")) {
                if (in == null) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }

        @Override
        public @Nullable URL getResource(String name) {
            if (version == null || !name.equals(POM)) {
                return super.getResource(name);
            }
            byte[] text = ("version=" + version).getBytes(StandardCharsets.US_ASCII);
            try {
                return new URL(null, URI.create("memory:pom").toString(), new URLStreamHandler() {
                    @Override
                    protected URLConnection openConnection(URL url) {
                        return new URLConnection(url) {
                            @Override
                            public void connect() {}

                            @Override
                            public InputStream getInputStream() {
                                return new ByteArrayInputStream(text);
                            }
                        };
                    }
                });
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        @SuppressWarnings("ReturnValueIgnored")
        Throwable failure() throws Exception {
            Class<?> provider = loadClass(SingleStoreProvider.class.getName());
            Method create = StoreProvider.class.getMethod("create", Settings.class);
            Object instance = provider.getConstructor().newInstance();
            return assertThrows(
                            java.lang.reflect.InvocationTargetException.class,
                            () -> create.invoke(instance, Settings.of(Map.of("REDIS_HOST", "localhost"))))
                    .getCause();
        }
    }

    @Test
    void oneThatIsTooOldIsNamedWithWhatToDo() throws Exception {
        Throwable e = new Beside("5.2.0", "none.").failure();
        assertInstanceOf(CacheConfigException.class, e);
        assertEquals(
                "the single tier needs Jedis 6.0 or later, found 5.2.0 (managed by Spring Boot? set <jedis.version>)",
                e.getMessage());
    }

    @Test
    void oneThatLacksAClassIsNoNoClassDefFoundError() throws Exception {
        Throwable e = new Beside("3.9.0", "redis.clients.jedis.CommandArguments").failure();
        assertInstanceOf(CacheConfigException.class, e, e.toString());
        assertTrue(String.valueOf(e.getMessage()).contains("found 3.9.0"), e.getMessage());
    }

    @Test
    void noneAtAllIsNoNoClassDefFoundErrorEither() throws Exception {
        Throwable e = new Beside(null, "redis.clients.").failure();
        assertInstanceOf(CacheConfigException.class, e, e.toString());
        assertTrue(String.valueOf(e.getMessage()).contains("needs Jedis"), e.getMessage());
    }
}
