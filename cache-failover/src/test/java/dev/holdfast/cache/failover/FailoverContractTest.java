package dev.holdfast.cache.failover;

import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.FlakyStore;
import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A composite keeps the contract whichever of its tiers answers. */
@Execution(ExecutionMode.CONCURRENT)
class FailoverContractTest {

    private static MemoryStore memory(String keyPrefix) {
        return MemoryStore.builder().maxBytes(64 << 20).keyPrefix(keyPrefix).build();
    }

    private static FlakyStore server(String keyPrefix) {
        return new FlakyStore(memory(keyPrefix), Duration.ofSeconds(3));
    }

    private static FailoverStore composite(String keyPrefix, FlakyStore first) {
        return FailoverStore.builder()
                .tier("first", first)
                .tier("second", server(keyPrefix))
                .memoryTier("memory", () -> memory(keyPrefix))
                .build();
    }

    /** A composite can't tell whether a tier that died has done an increment, so it has none that is done once. */
    abstract static class CompositeContract extends CacheStoreContract {
        @Override
        protected boolean hasIncrementOnce() {
            return false;
        }
    }

    @Nested
    @DisplayName("Failover( healthy > healthy > memory )")
    class Healthy extends CompositeContract {
        @Override
        protected CacheStore create(String keyPrefix) {
            return composite(keyPrefix, server(keyPrefix));
        }
    }

    @Nested
    @DisplayName("Failover( dead > healthy > memory )")
    class DeadFirst extends CompositeContract {
        @Override
        protected CacheStore create(String keyPrefix) {
            FlakyStore dead = server(keyPrefix);
            dead.kill();
            FailoverStore composite = composite(keyPrefix, dead);
            composite.start(Duration.ofSeconds(5));
            return composite;
        }
    }

    @Nested
    @DisplayName("Failover( dead and not yet known to be > healthy > memory )")
    class Dying extends CompositeContract {
        @Override
        protected CacheStore create(String keyPrefix) {
            FlakyStore dying = server(keyPrefix);
            dying.kill();
            return composite(keyPrefix, dying);
        }
    }

    @Nested
    @DisplayName("Failover( alone )")
    class Alone extends CompositeContract {
        @Override
        protected CacheStore create(String keyPrefix) {
            return FailoverStore.builder().tier("only", server(keyPrefix)).build();
        }
    }
}
