package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheEvent.StaleServed;
import dev.holdfast.cache.CacheEvent.TierBack;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A clock to move and a listener to wait for. */
class ToolsForUsersTest {

    @Test
    void aClockStandsUntilItIsMoved() {
        FakeClock clock = new FakeClock(Instant.EPOCH);
        assertEquals(Instant.EPOCH, clock.instant());
        clock.advance(Duration.ofMinutes(6));
        assertEquals(Instant.EPOCH.plusSeconds(360), clock.instant());
        assertThrows(IllegalArgumentException.class, () -> clock.advance(Duration.ofNanos(-1)));
        assertTrue(clock.toString().contains("1970-01-01T00:06"), clock::toString);
    }

    @Test
    void eventsAreWaitedForOneAfterTheOther() throws InterruptedException {
        RecordingListener events = new RecordingListener();
        TierLost lost = new TierLost("single", TierHealth.Reason.FORCED, null);
        Thread teller = new Thread(() -> {
            events.accept(new StaleServed("c", "k"));
            events.accept(lost);
        });
        teller.start();
        assertEquals(lost, events.await(TierLost.class));
        teller.join();
        AssertionError e = assertThrows(AssertionError.class, () -> events.await(TierLost.class, Duration.ofMillis(5)));
        assertTrue(e.getMessage().contains("no TierLost"), e.getMessage());
        events.accept(new TierBack("single"));
        assertEquals(new TierBack("single"), events.await(CacheEvent.class));
        assertEquals(List.of(new StaleServed("c", "k"), lost, new TierBack("single")), events.events());
    }
}
