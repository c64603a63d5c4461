package dev.holdfast.cache.examples.instances;

import dev.holdfast.cache.examples.instances.Ledger.Deed;
import dev.holdfast.cache.examples.instances.Ledger.Kind;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Processes over one server, each a client of its own behind a proxy of its own, that read and change the same keys; and what an onlooker who knows
 * all that they did says of it. For one thread.
 */
public final class Fleet implements AutoCloseable {
    private final Path folder;
    private final @Nullable RedisServer redis;
    private final IntFunction<Map<String, String>> servers;
    private final List<TcpProxy> proxies = new ArrayList<>();
    private final List<Process> processes = new ArrayList<>();
    private final List<Ledger.Book> books = new ArrayList<>();
    /** Which process is which instance now; those before them are dead. */
    private final List<Integer> living = new ArrayList<>();

    private final int agreeWithin;
    private final long shortestLoad;
    private final long longestLoad;

    /**
     * Starts a server, and processes.
     *
     * @param instances how many
     * @param agreeWithin their {@code CACHE_AGREE_WITHIN}, in seconds; 0 for none
     * @param shortestLoad how long a load takes at least, in milliseconds
     * @param longestLoad how long at most
     */
    public Fleet(int instances, int agreeWithin, long shortestLoad, long longestLoad) throws IOException {
        this(agreeWithin, shortestLoad, longestLoad, RedisServer.start(), null);
        startAll(instances);
    }

    /**
     * Starts processes over servers that are there.
     *
     * @param instances how many
     * @param agreeWithin their {@code CACHE_AGREE_WITHIN}, in seconds; 0 for none
     * @param shortestLoad how long a load takes at least, in milliseconds
     * @param longestLoad how long at most
     * @param servers the variables that lead to the servers
     */
    public Fleet(int instances, int agreeWithin, long shortestLoad, long longestLoad, Map<String, String> servers)
            throws IOException {
        this(agreeWithin, shortestLoad, longestLoad, null, servers);
        startAll(instances);
    }

    private Fleet(
            int agreeWithin,
            long shortestLoad,
            long longestLoad,
            @Nullable RedisServer redis,
            @Nullable Map<String, String> servers)
            throws IOException {
        this.folder = Files.createTempDirectory("instances");
        this.redis = redis;
        this.servers = instance -> servers == null
                ? Map.of("REDIS_URL", "redis://127.0.0.1:" + proxy(instance).port())
                : servers;
        this.agreeWithin = agreeWithin;
        this.shortestLoad = shortestLoad;
        this.longestLoad = longestLoad;
    }

    private void startAll(int instances) throws IOException {
        for (int i = 0; i < instances; i++) {
            if (redis != null) {
                proxies.add(TcpProxy.to("127.0.0.1", redis.port()));
            }
            living.add(-1);
            start(i);
        }
    }

    /** The server that all of them share, if this has started it. */
    public RedisServer redis() {
        return Objects.requireNonNull(redis);
    }

    /** The way of one of them to the server. */
    public TcpProxy proxy(int instance) {
        return proxies.get(instance);
    }

    /** Starts the process of an instance, in the place of one that was killed. */
    public void start(int instance) throws IOException {
        int number = processes.size();
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=" + System.getProperty("instances.log", "error"),
                        "-classpath",
                        System.getProperty("java.class.path"),
                        Member.class.getName(),
                        folder.toString(),
                        Integer.toString(number),
                        Long.toString(shortestLoad),
                        Long.toString(longestLoad))
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().keySet().removeIf(name -> name.startsWith("REDIS_") || name.startsWith("CACHE_"));
        builder.environment().keySet().removeIf(name -> name.startsWith("UPSTASH_"));
        builder.environment().putAll(servers.apply(instance));
        builder.environment().putAll(Map.of("CACHE_TTL", "60", "CACHE_AGREE_WITHIN", Integer.toString(agreeWithin)));
        Process process = builder.start();
        processes.add(process);
        books.add(new Ledger.Book(folder.resolve("book" + number)));
        living.set(instance, number);
        String said = new String(process.getInputStream().readNBytes(6), StandardCharsets.US_ASCII);
        if (!said.equals("ready\n")) {
            throw new IllegalStateException("a process said " + said);
        }
    }

    /** Kills the process of an instance, with all that it alone knows. */
    public void crash(int instance) throws InterruptedException {
        Process process = processes.get(living.get(instance));
        process.destroyForcibly();
        process.waitFor(10, TimeUnit.SECONDS);
    }

    /** Sends a signal to the process of an instance. */
    public void signal(String name, int instance) throws IOException, InterruptedException {
        Process process = processes.get(living.get(instance));
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
    }

    /**
     * What became of the reads that began in a span of time.
     *
     * @param reads how many
     * @param loads how many of them, and of their like, led to a load
     * @param errors calls that threw
     * @param stale reads of what some process had changed, and knew so, before they began
     * @param longestStale the longest time since that, in nanoseconds
     * @param beyond how many of these were later than the bound, and half a second
     * @param own how many returned what the very process had changed
     * @param lastStale when the last stale read began, by {@link System#nanoTime}; meaningful if there is one
     */
    public record Verdict(
            long reads,
            long loads,
            long errors,
            long stale,
            long longestStale,
            long beyond,
            long own,
            long lastStale) {}

    private record Change(int by, long version, long at) {}

    /** Judges what was done between two moments of {@link System#nanoTime}. */
    public Verdict judge(long from, long to) {
        List<List<Deed>> deeds = books.stream().map(Ledger.Book::read).toList();
        Map<Integer, List<Change>> changes = new HashMap<>();
        for (int i = 0; i < deeds.size(); i++) {
            for (Deed deed : deeds.get(i)) {
                if (deed.kind() == Kind.CHANGE) {
                    changes.computeIfAbsent(deed.key(), key -> new ArrayList<>())
                            .add(new Change(i, deed.version(), deed.ended()));
                }
            }
        }
        changes.values().forEach(each -> each.sort(Comparator.comparingLong(Change::version)));
        Counts counts = new Counts();
        for (int i = 0; i < deeds.size(); i++) {
            for (Deed deed : deeds.get(i)) {
                if (deed.begun() - from >= 0 && deed.begun() - to < 0) {
                    counts.add(i, deed, changes.getOrDefault(deed.key(), List.of()));
                }
            }
        }
        return new Verdict(
                counts.reads,
                counts.loads,
                counts.errors,
                counts.stale,
                counts.longest,
                counts.beyond,
                counts.own,
                counts.last);
    }

    /** What was counted so far. */
    private final class Counts {
        private long reads;
        private long loads;
        private long errors;
        private long stale;
        private long longest;
        private long beyond;
        private long own;
        private long last;

        void add(int by, Deed deed, List<Change> changes) {
            switch (deed.kind()) {
                case LOAD -> loads++;
                case ERROR -> errors++;
                case READ -> read(by, deed, changes);
                case CHANGE -> {}
            }
        }

        private void read(int by, Deed deed, List<Change> changes) {
            reads++;
            long oldest = 0;
            boolean isOwn = false;
            for (int i = changes.size() - 1; i >= 0 && changes.get(i).version() > deed.version(); i--) {
                long age = deed.begun() - changes.get(i).at();
                oldest = Math.max(oldest, age);
                isOwn |= age > 0 && changes.get(i).by() == by;
            }
            if (oldest > 0) {
                stale++;
                last = deed.begun();
                longest = Math.max(longest, oldest);
                long bound = TimeUnit.SECONDS.toNanos(agreeWithin) + TimeUnit.MILLISECONDS.toNanos(500);
                beyond += agreeWithin > 0 && oldest > bound ? 1 : 0;
                own += isOwn ? 1 : 0;
            }
        }
    }

    @Override
    public void close() throws IOException {
        processes.forEach(Process::destroyForcibly);
        proxies.forEach(TcpProxy::close);
        if (redis != null) {
            redis.close();
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }
}
