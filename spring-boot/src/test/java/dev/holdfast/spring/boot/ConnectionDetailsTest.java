package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.docker.compose.core.ConnectionPorts;
import org.springframework.boot.docker.compose.core.ImageReference;
import org.springframework.boot.docker.compose.core.RunningService;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionSource;
import org.springframework.boot.testcontainers.context.ImportTestcontainers;
import org.springframework.boot.testcontainers.service.connection.ServiceConnection;
import org.springframework.boot.testcontainers.service.connection.ServiceConnectionAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.util.ReflectionUtils;
import org.testcontainers.containers.GenericContainer;

/** Servers that containers and services bring, and TLS by Spring Boot's bundles. */
class ConnectionDetailsTest {

    /** A container in which the server runs already: nothing here needs Docker. */
    static final class Running extends GenericContainer<Running> {
        private final String image;
        private final RedisServer server;

        Running(String image, RedisServer server) {
            super(image);
            this.image = image;
            this.server = server;
        }

        @Override
        public void start() {}

        @Override
        public void stop() {}

        @Override
        public String getDockerImageName() {
            return image;
        }

        @Override
        public String getHost() {
            return server.host();
        }

        @Override
        public Integer getMappedPort(int port) {
            assertThat(port).isEqualTo(6379);
            return server.port();
        }
    }

    private static RedisServer redis;

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    /** Containers in fields, as most tests have them: their images say what they are. */
    static class RedisField {
        @ServiceConnection
        static final Running CONTAINER = new Running("redis:8", redis);
    }

    static class ValkeyField {
        @ServiceConnection
        static final Running CONTAINER = new Running("valkey/valkey:9", redis);
    }

    @Configuration(proxyBeanMethods = false)
    @ImportTestcontainers(RedisField.class)
    static class ByRedisField {}

    @Configuration(proxyBeanMethods = false)
    @ImportTestcontainers(ValkeyField.class)
    static class ByValkeyField {}

    /** Of a container that is a bean the image is not known before it is made: it has a name. */
    @Configuration(proxyBeanMethods = false)
    static class ByName {
        @Bean
        @ServiceConnection(name = "valkey")
        Running container() {
            return new Running("my/own:1", redis);
        }
    }

    @Test
    void aServiceConnectionBringsTheServerOfRedisAndOfValkey() {
        for (Class<?> containers : List.of(ByRedisField.class, ByValkeyField.class, ByName.class)) {
            Contexts.plain()
                    .withConfiguration(AutoConfigurations.of(ServiceConnectionAutoConfiguration.class))
                    .withUserConfiguration(containers)
                    .withPropertyValues("spring.data.redis.url=redis://127.0.0.1:1")
                    .run(context -> {
                        assertThat(context).hasSingleBean(HoldfastConnectionDetails.class);
                        CacheClient client = context.getBean(CacheClient.class);
                        assertThat(client.health().type())
                                .as(containers.getName())
                                .isEqualTo("native-redis");
                        assertThat(client.health().toString()).contains(":" + redis.port());
                    });
        }
    }

    private record Service(String name, ImageReference image, Map<String, String> labels) implements RunningService {
        @Override
        public String host() {
            return "127.0.0.1";
        }

        @Override
        public ConnectionPorts ports() {
            return new ConnectionPorts() {
                @Override
                public int get(int port) {
                    return port + 10_000;
                }

                @Override
                public List<Integer> getAll() {
                    return List.of(16_379);
                }

                @Override
                public List<Integer> getAll(String protocol) {
                    return getAll();
                }
            };
        }

        @Override
        public Map<String, String> env() {
            return Map.of();
        }
    }

    private static HoldfastConnectionDetails details(String image, Map<String, String> labels) throws Exception {
        var constructor = DockerComposeConnectionSource.class.getDeclaredConstructors()[0];
        ReflectionUtils.makeAccessible(constructor);
        Object source = constructor.newInstance(
                new Service("cache", ImageReference.of(image), labels), new StandardEnvironment());
        return new ComposeDetailsFactory().getConnectionDetails((DockerComposeConnectionSource) source);
    }

    @Test
    void aServiceOfDockerComposeBringsTheServerOfRedisAndOfValkey() throws Exception {
        for (String image : List.of("redis:8", "valkey/valkey:9", "registry.example/valkey/valkey:9")) {
            HoldfastConnectionDetails details = details(image, Map.of());
            assertThat(details).as(image).isNotNull();
            assertThat(details.getPort()).isEqualTo(16_379);
            assertThat(details.getHost()).isEqualTo("127.0.0.1");
        }
        assertThat(details("postgres:18", Map.of())).isNull();
        assertThat(details("my/own:1", Map.of("org.springframework.boot.service-connection", "valkey/valkey")))
                .isNotNull();
    }

    @Test
    void anSslBundleSaysWhomToTrust() {
        Certificates certificates = Certificates.create();
        try (RedisServer secure =
                RedisServer.builder().tls(certificates, Certificates.Kind.VALID).start()) {
            String bundle = "spring.ssl.bundle.jks.cache.truststore.";
            for (String prefix : List.of("holdfast.single", "spring.data.redis")) {
                Contexts.plain()
                        .withPropertyValues(
                                bundle + "location=file:" + certificates.trustStore(),
                                bundle + "password=" + certificates.trustStorePassword(),
                                prefix + ".host=" + secure.host(),
                                prefix + ".port=" + secure.port(),
                                prefix + ".ssl.bundle=cache")
                        .run(context -> assertThat(context.getBean(CacheClient.class)
                                        .health()
                                        .type())
                                .as(prefix)
                                .isEqualTo("native-redis"));
            }
            Contexts.plain()
                    .withPropertyValues("holdfast.single.url=" + secure.url())
                    .run(context -> assertThat(
                                    context.getBean(CacheClient.class).health().type())
                            .as("whom the JVM trusts")
                            .isEqualTo("in-memory"));
        }
    }

    @Test
    void aUrlMeansWhatItMeansToSpring() {
        assertThat(RedisUrls.ofSpring("redis://secret@host:1/2")).isEqualTo("redis://:secret@host:1/2");
        assertThat(RedisUrls.ofSpring("redis://user:secret@host")).isEqualTo("redis://user:secret@host");
        assertThat(RedisUrls.ofSpring("rediss://host:1")).isEqualTo("rediss://host:1");
        assertThat(RedisUrls.ofSpring("nonsense")).isEqualTo("nonsense");
        try (RedisServer guarded = RedisServer.builder().password("s3cret").start()) {
            Contexts.plain()
                    .withPropertyValues("spring.data.redis.url=redis://s3cret@127.0.0.1:" + guarded.port())
                    .run(context -> assertThat(
                                    context.getBean(CacheClient.class).health().type())
                            .isEqualTo("native-redis"));
        }
    }
}
