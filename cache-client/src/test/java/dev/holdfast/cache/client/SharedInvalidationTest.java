package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import java.time.Duration;

/** The same over what other processes see too, where removals leave tombstones and loads are stored with regard to them. */
class SharedInvalidationTest extends InvalidationTest {
    @Override
    CacheStore place() {
        return new FlakyStore(super.place(), Duration.ofSeconds(3));
    }
}
