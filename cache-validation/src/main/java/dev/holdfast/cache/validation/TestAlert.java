package dev.holdfast.cache.validation;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.monitor.Monitor;
import dev.holdfast.cache.monitor.Request;
import dev.holdfast.cache.spi.CacheStore;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sends an alert the way the application would, of a client named {@code validation-test}, whose one server is a piece of this process that is taken
 * away and given back, so that an incident which is opened somewhere is closed there too. Takes a minute: as long as such an alert takes.
 */
final class TestAlert {
    private static final String CHECK = "alert channel";
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final Pattern DELIVERED = Pattern.compile("\"delivered\":([0-9]+),\"failed\":([0-9]+)");
    private static final Pattern ERROR = Pattern.compile("\"lastError\":\"([^\"]*)\"");

    private TestAlert() {}

    static Result send(Environment environment) {
        if (!environment.settings().isSet("REDIS_ALERT_WEBHOOK_URL")) {
            return Result.failed(
                    CHECK,
                    "REDIS_ALERT_WEBHOOK_URL is not set",
                    "set it to the address of Slack, Teams, PagerDuty or your own");
        }
        AtomicBoolean away = new AtomicBoolean();
        Settings settings =
                environment.with(Map.of("REDIS_MONITORING_PORT", "0", "REDIS_MONITORING_HOST", "127.0.0.1"));
        try (CacheClient client = CacheClient.builder()
                        .name("validation-test")
                        .tier("server", server(away))
                        .memory(() -> MemoryStore.create(1 << 20))
                        .build();
                Monitor monitor = Monitor.start(client, settings)) {
            client.forceFailback();
            away.set(true);
            return delivered(client, monitor, away);
        } catch (CacheConfigException e) {
            return Result.failed(CHECK, ForeignText.shown(e.getMessage()), "put that variable right");
        }
    }

    private static Result delivered(CacheClient client, Monitor monitor, AtomicBoolean away) {
        if (!await(client, monitor, 1)) {
            return Result.failed(
                    CHECK, "no alert arrived: " + error(monitor), "check REDIS_ALERT_WEBHOOK_URL and its type");
        }
        away.set(false);
        return await(client, monitor, 2)
                ? Result.ok(CHECK, "an alert and its end were taken")
                : Result.warning(
                        CHECK,
                        "an alert was taken, its end was not: " + error(monitor),
                        "close the incident of validation-test where REDIS_ALERT_WEBHOOK_URL leads");
    }

    /** Waits for so many messages to be taken; a call now and then has the client notice what became of its server. */
    private static boolean await(CacheClient client, Monitor monitor, int messages) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() - end < 0) {
            client.counter("test").build().get();
            Matcher counts = DELIVERED.matcher(alerts(monitor));
            if (counts.find()) {
                if (Integer.parseInt(counts.group(1)) >= messages) {
                    return true;
                }
                if (!counts.group(2).equals("0")) {
                    return false;
                }
            }
            LockSupport.parkNanos(200_000_000);
        }
        return false;
    }

    private static String alerts(Monitor monitor) {
        return monitor.handle(new Request("GET", "/api/monitoring/alerts", Map.of(), null, "127.0.0.1"))
                .body();
    }

    private static String error(Monitor monitor) {
        Matcher error = ERROR.matcher(alerts(monitor));
        return error.find() ? error.group(1) : "nothing was sent";
    }

    /** A store that others would share, and that can be away. */
    private static CacheStore server(AtomicBoolean away) {
        CacheStore store = MemoryStore.create(1 << 20);
        Instant start = Instant.now();
        return (CacheStore) Proxy.newProxyInstance(
                CacheStore.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("health")) {
                        return StoreHealth.of("validation-test", true, start).withAvailable(!away.get());
                    }
                    if (method.getName().equals("within")) {
                        return proxy;
                    }
                    boolean asked = method.getExceptionTypes().length == 0
                            && method.getName()
                                    .matches(
                                            "get.*|put.*|fill.*|remove.*|increment.*|probe|contains|replace|ttl|expire");
                    if (asked && away.get()) {
                        throw new CacheUnavailableException(
                                "a test of the alert channel",
                                null,
                                CacheUnavailableException.Reason.CONNECTION,
                                false);
                    }
                    try {
                        return method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
