package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.fail;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/** Decides which kind of threads a test and its helpers run on. */
final class CacheStoreContractMode implements InvocationInterceptor {
    private final BooleanSupplier virtual;

    CacheStoreContractMode(BooleanSupplier virtual) {
        this.virtual = virtual;
    }

    /** A body that may throw. */
    interface Task {
        void run(int index) throws Throwable;
    }

    @Override
    public void interceptTestMethod(
            Invocation<@Nullable Void> invocation,
            ReflectiveInvocationContext<Method> invocationContext,
            ExtensionContext extensionContext)
            throws Throwable {
        if (!virtual.getAsBoolean()) {
            invocation.proceed();
            return;
        }
        Optional<ThreadFactory> factory = virtualThreads();
        if (factory.isEmpty()) {
            invocation.skip();
            Assumptions.abort("this JVM has no virtual threads");
        }
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        Thread thread = factory.orElseThrow().newThread(() -> {
            try {
                invocation.proceed();
            } catch (Throwable t) {
                thrown.set(t);
            }
        });
        thread.start();
        try {
            thread.join();
        } catch (InterruptedException e) {
            thread.interrupt();
            throw e;
        }
        Throwable failure = thrown.get();
        if (failure != null) {
            throw failure;
        }
    }

    /** Runs a task in many threads that begin together, and waits for all; the first failure is the caller's. */
    void atOnce(int threads, Task task) {
        atOnce(
                virtual.getAsBoolean() ? virtualThreads().orElseThrow() : CacheStoreContractMode::platformThread,
                threads,
                task);
    }

    static Thread platformThread(Runnable body) {
        Thread thread = new Thread(body, "contract");
        thread.setDaemon(true);
        return thread;
    }

    static void atOnce(ThreadFactory factory, int threads, Task task) {
        CountDownLatch start = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(threads);
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        List<Thread> all = new ArrayList<>(threads);
        for (int i = 0; i < threads; i++) {
            int index = i;
            Thread thread = factory.newThread(() -> {
                try {
                    start.await();
                    task.run(index);
                } catch (Throwable t) {
                    thrown.compareAndSet(null, t);
                } finally {
                    end.countDown();
                }
            });
            all.add(thread);
            thread.start();
        }
        start.countDown();
        awaitAll(end, all);
        Throwable failure = thrown.get();
        if (failure != null) {
            throw new AssertionError("a thread failed: " + failure, failure);
        }
    }

    private static void awaitAll(CountDownLatch end, List<Thread> threads) {
        try {
            if (end.await(3L * CacheStoreContractFixture.PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        AssertionError hangs = new AssertionError(end.getCount() + " of " + threads.size() + " threads still run");
        for (Thread thread : threads) {
            if (thread.isAlive()) {
                Throwable where = new Throwable(thread.toString());
                where.setStackTrace(thread.getStackTrace());
                hangs.addSuppressed(where);
                thread.interrupt();
            }
        }
        throw hangs;
    }

    /** Makes virtual threads, by reflection since this is compiled for Java 17; empty where the JVM has none. */
    static Optional<ThreadFactory> virtualThreads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            return Optional.of((ThreadFactory) Class.forName("java.lang.Thread$Builder")
                    .getMethod("factory")
                    .invoke(builder));
        } catch (NoSuchMethodException | ClassNotFoundException e) {
            return Optional.empty();
        } catch (ReflectiveOperationException e) {
            return fail("virtual threads exist but can't be made", e);
        }
    }
}
