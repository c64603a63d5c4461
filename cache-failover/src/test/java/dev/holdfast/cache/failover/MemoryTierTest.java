package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.failover.Decisions.Chance;
import org.junit.jupiter.api.Test;

/** When the memory begins anew. */
class MemoryTierTest {
    private final Decisions decisions = Decisions.usual();
    private final MemoryTier memory = decisions.state.memory;

    @Test
    void itIsReplacedFiveSecondsAfterTheLastKeyLedThere() {
        memory.use(decisions.now - SECOND);
        memory.use(decisions.now);
        long stamp = decisions.last().stamp();
        memory.tick(decisions.now + 5 * SECOND - 1);
        assertTrue(memory.used());
        assertEquals(0, memory.generation());

        memory.tick(decisions.now + 5 * SECOND);
        assertFalse(memory.used());
        assertEquals(1, memory.generation());
        assertEquals(stamp + 1, decisions.last().stamp());
        memory.tick(decisions.now + 60 * SECOND);
        assertEquals(1, memory.generation(), "nobody came since");
    }

    @Test
    void itStaysWhileAKeyOfAServingTierLeadsThere() {
        memory.use(decisions.now);
        decisions.first().dirty.remove("k", 0);
        memory.tick(decisions.now + 5 * SECOND);
        assertTrue(memory.used());

        decisions.open(decisions.first());
        memory.use(decisions.now);
        memory.tick(decisions.now + 5 * SECOND);
        assertFalse(memory.used(), "what is dirty where nobody goes leads nowhere");
    }

    @Test
    void aSwitchReplacesItIfAnybodyMayHaveBeenThere() {
        long stamp = decisions.last().stamp();
        memory.switched(0);
        assertEquals(0, memory.generation());
        assertEquals(stamp + 1, decisions.last().stamp());
        memory.switched(2);
        assertEquals(1, memory.generation());
        memory.use(decisions.now);
        memory.switched(1);
        assertEquals(2, memory.generation());
        assertFalse(memory.used());
    }

    @Test
    void withoutOneNothingIsIt() {
        Decisions servers = new Decisions(
                FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("first"), Decisions.server("second"));
        MemoryTier none = servers.state.memory;
        assertFalse(none.is(servers.second()));
        none.switched(0);
        assertEquals(1, none.generation());
        none.stamp();
        assertTrue(memory.is(decisions.last()));
        assertFalse(memory.is(decisions.first()));
    }
}
