package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.monitor.Monitor;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets one look at the page of a monitor while the Redis behind a cache is killed and comes back. Ends after two minutes, or when Enter is pressed.
 */
final class MonitorDemo {
    private static final Duration STEP = Duration.ofMillis(2);
    private static final int KEYS = 2_000;

    private final Plan plan;
    private final InputStream keyboard;
    private final long begin = System.nanoTime();

    /** When the server is killed, when it comes back and when all ends, from the start. */
    record Plan(Duration kill, Duration back, Duration end) {
        static final Plan USUAL = new Plan(Duration.ofSeconds(20), Duration.ofSeconds(60), Duration.ofSeconds(120));
    }

    MonitorDemo(Plan plan, InputStream keyboard) {
        this.plan = plan;
        this.keyboard = keyboard;
    }

    /** Plays, and returns whether no call failed. */
    boolean play() {
        Settings anyPort = Settings.of(Map.of("REDIS_MONITORING_PORT", "0", "CACHE_ALERT_WARMUP", "30"));
        try (SingleRedis redis = new SingleRedis();
                CacheClient client = CacheClient.from(redis.settings());
                Monitor monitor = Monitor.start(client, anyPort)) {
            System.out.printf(
                    "%n  http://127.0.0.1:%d/   is the page. Redis is killed after %d s and is back after %d; Enter ends it.%n%n",
                    monitor.port().orElseThrow(),
                    plan.kill().toSeconds(),
                    plan.back().toSeconds());
            return run(redis, client.cache("users", String.class, String.class).build());
        }
    }

    private boolean run(SingleRedis redis, Cache<String, String> users) {
        Random random = new Random(1);
        int errors = 0;
        boolean killed = false;
        boolean back = false;
        while (elapsed().compareTo(plan.end()) < 0 && !isEnded()) {
            if (!killed && elapsed().compareTo(plan.kill()) >= 0) {
                killed = true;
                redis.kill();
                say("Redis was killed (SIGKILL)");
            }
            if (!back && elapsed().compareTo(plan.back()) >= 0) {
                back = true;
                redis.restart();
                say("Redis is back");
            }
            try {
                users.get("user-" + Math.abs((int) (random.nextGaussian() * KEYS / 4)), key -> "somebody");
            } catch (RuntimeException e) {
                errors++;
                say("a call failed: " + e);
            }
            LockSupport.parkNanos(STEP.toNanos());
        }
        System.out.println("monitor: errors=" + errors);
        return errors == 0;
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    private boolean isEnded() {
        try {
            return keyboard.available() > 0;
        } catch (IOException e) {
            return true;
        }
    }

    private void say(String what) {
        System.out.printf("%4d s  %s%n", elapsed().toSeconds(), what);
    }
}
