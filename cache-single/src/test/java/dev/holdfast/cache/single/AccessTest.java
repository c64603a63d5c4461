package dev.holdfast.cache.single;

import static dev.holdfast.cache.single.Eventually.until;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.Certificates.Kind;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways to a server that an operator may say by settings, each to a real one. */
class AccessTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

    @TempDir
    private Path directory;

    private static SingleStore open(String... pairs) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return SingleStore.of(SingleStoreProvider.config(Settings.of(values)));
    }

    private static void assertServes(String... pairs) {
        try (SingleStore store = open(pairs)) {
            store.put("k", VALUE, TTL);
            assertArrayEquals(VALUE, store.get("k"));
        }
    }

    private static String refusal(String... pairs) {
        try (SingleStore store = open(pairs)) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(CacheUnavailableException.Reason.REFUSED, e.reason(), e.getMessage());
            return e.getMessage();
        }
    }

    private static String[] parts(RedisServer server, String... more) {
        return parts("localhost", server, more);
    }

    private static String[] parts(String host, RedisServer server, String... more) {
        String[] pairs = new String[6 + more.length];
        System.arraycopy(
                new String[] {"REDIS_HOST", host, "REDIS_PORT", String.valueOf(server.port()), "REDIS_TLS", "true"},
                0,
                pairs,
                0,
                6);
        System.arraycopy(more, 0, pairs, 6, more.length);
        return pairs;
    }

    @Test
    void anAuthorityInAPemFileIsTrustedAndNobodyElse() {
        try (RedisServer server = RedisServer.builder().tls().start()) {
            String authority = server.certificates().authority().toString();
            assertServes(parts(server, "REDIS_TLS_CA_FILE", authority));
            assertServes(
                    "REDIS_URL",
                    "rediss://localhost:" + server.port() + "?timeout=900ms&db=1",
                    "REDIS_TLS_CA_FILE",
                    authority);
            assertServes("REDIS_URL", "valkeys://localhost:" + server.port() + "/1", "REDIS_TLS_CA_FILE", authority);
            String untrusted = refusal(parts(server));
            assertTrue(untrusted.contains("REDIS_TLS_CA_FILE"), untrusted);
            String other = Certificates.create().authority().toString();
            assertTrue(refusal(parts(server, "REDIS_TLS_CA_FILE", other)).contains("is not trusted"));
        }
    }

    @Test
    void howMuchIsVerifiedDecidesWhichCertificatesAreTaken() {
        for (Kind kind : new Kind[] {Kind.WRONG_NAME, Kind.EXPIRED, Kind.UNTRUSTED}) {
            try (RedisServer server =
                    RedisServer.builder().tls(Certificates.create(), kind).start()) {
                String authority = server.certificates().authority().toString();
                String full = refusal(parts(server, "REDIS_TLS_CA_FILE", authority));
                assertServes(parts(server, "REDIS_TLS_CA_FILE", authority, "REDIS_TLS_VERIFY", "none"));
                String[] byAuthority = parts(server, "REDIS_TLS_CA_FILE", authority, "REDIS_TLS_VERIFY", "ca");
                if (kind == Kind.WRONG_NAME) {
                    assertServes(byAuthority);
                    assertTrue(full.contains("not for the host localhost"), full);
                    assertTrue(full.contains("REDIS_TLS_VERIFY=ca"), full);
                } else {
                    String message = refusal(byAuthority);
                    assertTrue(message.contains(kind == Kind.EXPIRED ? "has expired" : "is not trusted"), message);
                }
            }
        }
    }

    @Test
    void aServerThatDemandsAClientsCertificateIsShownOne() {
        try (RedisServer server = RedisServer.builder().tls().start()) {
            Certificates certificates = server.certificates();
            String authority = certificates.authority().toString();
            server.command("CONFIG", "SET", "tls-auth-clients", "yes");
            Certificates.Client plain = certificates.client();
            Certificates.Client encrypted = certificates.client("open sesame");
            assertServes(parts(
                    server,
                    "REDIS_TLS_CA_FILE",
                    authority,
                    "REDIS_TLS_CERT_FILE",
                    plain.certificate().toString(),
                    "REDIS_TLS_KEY_FILE",
                    plain.key().toString()));
            assertServes(parts(
                    server,
                    "REDIS_TLS_CA_FILE",
                    authority,
                    "REDIS_TLS_CERT_FILE",
                    encrypted.certificate().toString(),
                    "REDIS_TLS_KEY_FILE",
                    encrypted.key().toString(),
                    "REDIS_TLS_KEY_PASSWORD",
                    "open sesame"));
            try (SingleStore store = open(parts(server, "REDIS_TLS_CA_FILE", authority))) {
                assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            }
        }
    }

    @Test
    void filesForTlsAreReadAgainForTheNextConnection() throws IOException {
        try (RedisServer server = RedisServer.builder().tls().start()) {
            Path authority = directory.resolve("authority.pem");
            Files.copy(server.certificates().authority(), authority);
            try (SingleStore store = open(parts(server, "REDIS_TLS_CA_FILE", authority.toString()))) {
                store.put("k", VALUE, TTL);
                Certificates next = Certificates.create();
                server.setCertificate(next, Kind.VALID);
                store.disconnect(new IOException("a test"));
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(e.getMessage().contains("is not trusted"), e.getMessage());
                Files.copy(next.authority(), authority, StandardCopyOption.REPLACE_EXISTING);
                until("the new authority is trusted", () -> answers(store));
            }
        }
    }

    private static boolean answers(SingleStore store) {
        try {
            store.get("k");
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    @Test
    void tlsThatContradictsTheUrlIsAMistake() {
        CacheConfigException e = assertThrows(
                CacheConfigException.class, () -> open("REDIS_URL", "redis://localhost", "REDIS_TLS", "true"));
        assertTrue(
                e.getMessage().contains("REDIS_TLS is true") && e.getMessage().contains("rediss://"), e.getMessage());
    }

    @Test
    void aPasswordInAFileIsReadAgainWhenItIsRefused() throws IOException {
        try (RedisServer server = RedisServer.builder().password("first").start()) {
            Path file = Files.writeString(directory.resolve("password"), "first\n");
            String[] settings = {
                "REDIS_URL", "redis://localhost:" + server.port(), "REDIS_PASSWORD_FILE", file.toString()
            };
            try (SingleStore store = open(settings)) {
                store.put("k", VALUE, TTL);
                server.setPassword("second");
                Files.writeString(file, "second\n");
                store.disconnect(new IOException("a test"));
                assertArrayEquals(VALUE, store.get("k"));
                Files.writeString(file, "third\n");
                store.disconnect(new IOException("a test"));
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(e.getMessage().contains("REDIS_PASSWORD_FILE"), e.getMessage());
                assertFalse(e.getMessage().contains("third"), e.getMessage());
            }
        }
    }

    @Test
    void aSocketOfTheFileSystemServesLikeAPort() {
        Path socket = directory.resolve("redis.sock");
        try (RedisServer server =
                RedisServer.builder().password("p").line("unixsocket " + socket).start()) {
            String url = "unix://:p@" + socket + "?db=2";
            byte[] large = "x".repeat(3_000_000).getBytes(UTF_8);
            try (SingleStore store = open("REDIS_URL", url)) {
                store.put("k", large, TTL);
                assertArrayEquals(large, store.get("k"));
                assertTrue(String.valueOf(server.command("CLIENT", "LIST")).contains(socket.toString()));
                assertEquals(0L, server.command("EXISTS", "k"), "it is in database 2");
                server.freeze();
                try {
                    long start = System.nanoTime();
                    assertThrows(CacheUnavailableException.class, () -> store.within(Duration.ofMillis(300))
                            .get("k"));
                    assertTrue(System.nanoTime() - start < Duration.ofSeconds(5).toNanos());
                } finally {
                    server.thaw();
                }
                until("it answers again", () -> answers(store));
                server.restart(RedisServer.Data.EMPTY);
                until("it answers after a restart", () -> answers(store));
                assertNull(store.get("k"));
            }
        }
    }

    /** Over TCP it is dropped; here failover has to count on it. */
    @Test
    void whatWasSentToASocketOfTheFileSystemIsExecutedAfterAFreezeThoughTheConnectionWasReset() {
        Path socket = directory.resolve("redis.sock");
        try (RedisServer server =
                        RedisServer.builder().line("unixsocket " + socket).start();
                SingleStore store = open("REDIS_URL", "unix://" + socket)) {
            store.put("k", VALUE, TTL);
            server.freeze();
            try {
                CacheUnavailableException e =
                        assertThrows(CacheUnavailableException.class, () -> store.within(Duration.ofMillis(300))
                                .put("late", VALUE, TTL));
                assertTrue(e.outcomeUnknown(), e.getMessage());
                store.disconnect(new IOException("the tier is opened"));
            } finally {
                server.thaw();
            }
            until("it is executed", () -> Long.valueOf(1).equals(server.command("EXISTS", "late")));
        }
    }

    @Test
    void aSocketThatVanishesAndReturnsIsFoundAndWhatIsNoneIsNamed() throws IOException {
        Path socket = directory.resolve("redis.sock");
        try (RedisServer server =
                        RedisServer.builder().line("unixsocket " + socket).start();
                SingleStore store = open("REDIS_URL", "unix://" + socket)) {
            store.put("k", VALUE, TTL);
            server.kill();
            Files.deleteIfExists(socket);
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            String gone = why(store);
            assertTrue(gone.contains(socket.toString()) && gone.contains("No such file"), gone);
            server.restart(RedisServer.Data.KEEP);
            until("it answers again", () -> answers(store));
        }
        Path file = Files.writeString(directory.resolve("file"), "no socket");
        for (Path other : List.of(file, directory)) {
            try (SingleStore store = open("REDIS_URL", "unix://" + other)) {
                assertTrue(why(store).contains(other + ", which is no socket"), why(store));
            }
        }
    }

    private static String why(SingleStore store) {
        return assertThrows(CacheUnavailableException.class, () -> store.get("k"))
                .getMessage();
    }

    /** As a server does whose user is removed between the log-in and its answer: a token that ends at this moment. */
    @Test
    void aLogInThatIsBrokenOffIsBegunAgainWithWhatIsGivenThen() {
        Queue<String> tokens = new ConcurrentLinkedQueue<>(List.of("ended"));
        try (RespPeer peer = RespPeer.start((command, caller) -> {
                    switch (command.get(0)) {
                        case "AUTH" -> {
                            if (command.contains("ended")) {
                                caller.close();
                            } else {
                                caller.lines("+OK");
                            }
                        }
                        case "GET" -> caller.lines("$-1");
                        default -> caller.lines("+OK");
                    }
                });
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port())
                        .withCredentials(
                                () -> Credentials.of(Secret.of(tokens.isEmpty() ? "present" : tokens.remove()))))) {
            assertNull(store.get("k"));
        }
    }

    /** Proxies know only some of the commands, and users of rented servers may use only some. */
    @Test
    void noConfigInfoClientSelectOrRoleIsNeeded() {
        String[] refused = {"-config", "-info", "-client", "-select", "-role", "-cluster", "-command", "-ping"};
        try (RedisServer server = RedisServer.builder()
                        .user("few", "p", "~* &* +@all " + String.join(" ", refused))
                        .start();
                SingleStore store =
                        open("REDIS_URL", "redis://few:p@127.0.0.1:" + server.port(), "REDIS_KEY_PREFIX", "a")) {
            store.put("k", VALUE, TTL);
            assertArrayEquals(VALUE, store.get("k"));
            assertTrue(store.probe(Duration.ofSeconds(10)).writable());
            store.disconnect(new IOException("a test"));
            assertEquals(1, store.removeByPrefix("k"));
            assertEquals(1, store.increment("n", 1, TTL));
            String log = String.valueOf(server.command("ACL", "LOG"));
            assertFalse(log.contains("config") || log.contains("select"), log);
        }
    }

    /** As a proxy does whose server is away; another attempt may go better, so it is no refusal. */
    @Test
    void aTlsHandshakeThatIsBrokenOffIsALostConnection() {
        try (RespPeer peer = RespPeer.start((command, caller) -> caller.close());
                SingleStore store =
                        SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()).withTls())) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(CacheUnavailableException.Reason.CONNECTION, e.reason(), e.getMessage());
            assertTrue(e.getMessage().contains("the TLS handshake failed"), e.getMessage());
        }
    }

    @Test
    void severalAuthoritiesMayStandInOneFile() throws IOException {
        Certificates former = Certificates.create();
        try (RedisServer server = RedisServer.builder().tls().start()) {
            Path both = Files.writeString(
                    directory.resolve("both.pem"),
                    Files.readString(former.authority())
                            + Files.readString(server.certificates().authority()));
            assertServes(parts(server, "REDIS_TLS_CA_FILE", both.toString()));
            server.setCertificate(former, Kind.VALID);
            assertServes(parts(server, "REDIS_TLS_CA_FILE", both.toString()));
        }
    }

    @Test
    void everyConnectionHasTheNameThatIsSet() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = open("REDIS_URL", server.url(), "REDIS_CLIENT_NAME", "shop-7")) {
            store.put("k", VALUE, TTL);
            store.probe(Duration.ofSeconds(5));
            String clients = String.valueOf(server.command("CLIENT", "LIST"));
            assertEquals(
                    2,
                    clients.lines()
                            .filter(line -> line.contains(" name=shop-7 "))
                            .count(),
                    clients);
        }
    }
}
