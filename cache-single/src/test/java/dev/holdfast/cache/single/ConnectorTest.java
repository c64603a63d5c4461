package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ConnectorTest {
    /** Nobody keeps its time any more: it would have its thread and its connection for ever. */
    @Test
    void whatIsBeingOpenedToASilentServerEndsWithTheConnector() throws Exception {
        try (RespPeer peer = RespPeer.start((command, caller) -> {})) {
            SingleConfig config = SingleConfig.of("127.0.0.1", peer.port());
            Connector connector = new Connector(config, new JedisErrors(config));
            Link link = connector.dial();
            for (int i = 0; i < 1_000 && peer.connections() == 0; i++) {
                Thread.sleep(2);
            }

            connector.close();

            ExecutionException ended =
                    assertThrows(ExecutionException.class, () -> link.opened().get(1, TimeUnit.SECONDS));
            assertInstanceOf(CacheUnavailableException.class, ended.getCause());
        }
    }
}
