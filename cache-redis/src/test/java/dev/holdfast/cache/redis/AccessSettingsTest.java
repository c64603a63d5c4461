package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.TlsConfig.Verification;
import dev.holdfast.cache.testkit.Certificates;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** How a tier gets at its servers by settings, and what is said of a mistake. */
class AccessSettingsTest {
    private static Certificates certificates;

    @TempDir
    private Path directory;

    @BeforeAll
    static void certificates() {
        certificates = Certificates.create();
    }

    private static AccessSettings settings(AccessVariables names, String... pairs) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return new AccessSettings(Settings.of(values), names);
    }

    private static String complaint(AccessVariables names, String... pairs) {
        AccessSettings settings = settings(names, pairs);
        return assertThrows(CacheConfigException.class, () -> {
                    RemoteAccess login = settings.login(settings.limits(RemoteAccess.defaults()));
                    RemoteAccess unused = settings.tls(login, Boolean.TRUE.equals(settings.tlsSwitch()));
                })
                .getMessage();
    }

    private Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    @Test
    void aTierHasLimitsOfItsOwnOrTheSharedOnes() {
        String[] both = {
            "REDIS_COMMAND_TIMEOUT",
            "300",
            "UPSTASH_COMMAND_TIMEOUT",
            "900",
            "REDIS_CLUSTER_CONNECT_TIMEOUT",
            "70",
            "REDIS_CONNECTION_POOL_SIZE",
            "9",
            "UPSTASH_CONNECTION_POOL_SIZE",
            "3"
        };
        RemoteAccess start = RemoteAccess.defaults();
        RemoteAccess single = settings(AccessVariables.SINGLE, both).limits(start);
        RemoteAccess cluster = settings(AccessVariables.CLUSTER, both).limits(start);
        RemoteAccess upstash = settings(AccessVariables.UPSTASH, both).limits(start);
        assertEquals(
                List.of(Duration.ofMillis(300), Duration.ofMillis(300), Duration.ofMillis(900)),
                List.of(single.commandTimeout(), cluster.commandTimeout(), upstash.commandTimeout()));
        assertEquals(
                List.of(Duration.ofSeconds(5), Duration.ofMillis(70), Duration.ofSeconds(5)),
                List.of(single.connectTimeout(), cluster.connectTimeout(), upstash.connectTimeout()));
        assertEquals(List.of(9, 9, 3), List.of(single.poolSize(), cluster.poolSize(), upstash.poolSize()));
        assertTrue(complaint(AccessVariables.CLUSTER, "REDIS_CLUSTER_COMMAND_TIMEOUT", "soon")
                .startsWith("REDIS_CLUSTER_COMMAND_TIMEOUT is "));
    }

    @Test
    void theNameOfConnectionsIsChecked() {
        assertEquals(
                "shop-1",
                settings(AccessVariables.SINGLE, "REDIS_CLIENT_NAME", "shop-1")
                        .limits(RemoteAccess.defaults())
                        .clientName());
        assertTrue(complaint(AccessVariables.SINGLE, "REDIS_CLIENT_NAME", "the shop")
                .startsWith("REDIS_CLIENT_NAME is "));
    }

    @Test
    void aPasswordMayStandInAFile() throws Exception {
        Path file = file("password", " p w \n");
        RemoteAccess access = settings(
                        AccessVariables.CLUSTER,
                        "REDIS_CLUSTER_USERNAME",
                        "app",
                        "REDIS_CLUSTER_PASSWORD_FILE",
                        file.toString())
                .login(RemoteAccess.defaults());
        Login login = new Login(access);
        assertEquals(new Authentication("app", " p w "), login.ask());
        Files.writeString(file, "other");
        assertEquals(new Authentication("app", "other"), login.ask());
        assertNull(access.password());
    }

    @Test
    void aPasswordThatStandsWhereItsFileShouldIsNotShown() {
        Settings settings = Settings.of(Map.of("REDIS_PASSWORD_FILE", "hunter22"));
        CacheConfigException e = assertThrows(
                CacheConfigException.class, () -> new AccessSettings(settings, AccessVariables.SINGLE).passwordFile());
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace));
        assertTrue(e.getMessage().startsWith("REDIS_PASSWORD_FILE names a file"), e.getMessage());
        assertTrue(e.getMessage().contains("must be the path of a file"), e.getMessage());
        assertFalse(trace.toString().contains("hunter"), trace.toString());
    }

    /** Base64 may begin with a slash, as a path does. */
    @Test
    void aSecretThatLooksLikeAPathIsNotShownEither() {
        for (String secret : List.of("/hunter22", "/9j/hunter22", "/hunter22/x/y")) {
            String complaint = complaint(AccessVariables.SINGLE, "REDIS_PASSWORD_FILE", secret);
            assertFalse(complaint.contains("hunter"), complaint);
        }
    }

    @Test
    void whileAFileIsGoneOrEmptyWhatWasReadBeforeStands() throws Exception {
        Path file = file("password", "first\r\n");
        Login login = new Login(settings(AccessVariables.SINGLE, "REDIS_PASSWORD_FILE", file.toString())
                .login(RemoteAccess.defaults()));
        assertEquals("first", login.ask().password());
        Files.writeString(file, "\n");
        assertEquals("first", login.ask().password());
        Files.delete(file);
        assertEquals("first", login.ask().password());
        Files.createDirectory(file);
        assertEquals("first", login.ask().password());
        Files.delete(file);
        Files.writeString(file, "second");
        assertEquals("second", login.ask().password());
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void whatIsNoRegularFileIsRefusedAtTheStart() throws Exception {
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (String path : List.of(pipe.toString(), directory.toString(), "/dev/zero")) {
            String complaint = complaint(AccessVariables.SINGLE, "REDIS_PASSWORD_FILE", path);
            assertTrue(complaint.contains("is no regular file"), complaint);
        }
    }

    @Test
    void aFileThatIsMissingOrEmptyOrBesideAPasswordIsNamed() throws Exception {
        String missing = directory.resolve("missing").toString();
        String variable = "REDIS_PASSWORD_FILE";
        assertTrue(complaint(AccessVariables.SINGLE, variable, missing).startsWith(variable));
        assertTrue(complaint(AccessVariables.SINGLE, variable, missing).contains("is not there"));
        String empty = file("empty", "\n").toString();
        assertTrue(complaint(AccessVariables.SINGLE, variable, empty).contains("is empty"));
        String good = file("good", "hunter22").toString();
        String both = complaint(AccessVariables.SINGLE, variable, good, "REDIS_PASSWORD", "hunter23");
        assertTrue(both.contains("REDIS_PASSWORD and REDIS_PASSWORD_FILE are both set"), both);
        assertFalse(both.contains("hunter2"), both);
    }

    @Test
    void anAuthorityWithoutTlsIsAMistakeUnlessTlsIsSwitchedOff() {
        String authority = certificates.authority().toString();
        String complaint = complaint(AccessVariables.SINGLE, "REDIS_TLS_CA_FILE", authority);
        assertTrue(complaint.contains("REDIS_TLS_CA_FILE is set, but REDIS_TLS is not"), complaint);
        AccessSettings off = settings(AccessVariables.SINGLE, "REDIS_TLS_CA_FILE", authority, "REDIS_TLS", "false");
        assertNull(off.tls(RemoteAccess.defaults(), false).tls());
        AccessSettings shared = settings(AccessVariables.CLUSTER, "REDIS_TLS_CA_FILE", authority);
        assertNull(shared.tls(RemoteAccess.defaults(), false).tls(), "it may be the single tier's");
        assertNotNull(shared.tls(RemoteAccess.defaults(), true).tls());
    }

    @Test
    void whatIsVerifiedIsOneOfThreeWords() {
        for (Verification verification : Verification.values()) {
            TlsConfig tls = settings(
                            AccessVariables.CLUSTER,
                            "REDIS_TLS_VERIFY",
                            verification.name().toLowerCase(Locale.ROOT))
                    .tls(RemoteAccess.defaults(), true)
                    .tls();
            assertEquals(verification, tls.verification());
        }
        assertTrue(complaint(AccessVariables.SINGLE, "REDIS_TLS_VERIFY", "some").contains("full, ca, none"));
    }

    @Test
    void certificateAndKeyNeedEachOther() {
        Certificates.Client client = certificates.client();
        String complaint = complaint(
                AccessVariables.SINGLE,
                "REDIS_TLS",
                "true",
                "REDIS_TLS_CERT_FILE",
                client.certificate().toString());
        assertTrue(complaint.startsWith("REDIS_TLS_CERT_FILE is set, but REDIS_TLS_KEY_FILE is not"), complaint);
        String mixed = complaint(
                AccessVariables.SINGLE,
                "REDIS_TLS",
                "true",
                "REDIS_TLS_CERT_FILE",
                client.certificate().toString(),
                "REDIS_TLS_KEY_FILE",
                certificates.client().key().toString());
        assertTrue(mixed.contains("is not that of the certificate"), mixed);
    }

    @Test
    void anEncryptedKeyNeedsItsPasswordWhichMayBeAFileToo() throws Exception {
        Certificates.Client client = certificates.client("open sesame");
        String[] files = {
            "REDIS_TLS", "true",
            "REDIS_TLS_CERT_FILE", client.certificate().toString(),
            "REDIS_TLS_KEY_FILE", client.key().toString()
        };
        String without = complaint(AccessVariables.SINGLE, files);
        assertTrue(without.contains("it is encrypted") && without.contains("REDIS_TLS_KEY_PASSWORD"), without);
        String wrong = complaint(AccessVariables.SINGLE, with(files, "REDIS_TLS_KEY_PASSWORD", "open barley"));
        assertTrue(wrong.contains("its password is not the one"), wrong);
        assertFalse(wrong.contains("barley"), wrong);
        assertNotNull(settings(AccessVariables.SINGLE, with(files, "REDIS_TLS_KEY_PASSWORD", "open sesame"))
                .tls(RemoteAccess.defaults(), true)
                .tls());
        String secret = file("secret", "open sesame\n").toString();
        assertNotNull(settings(AccessVariables.SINGLE, with(files, "REDIS_TLS_KEY_PASSWORD_FILE", secret))
                .tls(RemoteAccess.defaults(), true)
                .tls());
    }

    private static String[] with(String[] pairs, String name, String value) {
        String[] more = Arrays.copyOf(pairs, pairs.length + 2);
        more[pairs.length] = name;
        more[pairs.length + 1] = value;
        return more;
    }

    @Test
    void filesThatHoldNoPemAreNamedWithWhatTheyMustHold() throws Exception {
        String text = file("text.pem", "not a certificate").toString();
        String authority = complaint(AccessVariables.SINGLE, "REDIS_TLS", "true", "REDIS_TLS_CA_FILE", text);
        assertTrue(authority.startsWith("REDIS_TLS_CA_FILE: ") && authority.contains("must be a PEM file"), authority);
        Certificates.Client client = certificates.client();
        String old = file("old.key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
                .toString();
        String key = complaint(
                AccessVariables.SINGLE,
                "REDIS_TLS",
                "true",
                "REDIS_TLS_CERT_FILE",
                client.certificate().toString(),
                "REDIS_TLS_KEY_FILE",
                old);
        assertTrue(key.contains("openssl pkcs8 -topk8"), key);
    }

    private static String text(Path file) throws Exception {
        return Files.readString(file);
    }

    @Test
    void certificatesStandInAnyOrderAndTheirKeyInTheSameFileIfNeedBe() throws Exception {
        Certificates.Client client = certificates.client();
        String own = text(client.certificate());
        String others =
                text(certificates.authority()) + text(Certificates.create().authority());
        for (String pem :
                List.of(own + others, others + own, text(client.key()) + others + own, "Subject: me\n" + own)) {
            String file = file("client.pem", pem + text(client.key())).toString();
            assertNotNull(
                    settings(
                                    AccessVariables.SINGLE,
                                    "REDIS_TLS_CA_FILE",
                                    file,
                                    "REDIS_TLS_CERT_FILE",
                                    file,
                                    "REDIS_TLS_KEY_FILE",
                                    file)
                            .tls(RemoteAccess.defaults(), true)
                            .tls(),
                    pem);
        }
    }

    @Test
    void aFileThatIsCutOffOrSpoiltIsNamed() throws Exception {
        String whole = text(certificates.authority());
        String two = whole + text(Certificates.create().authority());
        for (String spoilt : List.of(
                two.substring(0, two.length() - 40),
                whole.substring(0, whole.length() / 2),
                whole + whole.replace("MII", "!!!"),
                whole.replaceFirst("MII", "AAAA"),
                "")) {
            String file = file("spoilt.pem", spoilt).toString();
            String complaint = complaint(AccessVariables.SINGLE, "REDIS_TLS", "true", "REDIS_TLS_CA_FILE", file);
            assertTrue(complaint.startsWith("REDIS_TLS_CA_FILE: "), complaint);
            assertTrue(complaint.contains("must be a PEM file"), complaint);
        }
    }

    @Test
    void filesAreReadAgainWhenTheyChangeAndWhatCannotBeReadLeavesWhatWas() throws Exception {
        Path pem = directory.resolve("authority.pem");
        Files.copy(certificates.authority(), pem);
        TlsConfig tls = TlsConfig.system().withAuthorities(pem);
        SSLContext first = tls.context();
        assertSame(first, tls.context());
        Files.copy(Certificates.create().authority(), pem, StandardCopyOption.REPLACE_EXISTING);
        SSLContext second = tls.context();
        assertFalse(first == second, "another authority");
        Files.writeString(pem, "half a file");
        assertSame(second, tls.context());
        Files.copy(certificates.authority(), pem, StandardCopyOption.REPLACE_EXISTING);
        assertFalse(second == tls.context(), "it can be read again");
    }

    /** A pipe that nobody writes to hangs whoever reads it, as a file of a network's does whose server is gone. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aFileThatHangsHoldsUpNobodyButWhoReadsIt() throws Exception {
        Path pem = directory.resolve("authority.pem");
        Path pipe = directory.resolve("pipe");
        Files.copy(certificates.authority(), pem);
        TlsConfig tls = TlsConfig.system().withAuthorities(pem);
        SSLContext first = tls.context();
        assertEquals(0, new ProcessBuilder("mkfifo", pem + ".pipe").start().waitFor());
        Files.move(Path.of(pem + ".pipe"), pem, StandardCopyOption.REPLACE_EXISTING);
        FutureTask<SSLContext> hanging = new FutureTask<>(tls::context);
        Thread reader = new Thread(hanging);
        reader.setDaemon(true);
        reader.start();
        while (Arrays.stream(reader.getStackTrace())
                .noneMatch(frame -> frame.getMethodName().equals("newByteChannel"))) {
            assertFalse(hanging.isDone(), "it was to hang");
            Thread.onSpinWait();
        }
        Files.move(pem, pipe);
        Files.copy(Certificates.create().authority(), pem);
        FutureTask<SSLContext> other = new FutureTask<>(tls::context);
        Thread another = new Thread(other);
        another.setDaemon(true);
        another.start();
        SSLContext second = other.get(10, TimeUnit.SECONDS);
        assertFalse(first == second, "another authority");
        Files.write(pipe, Files.readAllBytes(certificates.authority()));
        hanging.get(10, TimeUnit.SECONDS);
        assertSame(second, tls.context(), "what was read last stands");
    }

    @Test
    void aContextOfOnesOwnCannotBeToldToVerifyNothing() throws Exception {
        TlsConfig own = TlsConfig.of(SSLContext.getDefault());
        assertThrows(IllegalArgumentException.class, () -> own.withVerification(Verification.NONE));
        assertSame(
                SSLContext.getDefault(), own.withVerification(Verification.CA).context());
        assertSame(
                SSLContext.getDefault(),
                TlsConfig.system()
                        .withVerification(Verification.NONE)
                        .withVerification(Verification.FULL)
                        .context());
    }

    @Test
    void addressesAreHostAndPortOrHostAlone() {
        assertEquals(
                List.of(new Address("h", 1), new Address("::1", 26_379), new Address("k", 26_379)),
                Address.parseAll(List.of("h:1", "[::1]", "k"), 26_379));
        for (String wrong : List.of("", "h", "h:0", "::1", "[::1", "h:1:2", "p@h:1")) {
            String message = assertThrows(
                            IllegalArgumentException.class, () -> Address.parseAll(List.of("ok:1", wrong), 0))
                    .getMessage();
            assertTrue(message.startsWith("node 2 must be host:port"), message);
        }
        assertThrows(IllegalArgumentException.class, () -> Address.parseAll(List.of(), 0));
    }
}
