package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheConfigException;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whether the Lettuce that is there has what is used of it. */
final class LettuceVersion {
    /** The lowest that the tests run on. */
    static final String LOWEST = "6.8";

    private static final String DECODER = "io.lettuce.core.protocol.RedisStateMachine";

    private LettuceVersion() {}

    /**
     * Does nothing if it has.
     *
     * @param loader where to look
     * @throws CacheConfigException if it has not; it says what to do
     */
    static void require(ClassLoader loader) {
        try {
            Class<?> decoder = Class.forName(DECODER, true, loader);
            Class<?> output = Class.forName("io.lettuce.core.output.CommandOutput", true, loader);
            Class<?> buffer = Class.forName("io.netty.buffer.ByteBuf", true, loader);
            List<Object> used =
                    List.of(decoder.getConstructor(), decoder.getMethod("decode", buffer, output, Consumer.class));
            assert !used.isEmpty();
        } catch (ReflectiveOperationException | LinkageError e) {
            throw new CacheConfigException("the cluster tier needs Lettuce " + LOWEST + " or later, found "
                    + found(loader) + " (managed by Spring Boot? set <lettuce.version>)");
        }
    }

    private static String found(ClassLoader loader) {
        try {
            Class<?> any = Class.forName("io.lettuce.core.RedisURI", false, loader);
            @Nullable Package name = any.getPackage();
            String version = name == null ? null : name.getImplementationVersion();
            return version == null ? "an older one" : version;
        } catch (ClassNotFoundException | LinkageError e) {
            return "none";
        }
    }
}
