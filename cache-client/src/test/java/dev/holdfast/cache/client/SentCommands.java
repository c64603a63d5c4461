package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.CallObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The commands that the calls of a client send to its servers; those that go in one packet are one. A server's own statistics have besides what its clients
 * send unasked, beats and canaries, whenever that is due.
 */
final class SentCommands {
    private SentCommands() {}

    /** What a call sends, in its order. */
    static List<String> of(CacheClient client, Runnable call) {
        List<String> names = Collections.synchronizedList(new ArrayList<>());
        Runnable end = client.observeCommands((name, place) -> {
            names.add(name);
            return CallObserver.UNOBSERVED;
        });
        try {
            call.run();
        } finally {
            end.run();
        }
        return List.copyOf(names);
    }
}
