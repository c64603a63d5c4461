package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The threads of a store on a machine that has none to give, for a while. */
class SessionTest {
    private final List<String> started = new ArrayList<>();
    private int failures = 3;

    private Thread thread(Runnable work, String name) {
        if (name.endsWith("watch") && failures-- > 0) {
            throw new IllegalStateException("no thread can be had");
        }
        started.add(name);
        return IsolatedThreads.thread(work, name);
    }

    @Test
    void eachThreadIsStartedOnceHoweverOftenAnotherCanNotBe() {
        Session session = new Session(ClusterConfig.of(List.of("127.0.0.1:1")), this::thread);
        try {
            for (int i = 0; i < 3; i++) {
                assertThrows(IllegalStateException.class, session::requireOpen);
            }
            session.requireOpen();
            session.requireOpen();
            assertEquals(List.of("holdfast-cluster-topology", "holdfast-cluster-watch"), started);
        } finally {
            session.close();
        }
    }
}
