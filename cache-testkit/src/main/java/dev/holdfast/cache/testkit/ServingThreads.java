package dev.holdfast.cache.testkit;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The threads of a server in this process, which its end waits for. Thread-safe. */
final class ServingThreads {
    private final Set<Thread> running = ConcurrentHashMap.newKeySet();
    private final String name;

    ServingThreads(String name) {
        this.name = name;
    }

    Thread start(Runnable task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } finally {
                running.remove(Thread.currentThread());
            }
        });
        thread.setName(name + '-' + thread.getId());
        thread.setDaemon(true);
        running.add(thread);
        thread.start();
        return thread;
    }

    /**
     * Returns when none runs any more, also in a thread that is interrupted.
     *
     * @param hangUp ends what they wait for; done as often as it takes
     */
    void join(Runnable hangUp) {
        while (!running.isEmpty()) {
            hangUp.run();
            running.forEach(Streams::join);
        }
    }
}
