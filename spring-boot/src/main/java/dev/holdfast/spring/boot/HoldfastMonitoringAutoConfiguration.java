package dev.holdfast.spring.boot;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.monitor.Monitor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.reactive.DispatcherHandler;
import org.springframework.web.servlet.DispatcherServlet;

/** Mounts the monitoring endpoints under the application's own port where {@code holdfast.monitoring.enabled} is true. */
@AutoConfiguration(after = HoldfastAutoConfiguration.class)
@ConditionalOnBean(CacheClient.class)
@ConditionalOnBooleanProperty("holdfast.monitoring.enabled")
public final class HoldfastMonitoringAutoConfiguration {

    HoldfastMonitoringAutoConfiguration() {}

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnMissingClass("dev.holdfast.cache.monitor.Monitor")
    static class Missing {
        Missing() {
            throw new HoldfastConfigurationException(
                    "holdfast.monitoring.enabled is true, but the monitor is not on the class path",
                    "Add dev.holdfast:holdfast-cache-monitor, or remove holdfast.monitoring.enabled.",
                    null);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(Monitor.class)
    static class Mounted {
        @Bean(destroyMethod = "close")
        Monitor holdfastMonitor(CacheClient client, ClientSources sources) {
            try {
                return Monitor.mounted(client, sources.settings());
            } catch (CacheConfigException e) {
                throw ClientFactory.explained(e, sources.properties());
            }
        }

        @Bean
        MonitoringPaths holdfastMonitoringPaths(Monitor monitor, HoldfastProperties properties) {
            return MonitoringPaths.of(monitor, properties.monitoring().basePath());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass({Monitor.class, DispatcherServlet.class})
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
    static class Servlet {
        @Bean
        org.springframework.web.servlet.function.RouterFunction<org.springframework.web.servlet.function.ServerResponse>
                holdfastMonitoringRoutes(MonitoringPaths paths) {
            return ServletMonitoring.routes(paths);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass({Monitor.class, DispatcherHandler.class})
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.REACTIVE)
    static class Reactive {
        @Bean
        org.springframework.web.reactive.function.server.RouterFunction<
                        org.springframework.web.reactive.function.server.ServerResponse>
                holdfastMonitoringRoutes(MonitoringPaths paths) {
            return ReactiveMonitoring.routes(paths);
        }
    }
}
