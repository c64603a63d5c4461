package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What health says of the server's memory, which it asks for in the background. */
@Execution(ExecutionMode.CONCURRENT)
class MemoryInquiryTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final int BOUND = 64 << 20;

    /** How often a figure of INFO commandstats was counted; {@code field} is calls or rejected_calls. */
    private static long infos(RedisServer server, String field) {
        String stats = String.valueOf(server.command("INFO", "commandstats"));
        Matcher line =
                Pattern.compile("cmdstat_info:.*?\\b" + field + "=([0-9]+)").matcher(stats);
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    @Test
    void aServerWithABoundIsAskedOnceHoweverOftenOneLooks() {
        try (RedisServer server = RedisServer.builder().maxMemory(BOUND).start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            assertNull(store.health().memory(), "nobody has called it yet");
            assertEquals(0, store.health().pool().total(), "looking connects to nothing");
            store.put("k", new byte[] {1}, TTL);
            long before = infos(server, "calls");
            Eventually.until("a use of memory", () -> store.health().memory() != null);
            MemoryUse use = store.health().memory();
            assertEquals(BOUND, use.maxBytes());
            assertTrue(use.usedBytes() > 100_000 && use.usedBytes() < BOUND, use::toString);
            for (int i = 0; i < 1_000; i++) {
                store.health();
            }
            // Of these one is the question before, and one that of the log-in of the connection for questions.
            assertEquals(before + 3, infos(server, "calls"));
            assertEquals(1, store.health().operations().total(), "nobody's call");
        }
    }

    @Test
    void withoutABoundNothingIsKnown() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            store.put("k", new byte[] {1}, TTL);
            long before = infos(server, "calls");
            store.health();
            // Each look at the figures is counted there as well.
            AtomicLong looks = new AtomicLong(before);
            Eventually.until("a question", () -> infos(server, "calls") > looks.incrementAndGet());
            assertNull(store.health().memory());
        }
    }

    @Test
    void aUserWhoMayNotAskIsRefusedOnceAndServedAsBefore() {
        try (RedisServer server = RedisServer.builder()
                        .maxMemory(BOUND)
                        .user("app", "pw", "~* +@all -info")
                        .start();
                SingleStore store =
                        SingleStore.of(SingleConfig.of("redis://app:pw@" + server.host() + ':' + server.port()))) {
            store.put("k", new byte[] {1}, TTL);
            long atLogIn = infos(server, "rejected_calls");
            store.health();
            Eventually.until("a refusal", () -> infos(server, "rejected_calls") == atLogIn + 1);
            for (int i = 0; i < 100; i++) {
                assertNull(store.health().memory());
                assertEquals(1, store.get("k").length);
            }
            assertEquals(atLogIn + 1, infos(server, "rejected_calls"));
        }
    }
}
