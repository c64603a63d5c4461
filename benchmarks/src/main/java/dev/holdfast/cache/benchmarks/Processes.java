package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.benchmarks.Ledger.Deed;
import dev.holdfast.cache.benchmarks.Ledger.Kind;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Four processes over one server, each behind a proxy of its own, through one phase of trouble after the other. For each phase: reads, loads,
 * errors, reads of what some process had changed before (stale), the longest time since that, how many of these are beyond the bound, and reads of
 * what the very process had changed. {@code -Dfaults=processes[:PHASE[+PHASE]][@SECONDS]}: those phases only, and {@code CACHE_AGREE_WITHIN}; 0 for none.
 */
final class Processes implements AutoCloseable {
    private static final int INSTANCES = 4;
    /** The roll is new, and counts somebody as missing who may have been on one before. */
    private static final Duration WARM = Duration.ofSeconds(34);

    private static final Duration AFTER = Duration.ofSeconds(12);

    private final Path folder;
    private final RedisServer redis;
    private final List<TcpProxy> proxies = new ArrayList<>();
    private final List<Process> processes = new ArrayList<>();
    private final List<Ledger.Book> books = new ArrayList<>();
    /** Which processes there are now; those before them are dead. */
    private final List<Integer> living = new ArrayList<>();

    private final int agreeWithin;
    private final String shortest;
    private final String longest;

    /** Trouble, which ends by itself. */
    private interface Trouble {
        void make(Processes all) throws Exception;
    }

    private Processes(int agreeWithin, String shortest, String longest) throws IOException {
        this.folder = Files.createTempDirectory("processes");
        this.redis = RedisServer.start();
        this.agreeWithin = agreeWithin;
        this.shortest = shortest;
        this.longest = longest;
    }

    private static Map<String, Trouble> phases() {
        Map<String, Trouble> phases = new LinkedHashMap<>();
        phases.put("steady", all -> pause(Duration.ofSeconds(20)));
        phases.put("killed", all -> {
            all.redis.kill();
            pause(Duration.ofSeconds(10));
            all.redis.restart(RedisServer.Data.KEEP);
        });
        phases.put("frozen", all -> {
            all.redis.freeze();
            pause(Duration.ofSeconds(10));
            all.redis.thaw();
        });
        phases.put("cut", all -> {
            all.proxies.get(0).halfOpen();
            pause(Duration.ofSeconds(10));
            all.proxies.get(0).pass();
        });
        phases.put("flapping", all -> {
            for (int i = 0; i < 5; i++) {
                all.redis.kill();
                pause(Duration.ofSeconds(3));
                all.redis.restart(RedisServer.Data.KEEP);
                pause(Duration.ofSeconds(7));
            }
        });
        phases.put("paused", all -> {
            signal("STOP", all.processes.get(all.living.get(1)));
            pause(Duration.ofSeconds(20));
            signal("CONT", all.processes.get(all.living.get(1)));
        });
        phases.put("roll", all -> {
            all.proxies.get(2).halfOpen();
            pause(Duration.ofSeconds(4));
            all.redis.command("EVAL", "return #redis.call('DEL', unpack(redis.call('KEYS', '*#roll*')))", "0");
            pause(Duration.ofSeconds(8));
            all.proxies.get(2).pass();
        });
        phases.put("crash", all -> {
            all.redis.kill();
            pause(Duration.ofSeconds(6));
            all.crash(3);
            all.begin(3);
            pause(Duration.ofSeconds(4));
            all.redis.restart(RedisServer.Data.KEEP);
            // Until whoever is missing is struck off, and more.
            pause(Duration.ofSeconds(45));
        });
        return phases;
    }

    static boolean run(String wanted) throws Exception {
        String names = wanted.contains("@") ? wanted.substring(0, wanted.indexOf('@')) : wanted;
        String seconds = wanted.contains("@") ? wanted.substring(wanted.indexOf('@') + 1) : "5+0";
        boolean kept = true;
        for (String within : seconds.split("\\+")) {
            kept &= run(names.isEmpty() ? List.of() : List.of(names.split("\\+")), Integer.parseInt(within));
        }
        return kept;
    }

    private static boolean run(List<String> names, int within) throws Exception {
        boolean kept = true;
        try (Processes all = new Processes(within, "0", "7")) {
            for (int i = 0; i < INSTANCES; i++) {
                all.proxies.add(TcpProxy.to("127.0.0.1", all.redis.port()));
                all.living.add(-1);
                all.begin(i);
            }
            pause(WARM);
            for (Map.Entry<String, Trouble> phase : phases().entrySet()) {
                if (names.isEmpty() || names.contains(phase.getKey())) {
                    kept &= all.play(phase.getKey(), phase.getValue());
                }
            }
        }
        return kept;
    }

    private boolean play(String name, Trouble trouble) throws Exception {
        long begun = System.nanoTime();
        trouble.make(this);
        long calm = System.nanoTime();
        pause(AFTER);
        long end = System.nanoTime();
        Verdict verdict = judge(begun, end);
        System.out.println(String.format(
                Locale.ROOT,
                "processes: phase=%s within_s=%d reads=%d loads=%d errors=%d stale=%d longest_stale_ms=%d stale_beyond_bound=%d"
                        + " own_removals_undone=%d last_stale_ms=%d",
                name,
                agreeWithin,
                verdict.reads,
                verdict.loads,
                verdict.errors,
                verdict.stale,
                verdict.longest / 1_000_000,
                verdict.beyond,
                verdict.own,
                verdict.lastStale == 0 ? 0 : (verdict.lastStale - calm) / 1_000_000));
        return verdict.errors == 0 && verdict.own == 0 && (agreeWithin == 0 || verdict.beyond == 0);
    }

    private void begin(int instance) throws IOException {
        int number = processes.size();
        ProcessBuilder builder = new ProcessBuilder(
                        Java.home().resolve("bin").resolve("java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=" + System.getProperty("processes.log", "error"),
                        "-classpath",
                        System.getProperty("java.class.path"),
                        Member.class.getName(),
                        folder.toString(),
                        Integer.toString(number),
                        shortest,
                        longest)
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("REDIS_URL", "redis://127.0.0.1:" + proxies.get(instance).port());
        builder.environment().put("CACHE_TTL", "60");
        builder.environment().put("CACHE_AGREE_WITHIN", Integer.toString(agreeWithin));
        Process process = builder.start();
        processes.add(process);
        books.add(new Ledger.Book(folder.resolve("book" + number)));
        living.set(instance, number);
        String said = new String(process.getInputStream().readNBytes(6), StandardCharsets.US_ASCII);
        if (!said.equals("ready\n")) {
            throw new IllegalStateException("a process said " + said);
        }
    }

    private void crash(int instance) throws InterruptedException {
        Process process = processes.get(living.get(instance));
        process.destroyForcibly();
        process.waitFor(10, TimeUnit.SECONDS);
    }

    private static void pause(Duration time) throws InterruptedException {
        Thread.sleep(time.toMillis());
    }

    private static void signal(String name, Process process) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    }

    /** What became of the reads that began in a span of time. */
    private static final class Verdict {
        private long reads;
        private long loads;
        private long errors;
        private long stale;
        private long beyond;
        private long longest;
        private long own;
        private long lastStale;
    }

    private record Change(int by, long version, long at) {}

    private Verdict judge(long from, long to) {
        Map<Integer, List<Change>> changes = new LinkedHashMap<>();
        List<List<Deed>> deeds = books.stream().map(Ledger.Book::read).toList();
        for (int i = 0; i < deeds.size(); i++) {
            for (Deed deed : deeds.get(i)) {
                if (deed.kind() == Kind.CHANGE) {
                    changes.computeIfAbsent(deed.key(), key -> new ArrayList<>())
                            .add(new Change(i, deed.version(), deed.ended()));
                }
            }
        }
        changes.values().forEach(each -> each.sort(Comparator.comparingLong(Change::version)));
        Verdict verdict = new Verdict();
        for (int i = 0; i < deeds.size(); i++) {
            for (Deed deed : deeds.get(i)) {
                if (deed.begun() - from >= 0 && deed.begun() - to < 0) {
                    count(verdict, i, deed, changes.getOrDefault(deed.key(), List.of()));
                }
            }
        }
        return verdict;
    }

    private void count(Verdict verdict, int by, Deed deed, List<Change> changes) {
        switch (deed.kind()) {
            case LOAD -> verdict.loads++;
            case ERROR -> verdict.errors++;
            case CHANGE -> {}
            case READ -> {
                verdict.reads++;
                long oldest = 0;
                boolean own = false;
                for (int i = changes.size() - 1; i >= 0 && changes.get(i).version() > deed.version(); i--) {
                    long age = deed.begun() - changes.get(i).at();
                    oldest = Math.max(oldest, age);
                    own |= age > 0 && changes.get(i).by() == by;
                }
                if (oldest > 0) {
                    verdict.stale++;
                    verdict.lastStale = Math.max(verdict.lastStale, deed.begun());
                    verdict.longest = Math.max(verdict.longest, oldest);
                    verdict.beyond += agreeWithin > 0 && oldest > TimeUnit.MILLISECONDS.toNanos(agreeWithin * 1000L + 500) ? 1 : 0;
                    verdict.own += own ? 1 : 0;
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        processes.forEach(Process::destroyForcibly);
        proxies.forEach(TcpProxy::close);
        redis.close();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }
}
