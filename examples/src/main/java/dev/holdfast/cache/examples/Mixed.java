package dev.holdfast.cache.examples;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A rolling update: a process of an older version and one of today's on one server. Each reads what the other writes, or takes it for a miss, and what
 * one removes is gone for the other. The older version is built from a commit of this repository, {@code -Dmixed.commit=…}, until there is a release
 * whose jars could be taken; it must have the methods that {@link MixedPeer} calls.
 */
final class Mixed {
    private static final Pattern FOUND =
            Pattern.compile("errors=([0-9]+) same=([0-9]+) missed=([0-9]+) wrong=([0-9]+) tier=(\\w+)");
    private static final List<String> MODULES = List.of("cache-client", "cache-single");

    private Mixed() {}

    /** Builds the older version and plays; returns whether neither has seen an error or a wrong value. */
    static boolean play() {
        Path root = Path.of("").toAbsolutePath().resolve("..").normalize();
        String commit = System.getProperty("mixed.commit", "");
        try {
            String missing = missing(root, commit);
            if (!missing.isEmpty()) {
                System.out.println("mixed: " + missing);
                return false;
            }
            return play(build(root, commit), System.getProperty("java.class.path"), commit);
        } catch (IOException e) {
            System.out.println("mixed: " + e.getMessage());
            return false;
        }
    }

    /** Why the older version can't be built here; empty if it can. */
    static String missing(Path root, String commit) throws IOException {
        String known = "git -C " + root + " cat-file -e " + commit + "^{commit}";
        if (!commit.matches("[0-9A-Za-z._/-]+") || run(root, List.of(known.split(" ", -1))) != 0) {
            return "there is no commit " + commit
                    + " here. A clone without its history has none to build: git fetch --unshallow, or name"
                    + " one that is there with -Dmixed.commit=…";
        }
        return System.getProperty("maven.home", "").isEmpty()
                ? "this has to be run by Maven: mvn -q -Pdemo -Ddemo=mixed verify"
                : "";
    }

    /** Builds it in a folder of this build, and returns its class path. */
    private static String build(Path root, String commit) throws IOException {
        Path folder = root.resolve("examples/target/mixed-" + commit);
        Path libraries = folder.resolve("libraries");
        if (!Files.exists(folder.resolve("done"))) {
            System.out.println("building " + commit + " in " + root.relativize(folder));
            Files.createDirectories(libraries);
            Path archive = folder.resolve("source.tar");
            must(root, List.of("git", "archive", "-o", archive.toString(), commit));
            must(folder, List.of("tar", "-xf", archive.toString()));
            String mvn = Path.of(System.getProperty("maven.home"), "bin", "mvn").toString();
            must(
                    folder,
                    List.of(
                            mvn,
                            "-q",
                            "-B",
                            "-Dmaven.test.skip=true",
                            "-P!strict",
                            "-pl",
                            String.join(",", MODULES),
                            "-am",
                            "-DincludeScope=runtime",
                            "-DoutputDirectory=" + libraries,
                            "package",
                            "dependency:copy-dependencies"));
            Files.createFile(folder.resolve("done"));
        }
        StringBuilder path = new StringBuilder(libraries + File.separator + "*");
        for (String module : MODULES) {
            path.append(File.pathSeparator).append(folder.resolve(module).resolve("target/classes"));
        }
        // What runs in both is today's.
        return path.append(File.pathSeparator)
                .append(root.resolve("examples/target/classes"))
                .toString();
    }

    private static void must(Path folder, List<String> command) throws IOException {
        if (run(folder, command) != 0) {
            throw new IOException("this failed: " + String.join(" ", command));
        }
    }

    private static int run(Path folder, List<String> command) throws IOException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            return -1;
        }
    }

    /** Plays with two class paths. */
    static boolean play(String older, String newer, String commit) throws IOException {
        Expectations expected = new Expectations();
        try (RedisServer redis = RedisServer.start();
                Peer old = new Peer(older, redis.url(), "old", "new");
                Peer today = new Peer(newer, redis.url(), "new", "old")) {
            old.expect("written");
            today.expect("written");
            for (Peer peer : List.of(today, old)) {
                String found = peer.tell();
                Matcher counts = FOUND.matcher(found);
                boolean read = counts.matches();
                String who = peer == today
                        ? "today's reads what " + commit + " wrote"
                        : commit + " reads what today's wrote";
                expected.that(
                        who + ", without an error", read && counts.group(1).equals("0"), found);
                expected.that(
                        who + ", and nothing wrong", read && counts.group(4).equals("0"), found);
                expected.that(who + ", from the server", read && counts.group(5).equals("single"), found);
            }
        }
        return expected.allMet();
    }

    private static final class Peer implements AutoCloseable {
        private final Process process;
        private final BufferedReader out;
        private final Writer in;

        Peer(String path, String url, String own, String other) throws IOException {
            ProcessBuilder builder = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-XX:+UseSerialGC",
                            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                            "-cp",
                            path,
                            MixedPeer.class.getName(),
                            own,
                            other)
                    .redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().keySet().removeIf(name -> name.matches("(REDIS|CACHE|UPSTASH|KV)_.*"));
            builder.environment().put("REDIS_URL", url);
            process = builder.start();
            out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            in = process.outputWriter(StandardCharsets.UTF_8);
        }

        void expect(String line) throws IOException {
            String said = out.readLine();
            if (!line.equals(said)) {
                throw new IOException("a process said " + said + " rather than " + line);
            }
        }

        /** Lets it read, and returns what it says. */
        String tell() throws IOException {
            in.write("read\n");
            in.flush();
            return String.valueOf(out.readLine());
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }
}
