package dev.holdfast.spring.boot;

import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.micrometer.Observations;
import io.micrometer.context.ContextSnapshotFactory;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** Takes a caller's context to loads in the background, where Micrometer's propagation is on the class path. */
@AutoConfiguration(
        before = HoldfastAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration")
@ConditionalOnClass({ContextSnapshotFactory.class, ObservationRegistry.class, Observations.class})
@ConditionalOnBean(ObservationRegistry.class)
public final class HoldfastContextAutoConfiguration {

    HoldfastContextAutoConfiguration() {}

    @Bean
    ContextCarrier holdfastContextCarrier() {
        return Observations.carrier();
    }
}
