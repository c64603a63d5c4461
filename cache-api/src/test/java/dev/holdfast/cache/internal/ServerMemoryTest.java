package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.MemoryUse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ServerMemoryTest {
    private long nanos = Long.MAX_VALUE - 5;
    private final ServerMemory memory = new ServerMemory(() -> nanos);

    private void answered(String... fields) {
        String info = "# Memory\r\n" + String.join("\r\n", fields) + "\r\nmem_allocator:jemalloc-5.3.0\r\n";
        memory.answered(info.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void itIsDueOnceInHalfAMinute() {
        assertTrue(memory.isDue());
        assertFalse(memory.isDue());
        nanos += TimeUnit.SECONDS.toNanos(30) - 1;
        assertFalse(memory.isDue());
        nanos++;
        assertTrue(memory.isDue());
        assertFalse(memory.isDue());
    }

    @Test
    void whoRefusesIsNotAskedAgain() {
        memory.refused();
        nanos += TimeUnit.DAYS.toNanos(1);
        assertFalse(memory.isDue());
        assertNull(memory.use());
    }

    @Test
    void whatDoesNotCountForEvictionDoesNotCount() {
        assertNull(memory.use());
        answered("used_memory:900", "used_memory_peak:1000", "maxmemory:1000", "mem_not_counted_for_evict:100");
        assertEquals(new MemoryUse(800, 1_000), memory.use());
        assertEquals(80.0, memory.use().percent());
        answered("used_memory:901", "maxmemory:1000");
        assertEquals(new MemoryUse(901, 1_000), memory.use());
    }

    @Test
    void withoutABoundAndAfterTwoMinutesItIsUnknown() {
        answered("used_memory:900", "maxmemory:1000");
        nanos += TimeUnit.MINUTES.toNanos(2);
        assertEquals(900, memory.use().usedBytes());
        nanos++;
        assertNull(memory.use());
        answered("used_memory:900", "maxmemory:0");
        assertNull(memory.use(), "no bound is not an empty memory");
        answered("used_memory:many", "maxmemory:1000");
        assertNull(memory.use());
    }

    @Test
    void aUseHasABound() {
        assertThrows(IllegalArgumentException.class, () -> new MemoryUse(1, 0));
        assertThrows(IllegalArgumentException.class, () -> new MemoryUse(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> new MemoryUse(1, 1, -1));
    }
}
