package dev.holdfast.cache.containers;

import org.junit.jupiter.api.BeforeAll;

class ValkeyClusterContainerTest extends ClusterContainerContract {
    @BeforeAll
    static void start() {
        start(Image.VALKEY);
    }
}
