package dev.holdfast.cache.micrometer;

import static dev.holdfast.cache.micrometer.Meters.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.SenderContext;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The spans of a client, on a real server. */
class ObservationsTest {
    private final ObservationRegistry registry = ObservationRegistry.create();
    private final Queue<Observation.Context> stopped = new ConcurrentLinkedQueue<>();
    private final RedisServer redis = RedisServer.start();
    private final CacheClient client = CacheClient.builder()
            .settings(Settings.of(Map.of("REDIS_URL", redis.url(), "CACHE_TIERS", "single")))
            .contextCarrier(Observations.carrier())
            .build();
    private final Runnable end = Observations.observe(client, registry);

    @BeforeEach
    void record() {
        registry.observationConfig().observationHandler(new ObservationHandler<>() {
            @Override
            public void onStop(Observation.Context context) {
                stopped.add(context);
            }

            @Override
            public boolean supportsContext(Observation.Context context) {
                return true;
            }
        });
    }

    @AfterEach
    void close() {
        client.close();
        redis.close();
    }

    private Cache<String, String> open(CachePolicy policy) {
        return client.cache("users", String.class, String.class).policy(policy).build();
    }

    private Cache<String, String> open() {
        return open(client.policy());
    }

    /** The observations of a name that have ended. */
    private List<Observation.Context> named(String name) {
        return stopped.stream().filter(each -> each.getName().equals(name)).toList();
    }

    private static String parentOf(Observation.Context context) {
        return context.getParentObservation() == null
                ? "nobody"
                : context.getParentObservation().getContextView().getName();
    }

    private List<String> commands() {
        return named(Observations.COMMAND).stream()
                .map(each -> each.getContextualName() + " of " + parentOf(each))
                .toList();
    }

    @Test
    void aLoadAndTheCommandsAroundItAreTheCallersChildren() {
        AtomicReference<Observation> inside = new AtomicReference<>();
        Observation.start("caller", registry).observe(() -> open().get("k", key -> {
            inside.set(registry.getCurrentObservation());
            return "v";
        }));
        List<Observation.Context> loads = named(Observations.LOAD);
        assertEquals(1, loads.size());
        assertEquals("caller", parentOf(loads.get(0)));
        assertEquals("load users", loads.get(0).getContextualName());
        assertEquals(KeyValue.of("cache", "users"), loads.get(0).getLowCardinalityKeyValue("cache"));
        assertSame(loads.get(0), inside.get().getContext());
        assertEquals(List.of("GET of caller", "SET of caller"), commands());
        assertNull(registry.getCurrentObservation());
    }

    @Test
    void aCommandSaysWhatItIsAndWhereAndNothingOfKeysAndValues() {
        open().put("key-of-ada", "value-of-ada");
        Observation.Context command = named(Observations.COMMAND).get(0);
        assertEquals(
                "redis", command.getLowCardinalityKeyValue("db.system.name").getValue());
        assertEquals(
                "SET", command.getLowCardinalityKeyValue("db.operation.name").getValue());
        assertEquals(
                "127.0.0.1", command.getLowCardinalityKeyValue("server.address").getValue());
        assertEquals(
                String.valueOf(redis.port()),
                command.getLowCardinalityKeyValue("server.port").getValue());
        SenderContext<?> sender = (SenderContext<?>) command;
        assertEquals(Kind.CLIENT, sender.getKind());
        assertTrue(command.getAllKeyValues().stream()
                .noneMatch(each -> each.getValue().contains("ada")));
    }

    @Test
    void asynchronousCallsHaveTheirCallersForParents() throws Exception {
        Cache<String, String> cache = open();
        Observation caller = Observation.start("caller", registry);
        try (Observation.Scope scope = caller.openScope()) {
            assertEquals("v", cache.async().get("k", key -> "v").get(30, TimeUnit.SECONDS));
            cache.async().get("k").get(30, TimeUnit.SECONDS);
        } finally {
            caller.stop();
        }
        assertEquals(
                List.of("caller"),
                named(Observations.LOAD).stream()
                        .map(ObservationsTest::parentOf)
                        .toList());
        // The load's thread may write after its caller was told.
        await("the command of the load", () -> commands().size() == 3);
        assertEquals(
                List.of("GET of caller", "GET of caller", "SET of caller"),
                commands().stream().sorted().toList());
    }

    @Test
    void aRefreshAheadHasTheOneForAParentWhoCausedIt() {
        Cache<String, String> cache = open(CachePolicy.of(Duration.ofMinutes(5)).withRefreshAhead(1e-9));
        cache.put("k", "v");
        stopped.clear();
        Observation.start("reader", registry).observe(() -> assertNotNull(cache.get("k", key -> "new")));
        await("the load ahead", () -> named(Observations.LOAD).size() == 1);
        assertEquals("reader", parentOf(named(Observations.LOAD).get(0)));
    }

    @Test
    void aCallerWithoutObservationLeavesNoneOfAnotherOnOurThreads() throws Exception {
        Cache<String, String> cache = open();
        Observation.start("caller", registry).observe(() -> cache.async()
                .get("k", key -> "v")
                .orTimeout(30, TimeUnit.SECONDS)
                .join());
        cache.async().get("other", key -> "v").get(30, TimeUnit.SECONDS);
        assertEquals(
                List.of("caller", "nobody"),
                named(Observations.LOAD).stream()
                        .map(ObservationsTest::parentOf)
                        .toList());
    }

    @Test
    void whatFailsIsAnErrorOfItsSpan() {
        Cache<String, String> cache = open();
        assertThrows(
                IllegalStateException.class,
                () -> cache.get("k", key -> {
                    throw new IllegalStateException("the origin's trouble");
                }));
        assertEquals(
                "the origin's trouble",
                named(Observations.LOAD).get(0).getError().getMessage());
        redis.kill();
        stopped.clear();
        assertThrows(CacheUnavailableException.class, () -> cache.put("k", "v"));
        assertTrue(named(Observations.COMMAND).stream()
                .allMatch(each -> each.getError() instanceof CacheUnavailableException));
        assertNull(registry.getCurrentObservation());
    }

    /** Fails at one moment in the life of an observation. */
    private static final class Failing implements ObservationHandler<Observation.Context> {
        private volatile String moment = "never";

        private void at(String now) {
            if (moment.equals(now)) {
                throw new StackOverflowError("when told of " + now);
            }
        }

        @Override
        public void onStart(Observation.Context context) {
            at("start");
        }

        @Override
        public void onScopeOpened(Observation.Context context) {
            at("open");
        }

        @Override
        public void onScopeClosed(Observation.Context context) {
            at("close");
        }

        @Override
        public void onError(Observation.Context context) {
            at("error");
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return true;
        }
    }

    @Test
    void whateverFailsInAHandlerWhatHasBegunEnds() {
        Failing handler = new Failing();
        registry.observationConfig().observationHandler(handler);
        Cache<String, String> cache = open();
        for (String moment : List.of("start", "open", "close", "error")) {
            handler.moment = moment;
            stopped.clear();
            assertThrows(
                    IllegalStateException.class,
                    () -> cache.get("k of " + moment, key -> {
                        throw new IllegalStateException("the origin's trouble");
                    }));
            assertEquals(1, named(Observations.LOAD).size(), moment);
            assertEquals(List.of("GET of nobody"), commands(), moment);
            assertNull(registry.getCurrentObservation(), moment);
        }
    }

    @Test
    void nothingIsObservedOnceThatHasEnded() {
        end.run();
        open().get("k", key -> "v");
        assertEquals(List.of(), List.copyOf(stopped));
    }

    @Test
    void aRegistryThatDoesNothingIsNoObserver() {
        Runnable nothing = Observations.observe(client, ObservationRegistry.NOOP);
        open().get("k", key -> "v");
        nothing.run();
        assertEquals(1, named(Observations.LOAD).size());
    }
}
