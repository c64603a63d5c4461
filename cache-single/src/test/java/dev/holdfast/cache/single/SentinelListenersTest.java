package dev.holdfast.cache.single;

import static dev.holdfast.cache.single.Eventually.until;

import dev.holdfast.cache.testkit.RedisSentinels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Who listens to sentinels. Counts the threads of the whole process, and so has it for itself. */
class SentinelListenersTest {
    private static final long SECONDS_NANOS = TimeUnit.SECONDS.toNanos(10);

    @Test
    void whoeverStoppedListeningListensAgainWithTheNextConnection() throws IOException {
        try (RedisSentinels sentinels = RedisSentinels.start("shop")) {
            SingleConfig config = SingleConfig.of(sentinels.url());
            Masters masters = new Masters(config, (Place.Master) config.place());
            try {
                masters.find(System.nanoTime() + SECONDS_NANOS);
                until("all are listened to", () -> listeners().size() == 3);
                listeners().forEach(Thread::interrupt);
                sentinels.killSentinel(0);
                until("one does not listen any more", () -> listeners().size() == 2);
                until("all are listened to again", () -> {
                    try {
                        masters.find(System.nanoTime() + SECONDS_NANOS);
                    } catch (IOException e) {
                        return false;
                    }
                    return listeners().size() == 3;
                });
            } finally {
                masters.close();
            }
        }
    }

    private static List<Thread> listeners() {
        List<Thread> listeners = new ArrayList<>();
        Thread.getAllStackTraces().forEach((thread, frames) -> {
            if (Arrays.stream(frames).anyMatch(frame -> frame.getMethodName().equals("listenOn"))) {
                listeners.add(thread);
            }
        });
        return listeners;
    }
}
