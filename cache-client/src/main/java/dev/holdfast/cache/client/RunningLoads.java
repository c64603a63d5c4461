package dev.holdfast.cache.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The loads of one cache that have a lease. */
final class RunningLoads {
    private static final Logger LOG = LoggerFactory.getLogger(RunningLoads.class);

    private final Set<LoadRun> runs = ConcurrentHashMap.newKeySet();
    private final Deadlines deadlines;

    RunningLoads(Deadlines deadlines) {
        this.deadlines = deadlines;
    }

    void add(LoadRun run) {
        runs.add(run);
        deadlines.watch(run);
    }

    void remove(LoadRun run) {
        deadlines.forget(run);
        runs.remove(run);
    }

    /** Ends those in the background; those on their callers' threads go on until they end or their lease does, for nobody else. */
    void close() {
        for (LoadRun run : runs) {
            try {
                run.close();
            } catch (Throwable e) {
                LOG.error("ending a load of a cache that closes failed; others are not harmed", e);
            }
        }
    }
}
