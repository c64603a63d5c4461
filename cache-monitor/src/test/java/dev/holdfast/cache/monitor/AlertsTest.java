package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.TierHealth.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules on a clock that the test moves. */
class AlertsTest {
    private static final Duration HOUR = Duration.ofHours(1);
    private final FakeClient client = new FakeClient();

    private void reads(double hitPercent, Duration duration) {
        client.pass(duration, () -> client.reads(1_000, hitPercent));
    }

    private void operations(double millis, int failuresOf100, Duration duration) {
        client.pass(duration, () -> client.operations(100, millis, failuresOf100));
    }

    private List<String> active() {
        return client.alerts.active().stream()
                .map(alert -> alert.severity().word() + ' ' + alert.id())
                .toList();
    }

    @Test
    void aServerThatIsLostIsCriticalAfterTenSecondsAndOverThirtyAfterItServes() {
        client.pass(Duration.ofMinutes(1), () -> {});
        client.out = Reason.FROZEN;
        client.judge();
        client.nanos += Duration.ofMillis(9_900).toNanos();
        client.judge();
        assertEquals(List.of(), active());
        client.nanos += Duration.ofMillis(100).toNanos();
        client.judge();
        assertEquals(List.of("critical redis-connection-lost"), active());
        client.out = null;
        client.judge();
        client.nanos += Duration.ofMillis(29_900).toNanos();
        client.judge();
        assertEquals(1, client.alerts.active(Severity.CRITICAL));
        client.nanos += Duration.ofMillis(100).toNanos();
        client.judge();
        assertEquals(
                List.of("firing critical redis-connection-lost", "resolved critical redis-connection-lost"),
                client.words());
    }

    @Test
    void anOutageOfThreeSecondsIsNone() {
        for (int i = 0; i < 100; i++) {
            client.out = Reason.PROBE;
            client.judge();
            client.nanos += Duration.ofSeconds(3).toNanos();
            client.out = null;
            client.pass(Duration.ofSeconds(10), () -> {});
        }
        assertEquals(List.of(), client.words());
    }

    @Test
    void whatAnOperatorTakesOutIsNoLossButSaid() {
        client.out = Reason.FORCED;
        client.pass(Duration.ofMinutes(5), () -> {});
        client.out = null;
        client.pass(Duration.ofMinutes(5), () -> {});
        assertEquals(List.of("firing info forced-failover", "resolved info forced-failover"), client.words());
    }

    @Test
    void withoutAServerNothingIsLost() {
        client.hasServer = false;
        client.pass(HOUR, () -> client.reads(100, 90));
        assertEquals(List.of(), client.words());
    }

    @ParameterizedTest
    @CsvSource({
        "60,     ''",
        "59.9,   firing warning hit-rate",
        "45,     firing warning hit-rate",
        "30,     firing warning hit-rate",
        "29.9,   firing critical hit-rate",
        "65,     ''",
    })
    void theHitRateHasTwoLimits(double percent, String expected) {
        reads(percent, Duration.ofMinutes(20));
        assertEquals(expected.isEmpty() ? List.of() : List.of(expected), client.words());
    }

    @Test
    void aHitRateIsOneIncidentWhoseSeverityChanges() {
        reads(29, Duration.ofMinutes(10));
        reads(34, Duration.ofMinutes(10));
        assertEquals(List.of("critical hit-rate"), active(), "between the limit and where it is cleared it stays");
        reads(36, Duration.ofMinutes(10));
        assertEquals(List.of("warning hit-rate"), active());
        Instant since = client.alerts.active().get(0).since();
        reads(64, Duration.ofMinutes(10));
        assertEquals(List.of("warning hit-rate"), active());
        assertEquals(since, client.alerts.active().get(0).since());
        reads(65.1, Duration.ofMinutes(10));
        assertEquals(
                List.of("firing critical hit-rate", "firing warning hit-rate", "resolved warning hit-rate"),
                client.words());
        assertEquals(
                "cache hit rate 29 % is below 30 %", client.said.get(0).alert().message());
    }

    @Test
    void theHitRateIsRaisedAfterFiveMinutesAndClearedAfterTwo() {
        reads(90, Duration.ofMinutes(10));
        reads(20, Duration.ofMinutes(12));
        reads(90, Duration.ofMinutes(12));
        Duration raised = client.saidAt.get(0).minusMinutes(10);
        Duration cleared = client.saidAt.get(client.saidAt.size() - 1).minusMinutes(22);
        // The mean of the last minute crosses a limit within it.
        assertTrue(
                raised.compareTo(Duration.ofMinutes(5)) >= 0 && raised.compareTo(Duration.ofSeconds(365)) <= 0,
                () -> "raised after " + raised);
        assertTrue(
                cleared.compareTo(Duration.ofMinutes(2)) >= 0 && cleared.compareTo(Duration.ofSeconds(185)) <= 0,
                () -> "cleared after " + cleared);
    }

    @Test
    void ninetyNineReadsInAMinuteAreNotJudged() {
        client.pass(HOUR, () -> client.reads(8, 0));
        assertEquals(List.of(), client.words(), "96 reads in a minute");
        client.pass(HOUR, () -> client.reads(9, 0));
        assertEquals(List.of("firing critical hit-rate"), client.words(), "108 reads in a minute");
    }

    @ParameterizedTest
    @CsvSource({
        "97,    0, ''",
        "104,   0, firing warning response-time",
        "145,   0, firing warning response-time",
        "156,   0, firing critical response-time",
        "1,     5, ''",
        "1,     6, firing critical error-rate",
    })
    void timesAndErrorsHaveTheirLimits(double millis, int failures, String expected) {
        operations(millis, failures, Duration.ofMinutes(10));
        assertEquals(expected.isEmpty() ? List.of() : List.of(expected), client.words());
    }

    @Test
    void timesAndErrorsStayUntilTheyAreClear() {
        operations(200, 10, Duration.ofMinutes(5));
        operations(110, 4, Duration.ofMinutes(5));
        assertEquals(List.of("warning response-time", "critical error-rate"), active());
        operations(90, 3, Duration.ofMinutes(5));
        assertEquals(List.of("warning response-time"), active());
        operations(76, 0, Duration.ofMinutes(5));
        assertEquals(List.of(), active());
    }

    @Test
    void nineteenOperationsInAMinuteAreNotJudged() {
        client.pass(HOUR, () -> client.operations(1, 5_000, 1));
        assertEquals(List.of(), client.words());
    }

    @Test
    void anIncidentThatKeepsItsCallersAwayLastsForAnHourAtMost() {
        operations(200, 10, Duration.ofMinutes(5));
        List<String> both = List.of("critical response-time", "critical error-rate");
        assertEquals(both, active());
        client.pass(Duration.ofMinutes(59), () -> client.operations(1, 1, 0));
        assertEquals(both, active(), "twelve operations in a minute say nothing");
        client.pass(Duration.ofMinutes(3), () -> {});
        assertEquals(List.of(), active());
        operations(200, 10, Duration.ofMinutes(5));
        client.pass(Duration.ofMinutes(30), () -> {});
        operations(1, 0, Duration.ofMinutes(3));
        assertEquals(List.of(), active(), "over as soon as that can be said");
    }

    @Test
    void whatIsAboutToBeRaisedBeginsAnewAfterSilence() {
        for (int i = 0; i < 20; i++) {
            reads(10, Duration.ofMinutes(3));
            client.pass(Duration.ofMinutes(3), () -> {});
        }
        assertEquals(List.of(), client.words());
    }

    private void reads(double hitPercent, int evictions, Duration duration) {
        client.pass(duration, () -> {
            client.reads(1_000, hitPercent);
            client.evictions += evictions;
        });
    }

    @Test
    void evictionsAreAnAlertWhereTheHitRateFallsToo() {
        client.hasServer = false;
        reads(90, 10, HOUR);
        assertEquals(List.of(), client.words(), "a full cache evicts");
        reads(82, 10, Duration.ofMinutes(15));
        assertEquals(List.of(), client.words(), "by eight points");
        reads(75, 0, Duration.ofMinutes(15));
        assertEquals(List.of(), client.words(), "nothing is evicted");
        reads(68, 10, Duration.ofMinutes(15));
        assertEquals(List.of("warning evictions"), active());
        reads(88, 10, Duration.ofMinutes(15));
        assertEquals(List.of("firing warning evictions", "resolved warning evictions"), client.words());
    }

    @Test
    void evictionsBesideAServerThatServesAreNone() {
        reads(90, 10, HOUR);
        reads(66, 10, Duration.ofMinutes(30));
        assertEquals(List.of(), client.words());
    }

    @Test
    void memoryOfAServerIsJudgedAndThatOfThisProcessIsNot() {
        client.pass(HOUR, () -> {});
        assertEquals(List.of(), client.words(), "the memory tier is 99 % full, as it is meant to be");
        client.serverMemory = new MemoryUse(80, 100);
        client.pass(HOUR, () -> {});
        assertEquals(List.of(), client.words());
        client.serverMemory = new MemoryUse(81, 100);
        client.pass(HOUR, () -> {});
        client.serverMemory = new MemoryUse(76, 100);
        client.pass(HOUR, () -> {});
        assertEquals(List.of("warning memory"), active());
        client.serverMemory = new MemoryUse(75, 100);
        client.pass(HOUR, () -> {});
        assertEquals(List.of("firing warning memory", "resolved warning memory"), client.words());
    }

    private void coldStart(Duration warmup) {
        long begin = client.nanos;
        client.pass(HOUR, () -> {
            double minutes = (client.nanos - begin) / 6e10;
            client.warmingUp = client.nanos - begin < warmup.toNanos();
            double percent =
                    minutes < 10 ? 3 * minutes : minutes < 30 ? 30 + 2 * (minutes - 10) : 70 + (minutes - 30) / 3;
            client.reads(100, percent);
        });
    }

    @Test
    void aColdStartIsNoAlertWhileItWarmsUp() {
        coldStart(Duration.ofMinutes(30));
        assertEquals(List.of(), client.words());
    }

    @Test
    void aColdStartWithoutWarmUpIsOne() {
        coldStart(Duration.ZERO);
        assertEquals(
                List.of("firing critical hit-rate", "firing warning hit-rate", "resolved warning hit-rate"),
                client.words());
    }

    @Test
    void thresholdsAreSetAndSwitchedOffByVariables() {
        FakeClient set = new FakeClient("CACHE_ALERT_HIT_RATE_WARNING", "off", "CACHE_ALERT_HIT_RATE_CRITICAL", "50");
        set.pass(HOUR, () -> set.reads(100, 51));
        assertEquals(List.of(), set.words());
        set.pass(HOUR, () -> set.reads(100, 49));
        set.pass(HOUR, () -> set.reads(100, 56));
        assertEquals(List.of("firing critical hit-rate", "resolved critical hit-rate"), set.words());
        CacheConfigException wrong =
                assertThrows(CacheConfigException.class, () -> new FakeClient("CACHE_ALERT_MEMORY_WARNING", "lots"));
        assertTrue(wrong.getMessage().startsWith("CACHE_ALERT_MEMORY_WARNING is "), wrong::getMessage);
    }

    @ParameterizedTest
    @CsvSource({
        "CACHE_ALERT_HIT_RATE_WARNING, 98, 97, 100",
        "CACHE_ALERT_ERROR_RATE_CRITICAL, 1, 90, 90",
    })
    void whatIsRaisedAtAnyBoundCanBeCleared(String variable, String bound, double bad, double good) {
        FakeClient set = new FakeClient(variable, bound);
        set.pass(HOUR, () -> {
            set.reads(100, bad);
            set.operations(100, 1, 2);
        });
        assertEquals(1, set.alerts.active().size(), () -> set.words().toString());
        set.pass(HOUR, () -> {
            set.reads(100, good);
            set.operations(100, 1, 0);
        });
        assertEquals(List.of(), set.alerts.active(), () -> set.words().toString());
    }

    @ParameterizedTest
    @CsvSource({
        "CACHE_ALERT_HIT_RATE_WARNING, 0",
        "CACHE_ALERT_HIT_RATE_WARNING, -5",
        "CACHE_ALERT_HIT_RATE_WARNING, 100",
        "CACHE_ALERT_HIT_RATE_WARNING, 250",
        "CACHE_ALERT_HIT_RATE_WARNING, NaN",
        "CACHE_ALERT_HIT_RATE_WARNING, 60d",
        "CACHE_ALERT_HIT_RATE_WARNING, 6e1",
        "CACHE_ALERT_HIT_RATE_WARNING, 60 %",
        "CACHE_ALERT_HIT_RATE_WARNING, 20",
        "CACHE_ALERT_HIT_RATE_CRITICAL, 70",
        "CACHE_ALERT_RESPONSE_TIME_WARNING, 200",
        "CACHE_ALERT_RESPONSE_TIME_CRITICAL, 50",
        "CACHE_ALERT_RESPONSE_TIME_CRITICAL, 1000000",
        "CACHE_ALERT_MEMORY_WARNING, 100",
        "CACHE_ALERT_ERROR_RATE_CRITICAL, Infinity",
        "CACHE_ALERT_REDIS_CONNECTION_LOST_CRITICAL, 3",
    })
    void aBoundThatCanNotBePassedOrIsOutOfOrderIsRefused(String variable, String bound) {
        CacheConfigException wrong = assertThrows(CacheConfigException.class, () -> new FakeClient(variable, bound));
        assertTrue(wrong.getMessage().startsWith(variable + " is "), wrong::getMessage);
        assertTrue(wrong.getMessage().contains(", but must "), wrong::getMessage);
    }

    @Test
    void evenALostServerCanBeSwitchedOff() {
        FakeClient set = new FakeClient("CACHE_ALERT_REDIS_CONNECTION_LOST_CRITICAL", "off");
        set.out = Reason.FROZEN;
        set.pass(HOUR, () -> {});
        assertEquals(List.of(), set.words());
    }

    @Test
    void whatOscillatesAboutALimitIsSaidThreeTimesAnHourAtMost() {
        boolean[] low = {false};
        client.pass(HOUR, () -> {
            low[0] = (client.nanos / Duration.ofSeconds(30).toNanos()) % 2 == 0;
            client.reads(100, low[0] ? 20 : 95);
        });
        assertTrue(client.said.size() <= 3, () -> client.words().toString());
    }

    @Test
    void whatComesAndGoesIsSaidOnceAsFlappingAndSettledWhenItRests() {
        for (int i = 0; i < 10; i++) {
            client.out = Reason.FROZEN;
            client.pass(Duration.ofSeconds(15), () -> {});
            client.out = null;
            client.pass(Duration.ofSeconds(40), () -> {});
        }
        String id = " critical redis-connection-lost";
        List<String> said = List.of("firing" + id, "resolved" + id, "firing" + id, "flapping" + id);
        assertEquals(said, client.words());
        client.pass(Duration.ofMinutes(20), () -> {});
        List<String> settled = new ArrayList<>(said);
        settled.add("resolved" + id);
        assertEquals(settled, client.words());
    }

    @Test
    void whatFlapsThroughItsSeveritiesIsHeldOpenUntilItRests() {
        Discretion discretion = new Discretion();
        long minute = Duration.ofMinutes(1).toNanos();
        List<String> said = new ArrayList<>();
        List<Transition.Kind> became = List.of(
                Transition.Kind.FIRING,
                Transition.Kind.CHANGED,
                Transition.Kind.RESOLVED,
                Transition.Kind.FIRING,
                Transition.Kind.RESOLVED);
        long now = 0;
        for (Transition.Kind kind : became) {
            now += minute;
            Transition toSay = discretion.became(transition(kind), now);
            said.add(toSay == null ? "" : toSay.kind().name());
        }
        assertEquals(List.of("FIRING", "CHANGED", "RESOLVED", "FIRING", "FLAPPING"), said);
        assertNull(discretion.passed(null, now + 14 * minute));
        Transition settled = discretion.passed(null, now + 16 * minute);
        assertEquals(Transition.Kind.RESOLVED, settled.kind());
        assertNull(discretion.passed(null, now + 40 * minute));
    }

    private static Transition transition(Transition.Kind kind) {
        Alert alert = new Alert("r", Severity.WARNING, "m", 1, 2, "", "", Instant.EPOCH, null);
        return new Transition(kind, kind == Transition.Kind.RESOLVED ? alert.resolvedAt(Instant.EPOCH) : alert);
    }

    @Test
    void whatLastsIsRepeatedEveryFourHours() {
        client.out = Reason.PROBE;
        client.pass(Duration.ofHours(9), () -> {});
        assertEquals(3, client.said.size(), () -> client.words().toString());
        assertEquals(Transition.Kind.REPEATED, client.said.get(2).kind());
    }

    @Test
    void firingAndResolvedAlternateWhateverTheSeries() {
        for (long seed = 0; seed < 10_000; seed++) {
            Random random = new Random(seed);
            Rule rule = new Rule(
                    "r",
                    "m",
                    "%",
                    List.of(
                            new Limit(Severity.WARNING, Limit.Side.BELOW, 60, 65),
                            new Limit(Severity.CRITICAL, Limit.Side.BELOW, 30, 35)),
                    Duration.ofSeconds(random.nextInt(60)),
                    Duration.ofSeconds(random.nextInt(60)),
                    now -> OptionalDouble.empty(),
                    (value, limit) -> "");
            Incident incident = new Incident(rule);
            Discretion discretion = new Discretion();
            boolean firing = false;
            long now = 0;
            for (int i = 0; i < 300; i++) {
                now += random.nextInt(100) * 1_000_000_000L;
                OptionalDouble value =
                        random.nextInt(10) == 0 ? OptionalDouble.empty() : OptionalDouble.of(random.nextInt(100));
                Transition became = incident.judge(value, now, Instant.EPOCH);
                Transition said =
                        became == null ? discretion.passed(incident.alert(), now) : discretion.became(became, now);
                if (said == null || said.kind() == Transition.Kind.FLAPPING) {
                    continue;
                }
                boolean begins = said.kind() == Transition.Kind.FIRING;
                boolean ends = said.kind() == Transition.Kind.RESOLVED;
                assertEquals(firing, !begins, "seed " + seed + ", step " + i + ": " + said);
                assertEquals(ends, said.alert().resolved() != null, "seed " + seed);
                firing = !ends;
            }
            for (int i = 0; i < 1_000 && firing; i++) {
                now += 5_000_000_000L;
                Transition became = incident.judge(OptionalDouble.of(100), now, Instant.EPOCH);
                Transition said =
                        became == null ? discretion.passed(incident.alert(), now) : discretion.became(became, now);
                firing = said == null || said.kind() != Transition.Kind.RESOLVED;
            }
            assertFalse(firing, "seed " + seed + ": what was said to fire is never said to be over");
        }
    }

    @Test
    void theJsonNamesWhatLastsAndWhatIsOver() {
        client.out = Reason.PROBE;
        client.pass(Duration.ofMinutes(1), () -> {});
        String json = client.alerts.json();
        assertTrue(
                json.contains("\"active\":[{\"id\":\"redis-connection-lost\",\"severity\":\"critical\","
                        + "\"metric\":\"servingServers\",\"value\":0,\"threshold\":1,\"unit\":\"\","
                        + "\"message\":\"no Redis server serves the cache\",\"since\":\""),
                json);
        assertFalse(json.contains("resolved"), json);
        client.out = null;
        client.pass(Duration.ofMinutes(1), () -> {});
        assertTrue(client.alerts.json().contains("\"active\":[],\"recent\":[{\"id\":\"redis-connection-lost\""));
        assertNull(client.alerts.active().stream().findFirst().orElse(null));
    }
}
