package dev.holdfast.spring.boot;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.docker.compose.core.RunningService;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionDetailsFactory;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionSource;
import org.springframework.boot.ssl.SslBundle;

/** Takes the server from a service of Docker Compose: Redis or Valkey. */
final class ComposeDetailsFactory extends DockerComposeConnectionDetailsFactory<HoldfastConnectionDetails> {
    ComposeDetailsFactory() {
        super(ServerImages.NAMES.toArray(String[]::new));
    }

    @Override
    protected HoldfastConnectionDetails getDockerComposeConnectionDetails(DockerComposeConnectionSource source) {
        return new Details(source.getRunningService());
    }

    private static final class Details extends DockerComposeConnectionDetails implements HoldfastConnectionDetails {
        private final String host;
        private final int port;
        private final @Nullable SslBundle bundle;

        Details(RunningService service) {
            super(service);
            this.host = service.host();
            this.port = service.ports().get(ServerImages.PORT);
            this.bundle = getSslBundle(service);
        }

        @Override
        public String getHost() {
            return host;
        }

        @Override
        public int getPort() {
            return port;
        }

        @Override
        public @Nullable SslBundle getSslBundle() {
            return bundle;
        }
    }
}
