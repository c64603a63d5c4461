package dev.holdfast.cache.single;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.Certificates.Kind;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Credentials change each second under eight callers, who notice nothing. */
@Execution(ExecutionMode.CONCURRENT)
class RotationTest {
    private static final int CALLERS = 8;
    private static final int ROUNDS = 6;
    private static final Duration TTL = Duration.ofMinutes(1);

    @TempDir
    private Path directory;

    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicBoolean ended = new AtomicBoolean();

    /** Calls while something is done each second, and returns how many calls there were. */
    private void underLoad(SingleStore store, Runnable... rounds) throws InterruptedException {
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            String key = "k" + i;
            Thread caller = new Thread(() -> call(store, key));
            callers.add(caller);
            caller.start();
        }
        try {
            for (Runnable round : rounds) {
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                round.run();
            }
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        } finally {
            ended.set(true);
            for (Thread caller : callers) {
                caller.join();
            }
        }
        assertEquals(List.of(), List.copyOf(failures), () -> calls + " calls");
        assertTrue(calls.get() > 1_000, () -> calls + " calls");
    }

    private void call(SingleStore store, String key) {
        while (!ended.get()) {
            try {
                store.put(key, key.getBytes(UTF_8), TTL);
                assertEquals(key, new String(store.get(key), UTF_8));
                calls.addAndGet(2);
            } catch (RuntimeException | Error e) {
                failures.add(e);
            }
        }
    }

    /** Redis closes the connections of a user who is deleted: each must be logged in as the next one by then. */
    @Test
    void aTokenOfTwoSecondsIsReplacedOnEveryOpenConnectionBeforeItEnds() throws InterruptedException {
        try (RedisServer server = RedisServer.start()) {
            AtomicReference<Credentials> present = new AtomicReference<>(issue(server, 0));
            SingleConfig config = SingleConfig.of("127.0.0.1", server.port()).withCredentials(present::get);
            try (SingleStore store = SingleStore.of(config)) {
                Runnable[] rounds = new Runnable[ROUNDS];
                for (int i = 0; i < ROUNDS; i++) {
                    int next = i + 1;
                    rounds[i] = () -> {
                        present.set(issue(server, next));
                        if (next > 1) {
                            server.command("ACL", "DELUSER", "app-" + (next - 2));
                        }
                    };
                }
                underLoad(store, rounds);
                String clients = String.valueOf(server.command("CLIENT", "LIST"));
                assertTrue(clients.contains("user=app-" + ROUNDS), clients);
            }
        }
    }

    /** Nobody knows when it ends: all connections are closed, those that are being opened among them. */
    @Test
    void aTokenThatEndsWithoutNoticeCostsNoCall() throws InterruptedException {
        try (RedisServer server = RedisServer.start()) {
            AtomicReference<Credentials> present = new AtomicReference<>(unlimited(server, 0));
            SingleConfig config = SingleConfig.of("127.0.0.1", server.port()).withCredentials(present::get);
            try (SingleStore store = SingleStore.of(config)) {
                Runnable[] rounds = new Runnable[ROUNDS];
                for (int i = 0; i < ROUNDS; i++) {
                    int next = i + 1;
                    rounds[i] = () -> {
                        present.set(unlimited(server, next));
                        server.command("ACL", "DELUSER", "app-" + (next - 1));
                    };
                }
                underLoad(store, rounds);
            }
        }
    }

    private static Credentials unlimited(RedisServer server, int number) {
        Credentials issued = issue(server, number);
        return Credentials.of(String.valueOf(issued.username()), issued.password());
    }

    private static Credentials issue(RedisServer server, int number) {
        String user = "app-" + number;
        server.command("ACL", "SETUSER", user, "on", ">token-" + number, "~*", "&*", "+@all");
        return Credentials.of(user, Secret.of("token-" + number))
                .expiringAt(Instant.now().plusSeconds(2));
    }

    @Test
    void aPasswordThatChangesEachSecondIsUsedForNewConnectionsAndOpenOnes() throws InterruptedException {
        try (RedisServer server = RedisServer.builder().password("p0").start()) {
            Vault vault = new Vault("p0");
            SingleConfig config = SingleConfig.of("127.0.0.1", server.port()).withCredentials(vault);
            try (SingleStore store = SingleStore.of(config)) {
                Runnable[] rounds = new Runnable[ROUNDS];
                for (int i = 0; i < ROUNDS; i++) {
                    String next = "p" + (i + 1);
                    boolean breaks = i % 2 == 1;
                    rounds[i] = () -> {
                        server.setPassword(next);
                        vault.set(next);
                        if (breaks) {
                            killUsed(server);
                        }
                    };
                }
                long before = auths(server);
                underLoad(store, rounds);
                assertTrue(auths(server) - before >= ROUNDS, "AUTH was sent on open connections");
            }
        }
    }

    /** Closes the connections that are used, so that others are opened under load; one that is being opened and closed is a failure. */
    private static void killUsed(RedisServer server) {
        String clients = String.valueOf(server.command("CLIENT", "LIST"));
        clients.lines()
                .filter(line -> line.contains(" name=holdfast ") && line.matches(".* cmd=[gs]et .*"))
                .map(line -> line.replaceAll("id=([0-9]+) .*", "$1"))
                .forEach(id -> server.command("CLIENT", "KILL", "ID", id));
    }

    private static SingleStore open(String... pairs) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return SingleStore.of(SingleStoreProvider.config(Settings.of(values)));
    }

    /** Whoever writes it takes its time, and connections are opened all the while. */
    @Test
    void aFileThatIsEmptiedAndVanishesAndChangesCostsNoCall() throws Exception {
        Path file = Files.writeString(directory.resolve("password"), "p0\n");
        try (RedisServer server = RedisServer.builder().user("app", "p0").start();
                SingleStore store = open(
                        "REDIS_HOST",
                        "127.0.0.1",
                        "REDIS_PORT",
                        String.valueOf(server.port()),
                        "REDIS_USERNAME",
                        "app",
                        "REDIS_PASSWORD_FILE",
                        file.toString())) {
            underLoad(
                    store,
                    () -> {
                        server.command("ACL", "SETUSER", "app", ">p1");
                        write(file, "");
                        killUsed(server);
                    },
                    () -> {
                        delete(file);
                        killUsed(server);
                    },
                    () -> {
                        write(file, "p1\r\n");
                        killUsed(server);
                    },
                    () -> {
                        server.command("ACL", "SETUSER", "app", "<p0");
                        killUsed(server);
                    });
        }
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Certificate and key are written one after the other, so that they do not belong together for a while. */
    @Test
    void certificatesOfBothSidesThatAreReplacedCostNoCall() throws Exception {
        Certificates former = Certificates.create();
        Certificates next = Certificates.create();
        Path authorities = directory.resolve("authorities.pem");
        Path certificate = directory.resolve("client.pem");
        Path key = directory.resolve("client.key");
        write(authorities, read(former.authority()));
        Certificates.Client first = former.client();
        write(certificate, read(first.certificate()));
        write(key, read(first.key()));
        try (RedisServer server = RedisServer.builder().tls(former, Kind.VALID).start()) {
            server.command("CONFIG", "SET", "tls-auth-clients", "yes");
            try (SingleStore store = open(
                    "REDIS_HOST", "localhost",
                    "REDIS_PORT", String.valueOf(server.port()),
                    "REDIS_TLS", "true",
                    "REDIS_TLS_CA_FILE", authorities.toString(),
                    "REDIS_TLS_CERT_FILE", certificate.toString(),
                    "REDIS_TLS_KEY_FILE", key.toString())) {
                Certificates.Client second = former.client();
                underLoad(
                        store,
                        () -> {
                            write(certificate, read(second.certificate()));
                            killUsed(server);
                        },
                        () -> {
                            write(key, read(second.key()));
                            killUsed(server);
                        },
                        () -> {
                            write(authorities, read(former.authority()) + read(next.authority()));
                            killUsed(server);
                        },
                        () -> {
                            write(authorities, read(former.authority()).substring(0, 200));
                            killUsed(server);
                        });
            }
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long auths(RedisServer server) {
        String stats = String.valueOf(server.command("INFO", "commandstats"));
        return stats.lines()
                .filter(line -> line.startsWith("cmdstat_auth:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("cmdstat_auth:calls=([0-9]+),.*", "$1")))
                .sum();
    }

    /** Tells whoever listens. */
    private static final class Vault implements CredentialsProvider {
        private final Queue<Runnable> listeners = new ConcurrentLinkedQueue<>();
        private volatile Credentials present;

        Vault(String password) {
            set(password);
        }

        void set(String password) {
            present = Credentials.of(Secret.of(password));
            listeners.forEach(Runnable::run);
        }

        @Override
        public Credentials get() {
            return present;
        }

        @Override
        public Registration onChange(Runnable listener) {
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }
    }
}
