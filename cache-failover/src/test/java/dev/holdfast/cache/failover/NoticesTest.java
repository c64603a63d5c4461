package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.helpers.NOPLogger;

class NoticesTest {
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
        public void tierOpened(String tier, FailoverReason reason, @Nullable Throwable cause) {
            note("opened " + tier + ' ' + reason);
        }

        @Override
        public void tierClosed(String tier) {
            note("closed " + tier);
        }

        @Override
        public void failover(String from, @Nullable String to, FailoverReason reason) {
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
    void everyListenerHearsEverythingInOrderWhateverOthersThrow() {
        Notices notices = new Notices(
                NOPLogger.NOP_LOGGER, List.of("first", "second"), List.of(new Failing("a"), new Failing("b")));
        notices.add(new Effect.Opened(0, FailoverReason.FROZEN, null, 1));
        notices.add(new Effect.Switched(0, 1, FailoverReason.FROZEN, 0, 0));
        notices.add(new Effect.ReconciliationFailed(0, new IllegalStateException("again")));
        notices.add(new Effect.Remark(0, "only the log is told"));
        notices.add(new Effect.Closed(0, 8_000_000_000L, 3));
        notices.add(new Effect.Switched(1, 0, null, 8_000_000_000L, 3));

        assertTrue(notices.claim());
        notices.deliver();

        List<String> events = List.of(
                "opened first FROZEN",
                "failover first second FROZEN",
                "not reconciled first again",
                "closed first",
                "failback second first PT8S 3");
        List<String> expected = new ArrayList<>();
        events.forEach(event -> expected.addAll(List.of("a " + event, "b " + event)));
        assertEquals(expected, heard);
        assertTrue(notices.claim(), "the next event is delivered too");
    }
}
