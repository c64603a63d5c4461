package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class CausesTest {
    @Test
    void causesAreFoundFromTheOutermostOn() {
        IOException inner = new IOException("inner");
        IllegalStateException outer = new IllegalStateException("outer", new RuntimeException(inner));
        assertEquals(3, Causes.of(outer).size());
        assertSame(inner, Causes.root(outer));
        assertSame(inner, Causes.root(inner));
        assertSame(outer, Causes.find(outer, RuntimeException.class));
        assertSame(inner, Causes.find(outer, IOException.class));
        assertNull(Causes.find(outer, Error.class));
        assertEquals(List.of(), Causes.of(null));
        assertNull(Causes.find(null, Error.class));
    }

    @Test
    void causesThatLeadBackToThemselvesEnd() {
        RuntimeException first = new RuntimeException("first");
        first.initCause(new RuntimeException("second", first));
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            assertEquals(Causes.MAX_DEPTH, Causes.of(first).size());
            assertNotNull(Causes.root(first));
            assertNull(Causes.find(first, Error.class));
        });
    }
}
