package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What is made of the names that processes have. */
class ProcessesTest {
    private static final String ONE = "1".repeat(40);
    private static final String OTHER = "2".repeat(40);

    private final Processes processes = new Processes();

    private void met(String name) {
        processes.met(new Reply.Bytes(("# Server\r\nrun_id:" + name + "\r\n").getBytes(UTF_8)));
    }

    @Test
    void aNameThatChangesIsThatOfAnotherProcess() {
        Processes.Seen seen = processes.seen();
        met(ONE);
        long one = seen.since();
        met(ONE);
        assertEquals(one, seen.since());
        met(OTHER);
        assertTrue(seen.since() - one > 0);
    }

    @Test
    void namesThatAlternateAreNotBelievedForTheRestOfARemoval() {
        Processes.Seen seen = processes.seen();
        long begin = seen.since();
        for (int i = 0; i < 4; i++) {
            met(i % 2 == 0 ? ONE : OTHER);
            seen.since();
        }
        for (int i = 0; i < 4; i++) {
            met(i % 2 == 0 ? ONE : OTHER);
            assertEquals(begin, seen.since());
        }
        Processes.Seen next = processes.seen();
        long before = next.since();
        met(ONE);
        assertTrue(next.since() - before > 0, "the next removal believes them");
    }
}
