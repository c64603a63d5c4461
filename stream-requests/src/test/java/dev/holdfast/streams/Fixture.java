package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import redis.clients.jedis.Protocol;

/** A Redis for a class, a name of its own for each test, and clients and servers that are closed behind it. */
abstract class Fixture {
    static final Duration LIMIT = Duration.ofSeconds(20);
    private static final AtomicInteger NAMES = new AtomicInteger();
    private static final List<CompletableFuture<Void>> CLOSING = new ArrayList<>();
    private static RedisServer shared;

    final String name = "t" + NAMES.incrementAndGet();
    private final List<AutoCloseable> opened = new ArrayList<>();

    static synchronized RedisServer redis() {
        if (shared == null) {
            shared = RedisServer.builder()
                    .persistence(RedisServer.Persistence.NONE)
                    .start();
        }
        return shared;
    }

    @AfterAll
    static synchronized void closeRedis() {
        CLOSING.forEach(CompletableFuture::join);
        CLOSING.clear();
        if (shared != null) {
            shared.close();
            shared = null;
        }
    }

    /** In the background: a server that waits in Redis for requests may take half a second to leave. */
    @AfterEach
    void closeAll() {
        synchronized (Fixture.class) {
            CLOSING.add(CompletableFuture.runAsync(this::closeOpened));
        }
    }

    private void closeOpened() {
        for (int i = opened.size() - 1; i >= 0; i--) {
            try {
                opened.get(i).close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    <T extends AutoCloseable> T closing(T each) {
        opened.add(each);
        return each;
    }

    StreamsConfig config() {
        return config(redis());
    }

    StreamsConfig config(RedisServer server) {
        return StreamsConfig.single(server.url()).withName(name).withGrace(Duration.ZERO);
    }

    RequestClient client(StreamsConfig config) {
        return closing(RequestClient.connect(config));
    }

    RequestServer server(StreamsConfig config, int terminals, RequestHandler handler) {
        return closing(RequestServer.start(config, terminals, handler));
    }

    String requests() {
        return "{" + name + "}:requests";
    }

    long length() {
        return (Long) redis().command("XLEN", requests());
    }

    boolean hasGroup() {
        return hasGroup(redis());
    }

    boolean hasGroup(RedisServer server) {
        return server.command("EXISTS", requests()).equals(1L)
                && !((List<?>) server.command("XINFO", "GROUPS", requests())).isEmpty();
    }

    /** Has all connections closed by the servers while they are idle, and sends over them what must not be sent twice. */
    static void idle(Redis redis, List<RedisServer> servers, byte[] stream) throws Exception {
        List<CompletableFuture<Void>> blocked = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            blocked.add(CompletableFuture.runAsync(() -> redis.call(Command.read(stream, 1, 300))));
        }
        blocked.forEach(CompletableFuture::join);
        for (RedisServer server : servers) {
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        }
        // That is what idle means here.
        Thread.sleep(Redis.IDLE_MILLIS + 100);
        for (int i = 0; i < 3; i++) {
            assertEquals(0L, redis.once(Command.of(Protocol.Command.XLEN, stream)));
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }

    /** A handler that says so when it has begun, and goes on when it is told. */
    static final class Gate implements RequestHandler {
        final AtomicInteger begun = new AtomicInteger();
        final CountDownLatch open = new CountDownLatch(1);

        @Override
        public byte[] handle(Request request) throws Exception {
            begun.incrementAndGet();
            open.await();
            return request.payload();
        }
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() - deadline > 0) {
                fail("waited 20 s for " + what);
            }
            Thread.sleep(5);
        }
    }
}
