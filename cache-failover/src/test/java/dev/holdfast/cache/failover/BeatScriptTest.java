package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The script that keeps the roll on a real server, against what the model of several clients goes by. */
class BeatScriptTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int ROLLS = 30;
    private static final int BEATS = 60;

    private final SplittableRandom random = new SplittableRandom(20_261_130);
    /** Ahead of the server's clock, so that the time is what members say. */
    private long time = System.currentTimeMillis() + TimeUnit.HOURS.toMillis(1);

    /** What the server's time was in the last answer, or a later one than it can have said. */
    private long known = -1;

    @Test
    void theServerKeepsTheRollAsTheModelDoes() {
        try (RedisServer redis = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            for (int i = 0; i < ROLLS; i++) {
                redis.command("FLUSHALL");
                ModelRoll model = new ModelRoll(AgreementBug.NONE);
                long version = 0;
                known = -1;
                // The first tells the time.
                for (int beats = 0; beats < BEATS; beats++) {
                    Beat beat = beat(beats == 0, version);
                    Roll roll = store.beat(beat, LIMIT);
                    assertEquals(model.beat(beat, 0), roll, "roll " + i + ", beat " + beats + ": " + beat);
                    version = random.nextInt(3) == 0 ? version : roll.version();
                    known = roll.serverMillis() + (random.nextInt(12) == 0 ? 3_000 : 0);
                }
            }
        }
    }

    private Beat beat(boolean first, long version) {
        time += random.nextInt(4) == 0 ? random.nextLong(20_000) : random.nextLong(1_500);
        long late = random.nextInt(6) == 0 ? random.nextLong(40_000) : 0;
        long sent = !first && random.nextInt(8) == 0 ? -1 : time - (first ? 0 : late);
        Beat.Standing[] standings = Beat.Standing.values();
        Beat.Standing standing = standings[random.nextInt(random.nextInt(4) == 0 ? standings.length : 2)];
        Map<String, Long> floors = new HashMap<>();
        while (random.nextInt(5) == 0) {
            floors.put("cache" + random.nextInt(3) + ':', time + random.nextLong(5) - 2);
        }
        return new Beat(
                "m" + random.nextInt(5),
                standing,
                sent,
                known,
                Duration.ofMillis(random.nextInt(3) * 1_000L),
                Duration.ofSeconds(30),
                random.nextInt(6) == 0,
                floors,
                version);
    }
}
