package dev.holdfast.cache.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The CPU that a client's own threads spend: every Java thread but some and the one that began to measure. The JVM's compiler and
 * collector are no Java threads; a fresh process compiles all through its outage, a third of a core, whichever client it runs.
 */
final class CpuMeter {
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final Set<Long> left = new HashSet<>();
    private final long since = System.nanoTime();
    private final Map<Long, Long> before;

    CpuMeter(List<Thread> others) {
        others.forEach(other -> left.add(other.getId()));
        left.add(Thread.currentThread().getId());
        this.before = nanosByThread();
    }

    private Map<Long, Long> nanosByThread() {
        Map<Long, Long> nanos = new HashMap<>();
        for (long id : threads.getAllThreadIds()) {
            long cpu = threads.getThreadCpuTime(id);
            if (cpu >= 0 && !left.contains(id)) {
                nanos.put(id, cpu);
            }
        }
        return nanos;
    }

    double percentOfACore() {
        long spent = 0;
        for (Map.Entry<Long, Long> thread : nanosByThread().entrySet()) {
            spent += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
        }
        return 100.0 * spent / (System.nanoTime() - since);
    }
}
