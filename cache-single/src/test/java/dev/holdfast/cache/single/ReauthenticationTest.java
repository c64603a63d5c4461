package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.testkit.RespPeer;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReauthenticationTest {
    private final AtomicInteger refused = new AtomicInteger();
    private final RespPeer peer = RespPeer.start((command, caller) -> {
        if (command.get(0).equals("AUTH")) {
            refused.incrementAndGet();
            caller.lines("-WRONGPASS invalid username-password pair or user is disabled.");
        } else {
            caller.lines("+OK");
        }
    });
    private final SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
    private final JedisErrors errors = new JedisErrors(config);
    private final Connector connector = new Connector(config, errors);
    private final Reauthentication reauthentication =
            new Reauthentication(config, new Login(config.access()), pipeline -> {}, Pipeline::read);

    @AfterEach
    void close() {
        connector.close();
        peer.close();
    }

    private Pipeline pipeline() throws Exception {
        Link link = connector.dial();
        return new Pipeline(link.opened().get(), connector, errors, new RoundTrip(), (broken, byOthers) -> {});
    }

    @Test
    void aConnectionThatIsRefusedKeepsNoOtherFromBeingTried() throws Exception {
        Pipeline[] pipelines = {pipeline(), pipeline(), pipeline()};
        Authentication words = new Authentication(null, "wrong");
        assertThrows(Refusal.class, () -> reauthentication.of(pipelines, words));
        assertEquals(3, refused.get());
    }

    @Test
    void anErrorOnAConnectionKeepsNoOtherFromBeingTried() throws Exception {
        Pipeline[] pipelines = {pipeline(), pipeline(), pipeline()};
        Reauthentication failing = new Reauthentication(
                config,
                new Login(config.access()),
                pipeline -> {
                    if (pipeline == pipelines[0]) {
                        throw new OutOfMemoryError("for the test");
                    }
                },
                Pipeline::read);
        assertThrows(Refusal.class, () -> failing.of(pipelines, new Authentication(null, "wrong")));
        assertTrue(refused.get() >= 2, () -> refused + " of the two others");
    }

    /** As when there is no memory for it. */
    @Test
    void aCallThatCannotBeMadeTakesNobodysRightToWrite() throws Exception {
        Pipeline pipeline = pipeline();
        assertThrows(NullPointerException.class, () -> reauthentication.of(pipeline, null));
        assertTrue(pipeline.tryAcquire(true), "nobody writes");
    }
}
