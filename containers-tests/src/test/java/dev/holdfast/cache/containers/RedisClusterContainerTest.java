package dev.holdfast.cache.containers;

import org.junit.jupiter.api.BeforeAll;

class RedisClusterContainerTest extends ClusterContainerContract {
    @BeforeAll
    static void start() {
        start(Image.REDIS);
    }
}
