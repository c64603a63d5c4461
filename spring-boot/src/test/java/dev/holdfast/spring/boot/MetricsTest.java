package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.client.CacheClient;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.ObservationTextPublisher;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.export.prometheus.PrometheusMetricsExportAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What a scrape has, and what observations tell. */
class MetricsTest {
    private static ApplicationContextRunner application(Class<?>... beans) {
        return Contexts.caching(beans)
                .withConfiguration(AutoConfigurations.of(
                        HoldfastMetricsAutoConfiguration.class,
                        HoldfastContextAutoConfiguration.class,
                        MetricsAutoConfiguration.class,
                        CompositeMeterRegistryAutoConfiguration.class,
                        PrometheusMetricsExportAutoConfiguration.class));
    }

    private static List<String> gets(PrometheusMeterRegistry registry, String cache) {
        return registry.scrape()
                .lines()
                .filter(line -> line.startsWith("cache_gets_total{") && line.contains("cache=\"" + cache + '"'))
                .toList();
    }

    @Test
    void theFirstScrapeHasACacheThatWasCreatedAfterTheStart() {
        application(Origin.class)
                .withPropertyValues("holdfast.caches.late.ttl=1m")
                .run(context -> {
                    PrometheusMeterRegistry registry = context.getBean(PrometheusMeterRegistry.class);
                    assertThat(gets(registry, "users")).isNotEmpty();
                    assertThat(gets(registry, "late")).isEmpty();

                    CacheClient client = context.getBean(CacheClient.class);
                    client.cache("late", String.class, String.class).build().get("missing");
                    assertThat(gets(registry, "late"))
                            .anyMatch(line -> line.contains("result=\"miss\"") && line.endsWith(" 1.0"));
                });
    }

    @Test
    void hitsAndMissesOfMethodsAreCountedUnderTheNameOfSpringsManager() {
        application(Origin.class).run(context -> {
            Origin origin = context.getBean(Origin.class);
            origin.find(1);
            origin.find(1);
            assertThat(gets(context.getBean(PrometheusMeterRegistry.class), "users"))
                    .anyMatch(line -> line.contains("result=\"hit\"") && line.endsWith(" 1.0"))
                    .allMatch(line -> line.contains("cache_manager=\"cacheManager\""));
        });
    }

    @Test
    void metersGoWithTheContext() {
        application(Origin.class, OwnRegistry.class).run(context -> {
            MeterRegistry registry = context.getBean(PrometheusMeterRegistry.class);
            assertThat(registry.find("cache.gets").meters()).isNotEmpty();
            context.close();
            assertThat(registry.find("cache.gets").meters()).isEmpty();
        });
    }

    @Test
    void loadsAreObservedWhereThereIsARegistryOfObservations() {
        application(Origin.class, Observed.class).run(context -> {
            assertThat(context).hasSingleBean(ContextCarrier.class);
            context.getBean(Origin.class).findOnce(1);
            assertThat(context.getBean(Observed.class).told).anyMatch(line -> line.contains("holdfast.load"));
        });
        application(Origin.class).run(context -> assertThat(context).doesNotHaveBean(ContextCarrier.class));
    }

    @Test
    void aCacheOfTheManagerThatIsMadeLaterIsThereAsWell() {
        application()
                .withPropertyValues("holdfast.caches.typed.type=java.lang.String")
                .run(context -> {
                    Cache typed = context.getBean(CacheManager.class).getCache("typed");
                    typed.get("missing");
                    assertThat(gets(context.getBean(PrometheusMeterRegistry.class), "typed"))
                            .isNotEmpty();
                });
    }

    /** Not closed with the context. */
    @Configuration(proxyBeanMethods = false)
    static class OwnRegistry {
        @Bean(destroyMethod = "")
        PrometheusMeterRegistry registry() {
            return new PrometheusMeterRegistry(key -> null);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Observed {
        final List<String> told = new CopyOnWriteArrayList<>();

        @Bean
        ObservationRegistry observations() {
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig().observationHandler(new ObservationTextPublisher(told::add));
            return registry;
        }
    }
}
