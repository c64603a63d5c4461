package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.availability.ApplicationAvailabilityAutoConfiguration;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointGroups;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.AvailabilityProbesAutoConfiguration;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointAutoConfiguration;
import org.springframework.boot.health.autoconfigure.application.AvailabilityHealthContributorAutoConfiguration;
import org.springframework.boot.health.autoconfigure.contributor.HealthContributorAutoConfiguration;
import org.springframework.boot.health.autoconfigure.registry.HealthContributorRegistryAutoConfiguration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** What Actuator is told, over a real server that dies and comes back. */
class HealthTest {

    private static ApplicationContextRunner actuator() {
        return Contexts.plain()
                .withConfiguration(AutoConfigurations.of(
                        HoldfastHealthAutoConfiguration.class,
                        ApplicationAvailabilityAutoConfiguration.class,
                        EndpointAutoConfiguration.class,
                        HealthContributorAutoConfiguration.class,
                        HealthContributorRegistryAutoConfiguration.class,
                        HealthEndpointAutoConfiguration.class,
                        AvailabilityHealthContributorAutoConfiguration.class,
                        AvailabilityProbesAutoConfiguration.class));
    }

    private static Health health(CacheClient client, boolean criticalIsDown) {
        return new HoldfastHealthIndicator(client, criticalIsDown).health();
    }

    @Test
    void aHealthyClientIsUpWithItsTiers() {
        try (RedisServer redis = RedisServer.start()) {
            actuator()
                    .withPropertyValues("spring.data.redis.url=" + redis.url())
                    .run(context -> {
                        Health health = context.getBean("holdfastHealthIndicator", HoldfastHealthIndicator.class)
                                .health();
                        assertThat(health.getStatus()).isEqualTo(Status.UP);
                        assertThat(health.getDetails()).containsEntry("status", "healthy");
                        assertThat(health.getDetails().get("tiers").toString())
                                .contains("single", "memory", "serving=true");
                    });
        }
    }

    @Test
    void whileMemoryAnswersItIsUpUnlessThatIsSaidToBeDown() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            redis.kill();
            Polls.until("the server is missed", () -> {
                client.counter("any").build().get();
                return !health(client, false).getDetails().get("status").equals("healthy");
            });
            Health health = health(client, false);
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails()).containsEntry("status", "critical");
            assertThat(health.getDetails().get("tiers").toString()).contains("reason");
            assertThat(health(client, true).getStatus()).isEqualTo(Status.DOWN);

            redis.restart(RedisServer.Data.EMPTY);
            Polls.until(
                    "the server serves again",
                    () -> health(client, true).getStatus().equals(Status.UP));
        }
    }

    @Test
    void degradedIsUpEvenWhereCriticalIsDown() {
        try (RedisServer first = RedisServer.start();
                RedisServer second = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier("first", store(first))
                        .tier("second", store(second))
                        .memory(() -> MemoryStore.create(1 << 20))
                        .build()) {
            client.forceFailover("first");
            Health health = health(client, true);
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails()).containsEntry("status", "degraded");
        }
    }

    private static CacheStore store(RedisServer server) {
        return SingleStore.of(SingleConfig.of(server.url()));
    }

    @Test
    void aClientThatNobodyAnswersIsDown() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of(
                        "REDIS_URL", redis.url(), "CACHE_TIERS", "single", "REDIS_HEALTH_CHECK_INTERVAL", "50")))) {
            assertThat(health(client, false).getStatus()).isEqualTo(Status.UP);
            redis.kill();
            Polls.until(
                    "nothing answers", () -> health(client, false).getStatus().equals(Status.DOWN));
            assertThat(client.isAlive()).isTrue();
        }
    }

    @Test
    void aClosedClientIsDown() {
        CacheClient client = CacheClient.from(Settings.of(Map.of()));
        client.close();
        assertThat(health(client, false).getStatus()).isEqualTo(Status.DOWN);
    }

    @Test
    void serversThatWereSwitchedOffAreUp() {
        actuator()
                .withPropertyValues("holdfast.enabled=false", "holdfast.single.url=redis://h")
                .run(context -> {
                    Health health =
                            context.getBean(HoldfastHealthIndicator.class).health();
                    assertThat(health.getStatus()).isEqualTo(Status.UP);
                    assertThat(health.getDetails()).containsEntry("status", "disabled");
                });
    }

    @Test
    void itIsNeverInTheGroupLiveness() {
        actuator()
                .withPropertyValues("management.endpoint.health.group.liveness.include=*")
                .run(context -> {
                    HealthEndpointGroups groups = context.getBean(HealthEndpointGroups.class);
                    assertThat(groups.get("liveness").isMember("ping")).isTrue();
                    assertThat(groups.get("liveness").isMember("holdfast")).isFalse();
                    assertThat(groups.getPrimary().isMember("holdfast")).isTrue();
                });
        actuator().run(context -> assertThat(context.getBean(HealthEndpointGroups.class)
                        .get("liveness")
                        .isMember("holdfast"))
                .isFalse());
    }

    @Test
    void aPropertyKeepsItAway() {
        actuator()
                .withPropertyValues("management.health.holdfast.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(HoldfastHealthIndicator.class));
    }
}
