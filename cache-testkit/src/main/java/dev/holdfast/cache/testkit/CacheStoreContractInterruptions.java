package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Calls that are ended from outside: by an interruption, by a disconnect, by the end of the store. */
abstract class CacheStoreContractInterruptions extends CacheStoreContractThreads {

    @Test
    void aThreadThatIsInterruptedBeforeACallIsToldAndStaysInterrupted() {
        boolean waits = waits();
        store.put("key", VALUE, LONG);

        assertAll(calls().entrySet().stream().map(call -> (Executable) () -> mode.atOnce(1, thread -> {
            Thread.currentThread().interrupt();
            try {
                call.getValue().accept(store);
                assertFalse(waits, () -> call.getKey() + " went on although the thread was interrupted");
            } catch (CacheInterruptedException e) {
                assertNotNull(e.getMessage());
            }
            assertTrue(Thread.interrupted(), () -> call.getKey() + " swallowed the interruption");
        })));
        store.put("key", OTHER, LONG);
        assertHolds("key", OTHER);
    }

    @Test
    void aThreadThatWasInterruptedBeforeACallChangesNothing() {
        store.put("key", VALUE, LONG);

        mode.atOnce(1, thread -> {
            Thread.currentThread().interrupt();
            allowedOrRefused(() -> store.put("key", OTHER, LONG));
            allowedOrRefused(() -> store.remove("key"));
            allowedOrRefused(() -> store.increment("counter", 1, LONG));
        });

        if (waits()) {
            assertHolds("key", VALUE);
            assertFalse(store.contains("counter"));
        }
    }

    private void allowedOrRefused(Runnable call) {
        if (waits()) {
            assertThrows(CacheInterruptedException.class, call::run);
        } else {
            call.run();
        }
    }

    @Test
    void aThousandInterruptedVirtualThreadsHarmNobody() {
        ThreadFactory virtual = virtualThreads();
        store.put("k", VALUE, LONG);

        CacheStoreContractMode.atOnce(virtual, 1_000, thread -> {
            if (thread % 2 == 0) {
                Thread.currentThread().interrupt();
            }
            try {
                assertEquals("value", text(store.get("k")));
            } catch (CacheInterruptedException e) {
                assertEquals(0, thread % 2, "the interruption of another thread came here");
            }
            assertEquals(thread % 2 == 0, Thread.currentThread().isInterrupted());
        });

        assertHolds("k", VALUE);
    }

    /** How often threads have incremented a counter. */
    private final class Increments {
        private final AtomicLong acknowledged = new AtomicLong();
        private final AtomicLong unknown = new AtomicLong();

        void next() {
            store.increment("k", 1, LONG);
            acknowledged.incrementAndGet();
        }

        long acknowledged() {
            return acknowledged.get();
        }

        void failed() {
            unknown.incrementAndGet();
        }

        void assertCounted() {
            long counter = store.increment("k", 0, LONG);
            assertTrue(
                    acknowledged.get() <= counter && counter <= acknowledged.get() + unknown.get(),
                    () -> counter + " after " + acknowledged + " acknowledged and " + unknown + " unknown");
        }
    }

    /** Has threads make calls, again and again, until another has ended. */
    private void underLoad(CacheStoreContractMode.Task calls, CacheStoreContractMode.Task until) {
        AtomicBoolean stop = new AtomicBoolean();
        mode.atOnce(THREADS / 2 + 1, thread -> {
            if (thread == 0) {
                try {
                    until.run(thread);
                } finally {
                    stop.set(true);
                }
            }
            while (!stop.get()) {
                letOthersRun();
                calls.run(thread);
            }
        });
    }

    @Test
    void interruptionsUnderLoadHarmNobodyElse() {
        Set<Thread> victims = ConcurrentHashMap.newKeySet();
        Increments increments = new Increments();

        underLoad(
                thread -> {
                    boolean victim = thread % 2 == 0;
                    if (victim) {
                        victims.add(Thread.currentThread());
                    }
                    try {
                        increments.next();
                    } catch (CacheInterruptedException e) {
                        assertTrue(victim, "the interruption of another thread came here");
                        assertTrue(Thread.currentThread().isInterrupted(), "the interrupt flag was not set again");
                        increments.failed();
                    }
                    if (victim) {
                        Thread.interrupted();
                    }
                },
                thread -> interruptSometimes(victims));

        increments.assertCounted();
    }

    private static void interruptSometimes(Set<Thread> victims) throws InterruptedException {
        eventually("the threads", () -> victims.size() == THREADS / 4);
        List<Thread> each = List.copyOf(victims);
        Random random = new Random(5);
        for (int i = 0; i < 100; i++) {
            each.get(random.nextInt(each.size())).interrupt();
            Thread.sleep(1);
        }
    }

    @Test
    void disconnectsUnderLoadFailCallsThatAreUnderWayAndNoOthers() {
        Exception cause = new Exception("disconnected by a test");
        Increments increments = new Increments();
        List<Consumer<CacheStore>> others = List.copyOf(calls().values());

        underLoad(
                thread -> {
                    try {
                        increments.next();
                    } catch (CacheUnavailableException e) {
                        assertMentions(e, cause);
                        increments.failed();
                    }
                    try {
                        others.get(ThreadLocalRandom.current().nextInt(others.size()))
                                .accept(store);
                    } catch (CacheUnavailableException e) {
                        assertMentions(e, cause);
                    }
                },
                thread -> {
                    for (int i = 0; i < 30; i++) {
                        long before = increments.acknowledged();
                        eventually("calls that succeed after a disconnect", () -> increments.acknowledged() > before);
                        store.disconnect(cause);
                    }
                });

        increments.assertCounted();
        assertProbedWell(store, "after the disconnects");
    }

    private static void assertMentions(CacheUnavailableException thrown, Throwable cause) {
        assertTrue(mentions(thrown, cause), () -> "a failure that does not come from the disconnect: " + thrown);
    }

    private static boolean mentions(@Nullable Throwable thrown, Throwable cause) {
        return thrown != null
                && (thrown == cause
                        || mentions(thrown.getCause(), cause)
                        || Stream.of(thrown.getSuppressed()).anyMatch(suppressed -> mentions(suppressed, cause)));
    }

    @Test
    void closeUnderLoadEndsEveryCall() {
        Set<Integer> answered = ConcurrentHashMap.newKeySet();

        mode.atOnce(THREADS / 2 + 1, thread -> {
            if (thread == 0) {
                eventually("the threads", () -> answered.size() == THREADS / 2);
                store.close();
                return;
            }
            while (true) {
                letOthersRun();
                try {
                    store.put("k" + thread, VALUE, LONG);
                    answered.add(thread);
                } catch (CacheUnavailableException e) {
                    // It was under way. The next one meets a closed store.
                } catch (IllegalStateException e) {
                    return;
                }
            }
        });
    }
}
