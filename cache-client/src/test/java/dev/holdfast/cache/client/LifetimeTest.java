package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** When entries begin and end. */
class LifetimeTest {
    private static final long NOW = 1_700_000_000_000L;

    /** A floor is a tenth of a second ahead: what is put right after {@code clear()} is there, however short it lives. */
    @Test
    void whatIsMadeAtAFloorThatIsAheadIsThereUntilTheStoreEndsIt() {
        Lifetime lifetime = Lifetime.of(Duration.ofMillis(40), CachePolicy.defaults(), NOW, 0);
        Lifetime made = lifetime.madeAt(NOW + 100);

        assertEquals(NOW + 100, made.created(), "not below the floor");
        assertTrue(made.freshUntil() > NOW, "fresh now");
        assertTrue(made.staleUntil() >= made.freshUntil());
        assertEquals(Duration.ofMillis(40), lifetime.inStore());
    }
}
