package dev.holdfast.cache.monitor;

import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.monitor.Limit.Side;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The rules. Rates and times are those of the last minute, and few reads or operations are no reason to judge.
 *
 * <pre>
 *   redis-connection-lost   a server is configured and none serves      critical          10 s / 30 s
 *   hit-rate                below 60 % / 30 %, clear from 65 / 35       warning/critical  5 min / 2 min
 *   response-time           above 100 / 150 ms, clear up to 80 / 120    warning/critical  1 min / 1 min
 *   error-rate              above 5 %, clear up to 3                    critical          1 min / 1 min
 *   memory                  above 80 %, clear up to 75                  warning           5 min / 5 min
 *   evictions               hit rate fallen by more than 10 points,     warning           5 min / 5 min
 *                           clear up to 5, while memory evicts
 *   forced-failover         an operator has taken a tier out            info              at once
 * </pre>
 */
final class Rules {
    private static final long FEWEST_READS = 100;
    private static final long FEWEST_OPERATIONS = 20;
    private static final long LATELY = TimeUnit.MINUTES.toNanos(5);
    private static final long USUALLY = TimeUnit.HOURS.toNanos(1);
    private static final String LOST = "redis-connection-lost";
    private static final String PERCENT = "%";
    private static final String MILLIS = "ms";

    private final Bounds bounds;
    private final BooleanSupplier warmingUp;

    /** {@code warmingUp} says whether a hit rate says nothing yet. */
    Rules(Settings settings, BooleanSupplier warmingUp) {
        this.bounds = new Bounds(settings);
        this.warmingUp = warmingUp;
    }

    List<Rule> all() {
        return List.of(
                new Rule(
                        LOST,
                        "servingServers",
                        "",
                        bounds.unlessOff(new Limit(Severity.CRITICAL, Side.BELOW, 1, 1), LOST),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(30),
                        Rules::servingServers,
                        (value, limit) -> "no Redis server serves the cache"),
                new Rule(
                        "hit-rate",
                        "hitRate",
                        PERCENT,
                        bounds.percent("HIT_RATE", Side.BELOW, 60, 30, bound -> bound + 5),
                        Duration.ofMinutes(5),
                        Duration.ofMinutes(2),
                        this::hitRate,
                        words("cache hit rate", PERCENT)),
                new Rule(
                        "response-time",
                        "responseTime",
                        MILLIS,
                        bounds.millis("RESPONSE_TIME", 100, 150, bound -> bound * 0.8),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(1),
                        Rules::responseTime,
                        words("mean response time", MILLIS)),
                new Rule(
                        "error-rate",
                        "errorRate",
                        PERCENT,
                        bounds.percent("ERROR_RATE", Side.ABOVE, null, 5, bound -> bound * 0.6),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(1),
                        Rules::errorRate,
                        words("error rate", PERCENT)),
                new Rule(
                        "memory",
                        "memoryUsage",
                        PERCENT,
                        bounds.percent("MEMORY", Side.ABOVE, 80, null, bound -> bound - 5),
                        Duration.ofMinutes(5),
                        Duration.ofMinutes(5),
                        Rules::memory,
                        words("memory usage", PERCENT)),
                new Rule(
                        "evictions",
                        "hitRateFall",
                        PERCENT,
                        bounds.percent("EVICTIONS", Side.ABOVE, 10, null, bound -> bound / 2),
                        Duration.ofMinutes(5),
                        Duration.ofMinutes(5),
                        this::evictions,
                        (value, limit) -> "memory evicts entries and the hit rate has fallen by " + number(value)
                                + " points; the bound of memory may be too low"),
                new Rule(
                        "forced-failover",
                        "forcedTiers",
                        "",
                        List.of(new Limit(Severity.INFO, Side.ABOVE, 0, 0)),
                        Duration.ZERO,
                        Duration.ZERO,
                        now -> OptionalDouble.of(forcedOut(now)),
                        (value, limit) -> "an operator has taken a tier out of service"));
    }

    private static Rule.Words words(String what, String unit) {
        return (value, limit) -> what + ' ' + number(value) + ' ' + unit + " is "
                + (limit.side() == Side.BELOW ? "below " : "above ") + number(limit.raise()) + ' ' + unit;
    }

    private static String number(double value) {
        return BigDecimal.valueOf(value)
                .setScale(1, RoundingMode.HALF_UP)
                .stripTrailingZeros()
                .toPlainString();
    }

    /** 0 if no server serves and one should, else 1: nothing is lost where none is configured, or an operator has taken out all that are. */
    private static OptionalDouble servingServers(Figures.Now now) {
        return OptionalDouble.of(now.serverServes() || !wantsServer(now) ? 1 : 0);
    }

    /** Whether a server is configured that no operator has taken out. */
    static boolean wantsServer(Figures.Now now) {
        return now.health().tiers().stream().anyMatch(tier -> Figures.Now.isServer(tier) && !isForcedOut(tier));
    }

    private static boolean isForcedOut(TierHealth tier) {
        return tier.state() != TierHealth.State.CLOSED && tier.reason() == TierHealth.Reason.FORCED;
    }

    private static double forcedOut(Figures.Now now) {
        return (double) now.health().tiers().stream().filter(Rules::isForcedOut).count();
    }

    private OptionalDouble hitRate(Figures.Now now) {
        Window window = now.lastMinute();
        return warmingUp.getAsBoolean() || window.reads() < FEWEST_READS
                ? OptionalDouble.empty()
                : value(window.hitRate());
    }

    private static OptionalDouble responseTime(Figures.Now now) {
        var times = now.lastMinute().responseTime();
        return times.count() < FEWEST_OPERATIONS
                ? OptionalDouble.empty()
                : OptionalDouble.of(times.meanMicros() / 1_000);
    }

    private static OptionalDouble errorRate(Figures.Now now) {
        Window window = now.lastMinute();
        return window.ofTiers(Tally.OfTier.TOTAL) < FEWEST_OPERATIONS
                ? OptionalDouble.empty()
                : value(window.errorRate());
    }

    /** Of a server only: memory of this process is a bounded cache, and is meant to be full. */
    private static OptionalDouble memory(Figures.Now now) {
        return now.health().tiers().stream()
                .filter(Figures.Now::isServer)
                .map(tier -> tier.store().memory())
                .flatMap(use -> Optional.ofNullable(use).stream())
                .mapToDouble(MemoryUse::percent)
                .max();
    }

    /** By how many points the hit rate of the last five minutes is below that of an hour; 0 where memory evicts nothing, or a server serves. */
    private OptionalDouble evictions(Figures.Now now) {
        Window lately = now.window(LATELY);
        if (now.serverServes() || lately.ofTiers(Tally.OfTier.EVICTIONS) == 0) {
            return OptionalDouble.of(0);
        }
        Double rate = lately.hitRate();
        Double usual = now.window(USUALLY).hitRate();
        return warmingUp.getAsBoolean() || lately.reads() < FEWEST_READS || rate == null || usual == null
                ? OptionalDouble.empty()
                : OptionalDouble.of(Math.max(0, usual - rate));
    }

    private static OptionalDouble value(@Nullable Double value) {
        return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
    }
}
