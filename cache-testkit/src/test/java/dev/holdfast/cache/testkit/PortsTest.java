package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PortsTest {
    @Test
    void noPortIsGivenTwice() {
        Set<Integer> given = new HashSet<>();
        for (int i = 0; i < 200; i++) {
            int port = Ports.free();
            assertTrue(given.add(port), "twice: " + port);
            assertTrue(port >= 10_000 && port < 32_768, "a client's port: " + port);
        }
        given.forEach(Ports::release);
    }

    @Test
    void aPortStaysItsServersWhileThatIsDown() {
        try (RedisServer redis = RedisServer.start()) {
            redis.kill();
            for (int i = 0; i < 1000; i++) {
                int port = Ports.free();
                assertNotEquals(redis.port(), port);
                Ports.release(port);
            }
        }
    }
}
