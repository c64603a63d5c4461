package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.client.CacheClient;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.http.converter.autoconfigure.HttpMessageConvertersAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.tomcat.autoconfigure.reactive.TomcatReactiveWebServerAutoConfiguration;
import org.springframework.boot.tomcat.autoconfigure.servlet.TomcatServletWebServerAutoConfiguration;
import org.springframework.boot.webflux.autoconfigure.HttpHandlerAutoConfiguration;
import org.springframework.boot.webflux.autoconfigure.WebFluxAutoConfiguration;
import org.springframework.boot.webmvc.autoconfigure.DispatcherServletAutoConfiguration;
import org.springframework.boot.webmvc.autoconfigure.WebMvcAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

/** The monitor's endpoints under the port of a real application, behind Spring MVC and behind WebFlux. */
class MonitoringTest {

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        SslAutoConfiguration.class,
        HoldfastAutoConfiguration.class,
        HoldfastMonitoringAutoConfiguration.class,
        HttpMessageConvertersAutoConfiguration.class,
        TomcatServletWebServerAutoConfiguration.class,
        DispatcherServletAutoConfiguration.class,
        WebMvcAutoConfiguration.class
    })
    static class ServletApplication {}

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        SslAutoConfiguration.class,
        HoldfastAutoConfiguration.class,
        HoldfastMonitoringAutoConfiguration.class,
        TomcatReactiveWebServerAutoConfiguration.class,
        HttpHandlerAutoConfiguration.class,
        WebFluxAutoConfiguration.class
    })
    static class ReactiveApplication {}

    private static ConfigurableApplicationContext run(Class<?> application, String... properties) {
        boolean servlet = application == ServletApplication.class;
        return new SpringApplicationBuilder(application)
                .web(servlet ? WebApplicationType.SERVLET : WebApplicationType.REACTIVE)
                .properties("server.port=0", "server.address=127.0.0.1", "spring.main.banner-mode=off")
                .properties(properties)
                .run();
    }

    private static HttpResponse<String> ask(
            ConfigurableApplicationContext context, String method, String path, String... headers) throws Exception {
        String port = context.getEnvironment().getProperty("local.server.port");
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .method(method, HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static void answers(Class<?> application) throws Exception {
        try (ConfigurableApplicationContext context =
                run(application, "holdfast.monitoring.enabled=true", "holdfast.monitoring.token=0123456789abcdef")) {
            HttpResponse<String> health = ask(context, "GET", "/api/health/cache");
            assertEquals(200, health.statusCode());
            assertEquals(context.getBean(CacheClient.class).health().type(), "in-memory");
            assertTrue(health.body().startsWith("{\"type\":\"in-memory\""), health.body());
            assertEquals(
                    "no-store", health.headers().firstValue("Cache-Control").orElseThrow());
            assertEquals(
                    "nosniff",
                    health.headers().firstValue("X-Content-Type-Options").orElseThrow());
            assertTrue(health.headers().firstValue("Content-Type").orElseThrow().startsWith("application/json"));

            HttpResponse<String> figures =
                    ask(context, "GET", "/api/monitoring/metrics/performance?window=120&history=1");
            assertEquals(200, figures.statusCode());
            assertTrue(figures.body().contains("\"history\":["), figures.body());

            assertEquals(401, ask(context, "GET", "/api/admin/cache/stats").statusCode());
            assertEquals(
                    200,
                    ask(context, "GET", "/api/admin/cache/stats", "Authorization", "Bearer 0123456789abcdef")
                            .statusCode());
            HttpResponse<String> refused = ask(context, "POST", "/api/monitoring/health");
            assertEquals(405, refused.statusCode());
            assertEquals("GET, HEAD", refused.headers().firstValue("Allow").orElseThrow());
            assertEquals("", ask(context, "HEAD", "/api/monitoring/health").body());
            // What an application may have itself is left to it.
            assertEquals(404, ask(context, "GET", "/metrics").statusCode());
            assertEquals(404, ask(context, "GET", "/health").statusCode());
        }
    }

    @Test
    void theEndpointsAreMountedBehindSpringMvc() throws Exception {
        answers(ServletApplication.class);
    }

    @Test
    void theEndpointsAreMountedBehindWebFlux() throws Exception {
        answers(ReactiveApplication.class);
    }

    @Test
    void withABasePathThePageAndTheProbesAreThereToo() throws Exception {
        try (ConfigurableApplicationContext context = run(
                ServletApplication.class, "holdfast.monitoring.enabled=true", "holdfast.monitoring.base-path=/cache")) {
            assertEquals("READY", ask(context, "GET", "/cache/ready").body());
            assertTrue(ask(context, "GET", "/cache").body().contains("<html"), "the page");
            assertEquals(404, ask(context, "GET", "/api/health/cache").statusCode());
        }
    }

    @Test
    void nothingIsMountedUnlessItIsAskedFor() throws Exception {
        try (ConfigurableApplicationContext context = run(ServletApplication.class)) {
            assertEquals(404, ask(context, "GET", "/api/health/cache").statusCode());
        }
    }

    @Test
    void mountedItHasNoPortOfItsOwn() {
        // Port 1 can't be had, and a strict start would fail by it.
        try (ConfigurableApplicationContext context = run(
                ServletApplication.class,
                "holdfast.monitoring.enabled=true",
                "REDIS_MONITORING_ENABLED=true",
                "REDIS_MONITORING_PORT=1",
                "CACHE_STRICT_START=true")) {
            assertTrue(context.getBean(CacheClient.class).isReady());
        }
    }

    @Test
    void aTokenThatIsTooShortNamesItsProperty() {
        HoldfastConfigurationException refused = rootOf(assertThrows(RuntimeException.class, () -> run(
                        ServletApplication.class,
                        "holdfast.monitoring.enabled=true",
                        "holdfast.monitoring.token=s3cret")
                .close()));
        assertTrue(refused.description().contains("holdfast.monitoring.token"), refused.description());
        assertTrue(!refused.description().contains("s3cret"), refused.description());
    }

    @Test
    void withoutTheModuleThePropertyIsNamed() {
        Contexts.plain()
                .withConfiguration(AutoConfigurations.of(HoldfastMonitoringAutoConfiguration.class))
                .withClassLoader(new FilteredClassLoader("dev.holdfast.cache.monitor"))
                .withPropertyValues("holdfast.monitoring.enabled=true")
                .run(context -> assertTrue(
                        rootOf(context.getStartupFailure()).description().contains("holdfast.monitoring.enabled")));
    }

    private static HoldfastConfigurationException rootOf(Throwable failure) {
        Throwable cause = failure;
        while (!(cause instanceof HoldfastConfigurationException)) {
            cause = cause.getCause();
        }
        return (HoldfastConfigurationException) cause;
    }
}
