package dev.holdfast.cache.testkit;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A Redis for the tests of a class: started before them, emptied before each, started again if one left it dead or frozen, and stopped after them.
 *
 * <pre>{@code
 * @RegisterExtension
 * static final RedisExtension redis = RedisExtension.create();
 *
 * @Test
 * void ordersGoOnWithoutRedis() {
 *     redis.server().kill();
 *     …
 * }
 * }</pre>
 */
public final class RedisExtension implements BeforeAllCallback, BeforeEachCallback, AfterAllCallback {
    private final Supplier<RedisServer> start;
    private @Nullable RedisServer server;
    /** How many classes of tests have begun and not ended, one within the other. */
    private int depth;

    private RedisExtension(Supplier<RedisServer> start) {
        this.start = start;
    }

    /**
     * Makes an extension for a Redis with default settings; to be held by a static field.
     *
     * @return the extension
     */
    public static RedisExtension create() {
        return new RedisExtension(RedisServer::start);
    }

    /**
     * Makes an extension for a Redis that a builder describes.
     *
     * @param builder the builder
     * @return the extension
     */
    public static RedisExtension of(RedisServer.Builder builder) {
        return new RedisExtension(builder::start);
    }

    /**
     * Returns the server, to kill, freeze or ask it.
     *
     * @return the server
     * @throws IllegalStateException if no test runs
     */
    public RedisServer server() {
        RedisServer running = server;
        if (running == null) {
            throw new IllegalStateException(
                    "no Redis yet: hold the extension in a static field with @RegisterExtension");
        }
        return running;
    }

    /**
     * Returns the address, as {@code REDIS_URL} takes it.
     *
     * @return {@code redis://127.0.0.1:port}
     */
    public String url() {
        return server().url();
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        // Nested classes of tests begin and end within those around them.
        if (depth == 0) {
            server = start.get();
        }
        depth++;
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        RedisServer running = server();
        if (running.isRunning()) {
            running.thaw();
            Object unused = running.command("FLUSHALL");
        } else {
            running.restart(RedisServer.Data.EMPTY);
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        RedisServer running = server;
        if (running != null && --depth == 0) {
            running.close();
            server = null;
        }
    }
}
