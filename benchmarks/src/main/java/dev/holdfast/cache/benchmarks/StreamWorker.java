package dev.holdfast.cache.benchmarks;

import dev.holdfast.streams.RequestServer;
import dev.holdfast.streams.StreamsConfig;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A worker in a process of its own: 5 terminals, each request so many milliseconds long. It prints what it took over when it is told to end. */
final class StreamWorker {
    static final int TERMINALS = 5;

    private StreamWorker() {}

    /** The process: kind ({@code ours}, {@code redisson}, {@code spring}), servers, milliseconds of work, milliseconds of claimIdle. */
    public static void main(String[] args) throws Exception {
        long work = Long.parseLong(args[2]);
        if (args[0].equals("ours")) {
            RequestServer server = RequestServer.start(
                    config(args[1]).withClaimIdle(Duration.ofMillis(Long.parseLong(args[3]))), TERMINALS, request -> {
                        Thread.sleep(work);
                        return request.payload();
                    });
            Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        } else {
            StreamPeers.of(args[0]).work(args[1], work);
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    /** One server's URL, or nodes of a cluster. */
    static StreamsConfig config(String servers) {
        return servers.startsWith("redis://")
                ? StreamsConfig.single(servers)
                : StreamsConfig.cluster(List.of(servers.split(","))).withPartitions(6);
    }

    /** So many of them. */
    static final class Group implements AutoCloseable {
        private final List<Process> processes = new ArrayList<>();

        Group(String kind, String servers, int count, long workMillis, long claimIdleMillis) throws Exception {
            this(List.of(), kind, servers, count, workMillis, claimIdleMillis);
        }

        Group(List<String> environment, String kind, String servers, int count, long workMillis, long claimIdleMillis)
                throws Exception {
            for (int i = 0; i < count; i++) {
                ProcessBuilder builder = new ProcessBuilder(
                                Java.home().resolve("bin").resolve("java").toString(),
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                // A worker sees 33 calls a second: what it runs is compiled after 20 of them, not 200.
                                "-XX:CompileThresholdScaling=0.1",
                                "-Xmx96m",
                                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                                "-classpath",
                                System.getProperty("java.class.path"),
                                StreamWorker.class.getName(),
                                kind,
                                servers,
                                Long.toString(workMillis),
                                Long.toString(claimIdleMillis))
                        .redirectError(ProcessBuilder.Redirect.INHERIT);
                environment.forEach(pair -> builder.environment()
                        .put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1)));
                processes.add(builder.start());
            }
            for (Process process : processes) {
                String said = new String(process.getInputStream().readNBytes(6), StandardCharsets.US_ASCII);
                if (!said.equals("ready\n")) {
                    throw new IllegalStateException("a worker said " + said);
                }
            }
        }

        /** SIGKILL to the first so many. */
        void kill(int count) {
            processes.subList(0, count).forEach(Process::destroyForcibly);
        }

        /** SIGTERM to the first so many; returns when they have ended. */
        void terminate(int count) throws InterruptedException {
            for (Process process : processes.subList(0, count)) {
                process.destroy();
            }
            for (Process process : processes.subList(0, count)) {
                process.waitFor(60, TimeUnit.SECONDS);
            }
        }

        @Override
        public void close() {
            processes.forEach(Process::destroyForcibly);
        }
    }
}
