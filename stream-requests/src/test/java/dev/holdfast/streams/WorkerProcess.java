package dev.holdfast.streams;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A server in a process of its own, to be killed or stopped as a platform does. Its answers are its pid. */
final class WorkerProcess implements AutoCloseable {
    private final Process process;

    private WorkerProcess(Process process) {
        this.process = process;
    }

    /** The server: URL, name, terminals, milliseconds of work, claimIdle. */
    public static void main(String[] args) throws Exception {
        StreamsConfig config = StreamsConfig.single(args[0])
                .withName(args[1])
                .withClaimIdle(Duration.ofMillis(Long.parseLong(args[4])))
                .withGrace(Duration.ofSeconds(10));
        long work = Long.parseLong(args[3]);
        byte[] pid = Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII);
        RequestServer server = RequestServer.start(config, Integer.parseInt(args[2]), request -> {
            if (new String(request.payload(), StandardCharsets.US_ASCII).equals("poison")) {
                Runtime.getRuntime().halt(1);
            }
            Thread.sleep(work);
            return pid;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        System.out.println("ready");
        // Whoever started us holds the other end; when it is gone, so are we.
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    /** Starts one; {@link #awaitReady} is due. */
    static WorkerProcess start(StreamsConfig config, String url, int terminals, long workMillis) throws IOException {
        return start(config, url, terminals, workMillis, 64);
    }

    /** Starts one with a heap of so many MiB. */
    static WorkerProcess start(StreamsConfig config, String url, int terminals, long workMillis, int heapMegabytes)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-Xmx" + heapMegabytes + "m",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp",
                classPath(),
                WorkerProcess.class.getName(),
                url,
                config.name(),
                Integer.toString(terminals),
                Long.toString(workMillis),
                Long.toString(config.claimIdle().toMillis())));
        return new WorkerProcess(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    /** All that this JVM has, on the class path or the module path. */
    static String classPath() {
        try {
            String own = Path.of(WorkerProcess.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
            // Surefire patches the module with the tests, so its location is that of the main classes.
            String tests = Path.of(own).resolveSibling("test-classes").toString();
            return String.join(
                    File.pathSeparator,
                    own,
                    tests,
                    System.getProperty("jdk.module.path", ""),
                    System.getProperty("java.class.path", ""));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    WorkerProcess awaitReady() throws IOException {
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        String line = out.readLine();
        if (!"ready".equals(line)) {
            throw new UncheckedIOException(new IOException("the worker process said " + line));
        }
        return this;
    }

    String pid() {
        return Long.toString(process.pid());
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** SIGKILL. */
    void kill() {
        process.destroyForcibly();
    }

    /** SIGTERM; returns when it has ended. */
    int terminate() throws InterruptedException {
        process.destroy();
        return process.waitFor(20, TimeUnit.SECONDS) ? process.exitValue() : -1;
    }

    @Override
    public void close() {
        kill();
    }
}
