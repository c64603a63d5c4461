package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** When a request is over, by the clock of the server that has it. */
class DeadlineTest extends Fixture {
    @Test
    void aRequestWhoseCallerGaveUpIsNotRunThoughItsStreamIsAheadOfTheClock() throws Exception {
        String ahead = System.currentTimeMillis() + 3_600_000L + "-0";
        redis().command("XADD", requests(), ahead, "x", "y");
        redis().command("XDEL", requests(), ahead);
        RequestClient client = client(config());
        assertThrows(
                RequestTimeoutException.class, () -> client.callAndWait("late", bytes("x"), Duration.ofMillis(200)));
        AtomicInteger runs = new AtomicInteger();
        // From when it is looked at on it would have its whole limit once more.
        RequestServer server = server(config(), 1, request -> {
            runs.incrementAndGet();
            return request.payload();
        });
        assertEquals("y", text(client.callAndWait("in time", bytes("y"), LIMIT)));
        until("the first to be left out", () -> server.health().expired() == 1);
        assertEquals(1, runs.get());
    }

    @Test
    void aRequestThatNamesNoTimeOfItsOwnIsRunWithinItsLimit() {
        ServerClock clock = new ServerClock();
        clock.told(List.of(bytes("1000"), bytes("0")));
        long told = clock.deadline("1000000-0", 0, null);
        assertEquals(5_000_000_000L, clock.deadline("1000000-0", 5_000, null) - told, "an older client's");
        assertEquals(2_000_000_000L, clock.deadline("1000000-0", 5_000, bytes("1002000")) - told);
        assertEquals(5_000_000_000L, clock.deadline("1000000-0", 5_000, bytes("9999999999999")) - told);
        assertEquals(5_000_000_000L, clock.deadline("1000000-0", 5_000, bytes("soon")) - told);
    }
}
