package dev.holdfast.cache.containers;

import org.junit.jupiter.api.BeforeAll;

class RedisSingleContainerTest extends SingleContainerContract {
    @BeforeAll
    static void start() {
        start(Image.REDIS);
    }
}
