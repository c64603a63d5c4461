package dev.holdfast.cache.client;

import java.util.Optional;
import java.util.concurrent.ThreadFactory;

/** Virtual threads, reached by reflection since the bytecode is that of Java 17. */
final class VirtualThreads {
    private VirtualThreads() {}

    /** Makes a factory of threads with numbered names; empty where the JVM has none, or only as a preview. */
    static Optional<ThreadFactory> factory(String prefix) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            builder = type.getMethod("name", String.class, long.class).invoke(builder, prefix, 0L);
            return Optional.of((ThreadFactory) type.getMethod("factory").invoke(builder));
        } catch (ReflectiveOperationException e) {
            return Optional.empty();
        }
    }
}
