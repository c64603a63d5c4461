package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.CallObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The commands that the calls of a client send to its servers, each with those that go in one packet, until it is closed. A server's own statistics
 * have besides what its clients send unasked, beats and canaries, whenever that is due.
 */
final class SentCommands implements AutoCloseable {
    private final List<String> names = Collections.synchronizedList(new ArrayList<>());
    private final Runnable end;

    SentCommands(CacheClient client) {
        end = client.observeCommands((name, place) -> {
            names.add(name);
            return CallObserver.UNOBSERVED;
        });
    }

    /** What a call sends. */
    static List<String> of(CacheClient client, Runnable call) {
        try (SentCommands sent = new SentCommands(client)) {
            call.run();
            return List.copyOf(sent.names);
        }
    }

    @Override
    public void close() {
        end.run();
    }
}
