package dev.holdfast.cache.upstash;

import java.lang.reflect.Method;

/** What a thread has allocated; by reflection, since the module itself does not read {@code jdk.management}. */
final class ThreadMemory {
    private ThreadMemory() {}

    /** How many bytes the calling thread has allocated since it started. */
    static long allocated() {
        try {
            Object threads = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getThreadMXBean")
                    .invoke(null);
            Method bytes =
                    Class.forName("com.sun.management.ThreadMXBean").getMethod("getThreadAllocatedBytes", long.class);
            return (long) bytes.invoke(threads, Thread.currentThread().getId());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this JVM does not count what threads allocate", e);
        }
    }
}
