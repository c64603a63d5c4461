package dev.holdfast.cache.validation;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A second process, which removes what a run has left on the servers if the run ends without having done it, be it by {@code kill -9}. It waits for the
 * end of its input, which it has from the run, and has the same environment.
 */
final class Guard implements AutoCloseable {
    static final String ARGUMENT = "--guard";

    private static final int DONE = 'd';
    /** What a dead run has under way is executed by then. */
    private static final long SECOND_LOOK_MILLIS = 1_000;

    private final Process process;

    private Guard(Process process) {
        this.process = process;
    }

    /** Starts one for the keys that begin so. */
    static Guard start(String keyPrefix) {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        // Whom this JVM trusts.
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("-Djavax.net.ssl."))
                .forEach(command::add);
        command.addAll(List.of(
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx48m",
                "-cp",
                System.getProperty("java.class.path"),
                Validate.class.getName(),
                ARGUMENT,
                keyPrefix));
        try {
            return new Guard(new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start());
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "can't start a second process, which would remove what a killed run leaves", e);
        }
    }

    /** Waits until the run has ended, and cleans up unless the run says that it has. */
    static void main(String keyPrefix) {
        AtomicBoolean done = new AtomicBoolean();
        // Ctrl-C ends both processes.
        Runtime.getRuntime()
                .addShutdownHook(IsolatedThreads.thread(
                        () -> {
                            if (!done.get()) {
                                cleanUp(keyPrefix);
                            }
                        },
                        "validation-guard"));
        try {
            done.set(System.in.read() == DONE);
        } catch (IOException e) {
            done.set(false);
        }
    }

    private static void cleanUp(String keyPrefix) {
        remove(keyPrefix);
        try {
            Thread.sleep(SECOND_LOOK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        remove(keyPrefix);
    }

    private static void remove(String keyPrefix) {
        Environment environment = new Environment(System.getenv());
        for (String tier : environment.tiers()) {
            for (Target target : servers(tier, environment)) {
                try (Conversation server = Conversation.with(target)) {
                    new Cleanup(server, target, keyPrefix).remove();
                } catch (RefusedException | UncheckedIOException e) {
                    // One that can't be reached, or does not let keys be removed: the others may.
                }
            }
        }
    }

    /** Of a cluster all masters, as the first node says that answers. */
    private static List<Target> servers(String tier, Environment environment) {
        List<Target> configured;
        try {
            configured = Targets.of(tier, environment.settings());
        } catch (CacheConfigException e) {
            // Nothing of this tier was looked at.
            return List.of();
        }
        if (!tier.equals(Environment.CLUSTER)) {
            return configured;
        }
        ClusterConfig cluster = Targets.clusterOf(environment.settings());
        for (Target seed : configured) {
            try (Conversation server = Conversation.with(seed)) {
                return ClusterNodes.of(server).masters().stream()
                        .map(master -> ClusterChecks.target(master, cluster, seed))
                        .toList();
            } catch (RefusedException | UncheckedIOException e) {
                // The next one may answer.
            }
        }
        return List.of();
    }

    /** Tells it that all is removed. */
    @Override
    public void close() {
        try {
            process.getOutputStream().write(DONE);
            process.getOutputStream().close();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
