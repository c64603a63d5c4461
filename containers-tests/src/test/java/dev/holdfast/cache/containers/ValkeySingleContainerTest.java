package dev.holdfast.cache.containers;

import org.junit.jupiter.api.BeforeAll;

class ValkeySingleContainerTest extends SingleContainerContract {
    @BeforeAll
    static void start() {
        start(Image.VALKEY);
    }
}
