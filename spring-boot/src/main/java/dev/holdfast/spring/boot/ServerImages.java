package dev.holdfast.spring.boot;

import java.util.List;

/** The images of containers in which a server runs that the tier single can talk to, and a name for others. */
final class ServerImages {
    static final List<String> NAMES =
            List.of("redis", "valkey", "valkey/valkey", "redis/redis-stack", "redis/redis-stack-server");
    static final int PORT = 6379;

    private ServerImages() {}
}
