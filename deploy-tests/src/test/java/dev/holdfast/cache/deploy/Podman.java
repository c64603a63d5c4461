package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Podman on a plain machine: runtime runc, no systemd, low limits; and its socket, for docker-compose. */
final class Podman implements AutoCloseable {
    static final String REDIS = "redis:8.2.3-alpine";

    private static final String CONFIG = """
            [containers]
            default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
            [engine]
            runtime = "runc"
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            compat_api_enforce_docker_hub = false
            """;

    private final Path dir;
    private final Path socket;
    private final Process service;
    private final boolean made;

    Podman(Path dir) throws IOException {
        this.dir = dir;
        this.socket = dir.resolve("socket");
        Files.writeString(dir.resolve("containers.conf"), CONFIG);
        made = run("image", "exists", REDIS).exit() != 0
                && run("pull", "-q", REDIS).exit() != 0;
        if (made) {
            standIn();
        }
        ProcessBuilder builder = new ProcessBuilder("podman", "system", "service", "--time=0", "unix://" + socket)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putAll(environment());
        service = builder.start();
        for (int i = 0; !Files.exists(socket); i++) {
            assertTrue(i < 300 && service.isAlive(), "podman's socket");
            LockSupport.parkNanos(100_000_000);
        }
    }

    Map<String, String> environment() {
        return Map.of(
                "CONTAINERS_CONF",
                dir.resolve("containers.conf").toString(),
                "DOCKER_HOST",
                "unix://" + socket,
                "COMPOSE_ANSI",
                "never");
    }

    Shell.Output run(String... arguments) {
        List<String> command = new ArrayList<>(List.of("podman"));
        command.addAll(List.of(arguments));
        return Shell.run(command, environment());
    }

    /** An image of the same name with this machine's redis-cli and busybox, and the testkit's redis-server. */
    private void standIn() throws IOException {
        Path root = dir.resolve("root");
        for (String folder : List.of("bin", "usr/bin", "tmp", "data", "etc")) {
            Files.createDirectories(root.resolve(folder));
        }
        try (RedisServer redis = RedisServer.start()) {
            Files.copy(Path.of("/proc/" + redis.pid() + "/exe"), root.resolve("usr/bin/redis-server"));
            assertTrue(root.resolve("usr/bin/redis-server").toFile().setExecutable(true, false));
        }
        for (String program : List.of("/usr/bin/redis-cli", "/usr/bin/getent", "/usr/bin/busybox")) {
            Path copy = root.resolve(program.substring(1));
            Files.copy(Path.of(program), copy);
            libraries(program, root);
        }
        for (String name : List.of("sh", "grep", "awk", "sleep", "nc", "date", "hostname")) {
            Files.createSymbolicLink(root.resolve("bin").resolve(name), Path.of("../usr/bin/busybox"));
        }
        Path archive = dir.resolve("root.tar");
        Shell.run(List.of("tar", "-C", root.toString(), "-cf", archive.toString(), "."), Map.of())
                .mustEndWith(0);
        run("import", "-q", archive.toString(), REDIS).mustEndWith(0);
    }

    private static void libraries(String program, Path root) throws IOException {
        Matcher library = Pattern.compile("(/\\S+\\.so\\S*)")
                .matcher(Shell.run(List.of("ldd", program), Map.of()).out());
        List<Path> found = new ArrayList<>();
        while (library.find()) {
            found.add(Path.of(library.group(1)));
        }
        for (Path each : found) {
            Path copy = root.resolve(each.toString().substring(1));
            Files.createDirectories(copy.getParent());
            Files.copy(each.toRealPath(), copy, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Override
    public void close() {
        service.destroy();
        if (made) {
            run("rmi", "-f", REDIS);
        }
    }
}
