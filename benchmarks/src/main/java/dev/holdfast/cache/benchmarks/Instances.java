package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Real processes over one server: each changes keys of its own, all read all keys, and loads take 25 to 75 ms. A read of what the
 * cache holds is stale if it is older than a change that was acknowledged before the read began. A row for each kind of change; the
 * program fails if any read was stale, but after a refresh that joined a load of its own process: that is shown, and not promised.
 */
final class Instances {
    private Instances() {}

    /**
     * Runs.
     *
     * @param seconds for how long
     * @param processes how many
     * @return whether nothing stale was read that must not be
     */
    static boolean run(int seconds, int processes) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(processes);
        Map<String, long[]> byKind = new TreeMap<>();
        long[] totals = new long[5];
        try (RedisServer server = RedisServer.start();
                RedisServer source = RedisServer.start()) {
            List<Future<List<String>>> running = new ArrayList<>();
            for (int i = 0; i < processes; i++) {
                List<String> options = List.of(
                        "-Dinstance=" + i,
                        "-Dinstances=" + processes,
                        "-Dseconds=" + seconds,
                        "-Dserver=" + server.url(),
                        "-Dsource=" + source.url());
                Callable<List<String>> process = () -> Java.run(Java.home(), options, Instance.class, Map.of());
                running.add(threads.submit(process));
            }
            for (Future<List<String>> process : running) {
                process.get().forEach(line -> add(line.split(" "), byKind, totals));
            }
        } finally {
            threads.shutdownNow();
        }
        return print(byKind, totals);
    }

    /** A line of a process: {@code total READS LOADS NOTSTORED JOINED ERRORS}, or {@code KIND CHANGES STALE MILLIS}. */
    private static void add(String[] line, Map<String, long[]> byKind, long[] totals) {
        if (line[0].equals("total")) {
            for (int i = 0; i < totals.length; i++) {
                totals[i] += Long.parseLong(line[i + 1]);
            }
            return;
        }
        long[] row = byKind.computeIfAbsent(line[0], kind -> new long[3]);
        row[0] += Long.parseLong(line[1]);
        row[1] += Long.parseLong(line[2]);
        row[2] = Math.max(row[2], Long.parseLong(line[3]));
    }

    private static boolean print(Map<String, long[]> byKind, long[] totals) {
        System.out.printf(
                Locale.ROOT,
                "%d reads of what is held, %d loads, %d of them not stored, %d reads joined a load from before a change,"
                        + " %d errors%n",
                totals[0],
                totals[1],
                totals[2],
                totals[3],
                totals[4]);
        System.out.printf("%-14s %9s %12s %12s%n", "last change", "changes", "stale reads", "longest ms");
        long stale = 0;
        for (Map.Entry<String, long[]> row : byKind.entrySet()) {
            long[] figures = row.getValue();
            stale += row.getKey().equals("joined_refresh") ? 0 : figures[1];
            System.out.printf(Locale.ROOT, "%-14s %9d %12d %12d%n", row.getKey(), figures[0], figures[1], figures[2]);
        }
        return stale == 0;
    }
}
