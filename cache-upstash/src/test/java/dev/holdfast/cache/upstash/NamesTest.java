package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A name server that hangs does not make the database's name unknown for ever. */
class NamesTest {
    private static final List<InetAddress> FOUND = List.of(InetAddress.getLoopbackAddress());

    private final AtomicLong now = new AtomicLong(7);
    private final AtomicInteger questions = new AtomicInteger();
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);

    private List<InetAddress> resolve() {
        if (questions.incrementAndGet() == 1) {
            asked.countDown();
            try {
                goOn.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return FOUND;
    }

    private static List<InetAddress> lookup(Names names) {
        try {
            return names.lookup("database");
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aQuestionThatIsNeverAnsweredIsNotWaitedForByThoseWhoComeLater() throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            Names names = new Names(host -> resolve(), threads, () -> null, now::get);
            CompletableFuture<List<InetAddress>> first = CompletableFuture.supplyAsync(() -> lookup(names), threads);
            assertTrue(asked.await(10, TimeUnit.SECONDS));
            now.addAndGet(TimeUnit.SECONDS.toNanos(10));

            CompletableFuture<List<InetAddress>> second = CompletableFuture.supplyAsync(() -> lookup(names), threads);

            assertEquals(FOUND, second.get(10, TimeUnit.SECONDS));
            assertEquals(2, questions.get());
            assertFalse(first.isDone());
            goOn.countDown();
            assertEquals(FOUND, first.get(10, TimeUnit.SECONDS));
        } finally {
            goOn.countDown();
            threads.shutdownNow();
        }
    }
}
