package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.helpers.NOPLogger;

class NotificationsTest {
    private final List<String> heard = new ArrayList<>();

    /** Notes what it is told, then fails. */
    private final class Failing implements FailoverListener {
        private final String name;

        Failing(String name) {
            this.name = name;
        }

        private void note(String event) {
            heard.add(name + ' ' + event);
            if (heard.size() % 2 == 0) {
                throw new AssertionError("a listener that fails harms nobody");
            }
            throw new IllegalStateException("a listener that fails harms nobody");
        }

        @Override
        public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
            note("opened " + tier + ' ' + reason);
        }

        @Override
        public void tierClosed(String tier) {
            note("closed " + tier);
        }

        @Override
        public void failover(String from, @Nullable String to, TierHealth.Reason reason) {
            note("failover " + from + ' ' + to + ' ' + reason);
        }

        @Override
        public void failback(@Nullable String from, String to, Duration outage, long dirtyKeys) {
            note("failback " + from + ' ' + to + ' ' + outage + ' ' + dirtyKeys);
        }

        @Override
        public void reconciliationFailed(String tier, Throwable cause) {
            note("not reconciled " + tier + ' ' + cause.getMessage());
        }
    }

    @Test
    void aReaderWhoseFailureCantBeToldEitherHearsWhatFollows() {
        List<String> told = new ArrayList<>();
        Mailbox<String> mailbox = new Mailbox<>(
                message -> {
                    told.add(message);
                    throw new AssertionError(message);
                },
                e -> {
                    throw new AssertionError("the log fails too");
                });
        mailbox.add("first");
        mailbox.add("second");
        assertThrows(
                AssertionError.class,
                () -> mailbox.deliverOn(task -> {
                    throw new AssertionError("no thread");
                }));
        mailbox.deliverOn(Runnable::run);
        mailbox.add("third");
        mailbox.deliverOn(Runnable::run);

        assertEquals(List.of("first", "second", "third"), told);
    }

    @Test
    void everyListenerHearsEverythingInOrderWhateverOthersThrow() {
        Notifications notifications = new Notifications(
                NOPLogger.NOP_LOGGER, List.of("first", "second"), List.of(new Failing("a"), new Failing("b")));
        notifications.add(new Effect.Opened(0, TierHealth.Reason.FROZEN, null, 1));
        notifications.add(new Effect.Switched(0, 1, TierHealth.Reason.FROZEN, 0, 0));
        notifications.add(new Effect.ReconciliationFailed(0, new IllegalStateException("again")));
        notifications.add(new Effect.Remark(0, "only the log is told"));
        notifications.add(new Effect.Closed(0, 8_000_000_000L, 3));
        notifications.add(new Effect.Switched(1, 0, null, 8_000_000_000L, 3));

        notifications.deliverOn(Runnable::run);

        List<String> events = List.of(
                "opened first FROZEN",
                "failover first second FROZEN",
                "not reconciled first again",
                "closed first",
                "failback second first PT8S 3");
        for (String listener : List.of("a ", "b ")) {
            assertEquals(
                    events.stream().map(listener::concat).toList(),
                    heard.stream().filter(each -> each.startsWith(listener)).toList());
        }
        heard.clear();
        notifications.add(new Effect.Closed(1, 0, 0));
        notifications.deliverOn(Runnable::run);
        assertEquals(List.of("a closed second", "b closed second"), heard, "the next event is delivered too");
    }

    @Test
    void aListenerThatHangsMissesTheOldestEventsAndHoldsUpNeitherTheLogNorOthers() throws InterruptedException {
        CountDownLatch hangs = new CountDownLatch(1);
        CountDownLatch caught = new CountDownLatch(1);
        FailoverListener hanging = new FailoverListener() {
            @Override
            public void tierClosed(String tier) {
                caught.countDown();
                try {
                    hangs.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        List<String> others = new ArrayList<>();
        FailoverListener other = new FailoverListener() {
            @Override
            public void tierClosed(String tier) {
                others.add(tier);
            }
        };
        List<Thread> threads = new ArrayList<>();
        Notifications notifications =
                new Notifications(NOPLogger.NOP_LOGGER, List.of("first"), List.of(hanging, other));
        notifications.add(new Effect.Closed(0, 0, 0));
        notifications.deliverOn(task -> {
            Thread thread = new Thread(task);
            threads.add(thread);
            thread.start();
        });
        caught.await();
        // The log's, the hanging listener's, the other listener's.
        threads.get(0).join();
        threads.get(2).join();

        for (int i = 0; i < Mailbox.CAPACITY + 5; i++) {
            notifications.add(new Effect.Closed(0, 0, 0));
            notifications.deliverOn(Runnable::run);
        }

        assertEquals(5, notifications.dropped());
        hangs.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(Mailbox.CAPACITY + 6, others.size());
    }
}
