package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class IsolatedThreadsTest {
    private static final InheritableThreadLocal<String> TENANT = new InheritableThreadLocal<>();

    @Test
    void aThreadInheritsNothingOfItsMaker() throws Exception {
        inheritsNothing(IsolatedThreads.platform("test"));
        var virtual = IsolatedThreads.virtual("test");
        assertEquals(Runtime.version().feature() >= 21, virtual.isPresent());
        if (virtual.isPresent()) {
            inheritsNothing(virtual.get());
        }
    }

    @Test
    void threadsAreDaemonsWithNumberedNames() {
        ThreadFactory threads = IsolatedThreads.platform("holdfast-test");
        Thread first = threads.newThread(() -> {});
        assertTrue(first.isDaemon());
        assertEquals("holdfast-test-1", first.getName());
        assertEquals("holdfast-test-2", threads.newThread(() -> {}).getName());
    }

    private static void inheritsNothing(ThreadFactory threads) throws Exception {
        AtomicReference<String> tenant = new AtomicReference<>("not run");
        AtomicReference<ClassLoader> loader = new AtomicReference<>();
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader application = new URLClassLoader(new URL[0])) {
            Thread.currentThread().setContextClassLoader(application);
            TENANT.set("secret of request 1");
            Thread thread = threads.newThread(() -> {
                tenant.set(TENANT.get());
                loader.set(Thread.currentThread().getContextClassLoader());
            });
            thread.start();
            thread.join();
        } finally {
            TENANT.remove();
            Thread.currentThread().setContextClassLoader(before);
        }
        assertNull(tenant.get());
        assertSame(IsolatedThreads.class.getClassLoader(), loader.get());
    }
}
