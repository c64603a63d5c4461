package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A name server that hangs does not make its names unknown for ever. */
class LookupsTest {
    private static final InetAddress[] FOUND = {InetAddress.getLoopbackAddress()};

    private long now = 7;
    private boolean refuses;
    private final List<Runnable> begun = new ArrayList<>();
    private final Lookups lookups = new Lookups(
            host -> {
                if (host.equals("unknown")) {
                    throw new UnknownHostException(host);
                }
                return FOUND;
            },
            task -> {
                if (refuses) {
                    throw new RejectedExecutionException("full");
                }
                begun.add(task);
            },
            () -> now);

    @Test
    void oneLookupServesAllWhoWantIt() {
        CompletableFuture<InetAddress[]> first = lookups.of("a");
        assertSame(first, lookups.of("a"));
        assertEquals(1, begun.size());
        begun.get(0).run();
        assertSame(FOUND, first.join());
        assertNotSame(first, lookups.of("a"), "what was found is not kept");
        assertEquals(2, begun.size());
    }

    @Test
    void oneThatNeverReturnsIsNotWaitedForByThoseWhoComeLater() {
        CompletableFuture<InetAddress[]> hung = lookups.of("a");
        now += TimeUnit.SECONDS.toNanos(10);
        CompletableFuture<InetAddress[]> next = lookups.of("a");
        assertEquals(2, begun.size());
        begun.get(1).run();
        assertSame(FOUND, next.join());
        assertFalse(hung.isDone());
        begun.get(0).run();
        assertSame(FOUND, hung.join());
    }

    @Test
    void whatCannotBeginEndsAndTheNextBegins() {
        refuses = true;
        CompletableFuture<InetAddress[]> refused = lookups.of("a");
        assertThrows(CompletionException.class, refused::join);
        refuses = false;
        assertNotSame(refused, lookups.of("a"));
        assertEquals(1, begun.size());
    }

    @Test
    void whatFailsIsTold() {
        CompletableFuture<InetAddress[]> unknown = lookups.of("unknown");
        begun.get(0).run();
        CompletionException e = assertThrows(CompletionException.class, unknown::join);
        assertTrue(e.getCause() instanceof UnknownHostException);
    }
}
