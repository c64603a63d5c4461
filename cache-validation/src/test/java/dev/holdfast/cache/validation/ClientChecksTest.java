package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the rehearsal of a failover costs, and what of it is told. */
class ClientChecksTest {
    private static final Pattern BACK = Pattern.compile("back in ([0-9]+) ms");
    private static final Pattern SCANS = Pattern.compile("cmdstat_scan:calls=([0-9]+)");

    @Test
    void theTimeBackIsWithoutThatOfTheCleaning() {
        try (RedisServer redis = RedisServer.start()) {
            AtomicInteger calls = new AtomicInteger();
            AtomicLong before = new AtomicLong();
            long start = System.nanoTime();
            // The second time, it takes twice as long as all before took.
            Runnable slow = () -> {
                if (calls.incrementAndGet() == 2) {
                    before.set(System.nanoTime() - start);
                    long end = System.nanoTime() + 2 * before.get();
                    while (System.nanoTime() - end < 0) {
                        LockSupport.parkNanos(end - System.nanoTime());
                    }
                }
            };
            Environment environment = new Environment(Map.of("REDIS_URL", redis.url()));
            try (ClientChecks client = new ClientChecks(Environment.SINGLE, environment, slow)) {
                Result result = client.failover("failover");
                assertEquals(Mark.OK, result.mark(), result.measured());
                assertEquals(2, calls.get());
                Matcher back = BACK.matcher(result.measured());
                assertTrue(back.find(), result.measured());
                assertTrue(Long.parseLong(back.group(1)) <= before.get() / 1_000_000 + 1, result.measured());
            }
        }
    }

    @Test
    void theWholeDatabaseIsSearchedOnceAndKeysThatAreKnownExpire() {
        try (RedisServer redis = RedisServer.start()) {
            Target target = Targets.of("single", new Environment(Map.of("REDIS_URL", redis.url())).settings())
                    .get(0);
            Conversation server = Conversation.with(target);
            redis.command("SET", "run:one", "v");
            redis.command("SET", "theirs", "v");
            Cleanup cleanup = new Cleanup(server, target, "run:");
            cleanup.shorten();
            assertTrue((Long) redis.command("PTTL", "run:one") > 0);
            redis.command("PERSIST", "run:one");
            long scans = scans(redis);
            cleanup.shorten();
            assertEquals(scans, scans(redis));
            assertTrue((Long) redis.command("PTTL", "run:one") > 0);
            // Their names are known: nothing has to be searched for.
            Roll.KEYS.forEach(key -> redis.command("SET", "run:" + key, "v"));
            cleanup.shorten();
            assertEquals(scans, scans(redis));
            Roll.KEYS.forEach(key -> assertTrue((Long) redis.command("PTTL", "run:" + key) > 0, key));
            redis.command("SET", "run:two", "v");
            // What the checks asked over is lost: another one does.
            server.close();
            cleanup.remove();
            assertEquals(1L, redis.command("DBSIZE"));
            assertEquals(-1L, redis.command("PTTL", "theirs"));
        }
    }

    private static long scans(RedisServer redis) {
        Matcher calls = SCANS.matcher(String.valueOf(redis.command("INFO", "commandstats")));
        assertTrue(calls.find());
        return Long.parseLong(calls.group(1));
    }
}
