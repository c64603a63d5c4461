package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol.Command;

/** What is told of a call that nobody sent is told of no other. */
class PendingTest {
    private final Pending pending = new Pending();
    private final RedisServer server = RedisServer.start();
    private Connector connector;
    private Pipeline pipeline;

    @BeforeEach
    void connect() throws Exception {
        SingleConfig config = SingleConfig.of("127.0.0.1", server.port());
        JedisErrors errors = new JedisErrors(config);
        connector = new Connector(config, errors);
        pipeline = new Pipeline(
                connector.dial().opened().get(), connector, errors, new RoundTrip(), (same, byOthers) -> {});
    }

    @AfterEach
    void close() {
        connector.close();
        server.close();
    }

    @Test
    void aCallThatIsSentIsNotFailedAsOneThatWaits() {
        Call waiting = call();
        Call sent = call();
        pending.add(waiting);
        pending.add(sent);
        assertTrue(sent.takeFor(pipeline, System.nanoTime(), 1_000_000_000));

        pending.close(() -> new IllegalStateException("not sent"));
        pending.add(sent);

        assertTrue(sent.isSent(), "its end is its connection's to tell");
        assertTrue(waiting.isAnswered());
        assertThrows(IllegalStateException.class, waiting::takeReply);
    }

    @Test
    void aCallThatFailedIsNotSent() {
        Call call = call();
        pending.add(call);
        pending.fail(() -> new IllegalStateException("not sent"));
        assertFalse(call.takeFor(pipeline, System.nanoTime(), 1_000_000_000));
    }

    private static Call call() {
        return Call.of(List.of(Request.reading(Command.PING)), false, System.nanoTime() + 60_000_000_000L);
    }
}
