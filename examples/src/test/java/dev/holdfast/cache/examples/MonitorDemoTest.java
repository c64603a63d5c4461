package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class MonitorDemoTest {
    private static final MonitorDemo.Plan SHORT =
            new MonitorDemo.Plan(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(4));

    @Test
    void noCallFailsWhileTheServerIsAway() {
        assertTrue(new MonitorDemo(SHORT, new ByteArrayInputStream(new byte[0])).play());
    }

    @Test
    void enterEndsIt() {
        long begin = System.nanoTime();
        assertTrue(new MonitorDemo(MonitorDemo.Plan.USUAL, new ByteArrayInputStream(new byte[] {'\n'})).play());
        long seconds = (System.nanoTime() - begin) / 1_000_000_000;
        assertTrue(seconds < 60, () -> "took " + seconds + " s");
    }
}
